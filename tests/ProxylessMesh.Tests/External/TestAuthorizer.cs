using System.Collections.Concurrent;
using System.Net;
using Envoy.Config.Core.V3;
using Envoy.Service.Auth.V3;
using Envoy.Type.V3;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ProxylessMesh.Tests.External;

/// <summary>A real gRPC authorizer on a free loopback port that answers as the test says and keeps what it was asked.</summary>
internal sealed class TestAuthorizer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TestAuthorizer(WebApplication app, Script script)
    {
        _app = app;
        Authority = $"127.0.0.1:{new Uri(app.Urls.First()).Port}";
        Asked = script.Asked;
        AnswerWith = answer => script.Answer = answer;
    }

    public string Authority { get; }

    public ConcurrentQueue<CheckRequest> Asked { get; }

    public Action<Func<CheckRequest, CancellationToken, Task<CheckResponse>>> AnswerWith { get; }

    public static CheckResponse Ok(OkHttpResponse? how = null) => new() { Status = new Google.Rpc.Status(), OkResponse = how };

    public static CheckResponse No(int status = 0, string body = "", params HeaderValueOption[] headers)
        => new() { Status = new Google.Rpc.Status { Code = 7 }, DeniedResponse = new DeniedHttpResponse { Status = new HttpStatus { Code = (Envoy.Type.V3.StatusCode)status }, Body = body, Headers = { headers } } };

    public static HeaderValueOption Header(string name, string value, bool? append = null, HeaderValueOption.Types.HeaderAppendAction action = default)
        => new() { Header = new HeaderValue { Key = name, Value = value }, Append = append, AppendAction = action };

    public static async Task<TestAuthorizer> StartAsync(CheckResponse answer)
    {
        var script = new Script { Answer = (_, _) => Task.FromResult(answer) };
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddSingleton(script);
        builder.Services.AddGrpc();
        var app = builder.Build();
        app.MapGrpcService<Service>();
        await app.StartAsync();
        return new TestAuthorizer(app, script);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private sealed class Script
    {
        public ConcurrentQueue<CheckRequest> Asked { get; } = [];

        public required Func<CheckRequest, CancellationToken, Task<CheckResponse>> Answer { get; set; }
    }

    private sealed class Service(Script script) : Envoy.Service.Auth.V3.Authorization.AuthorizationBase
    {
        public override Task<CheckResponse> Check(CheckRequest request, ServerCallContext context)
        {
            script.Asked.Enqueue(request);
            return script.Answer(request, context.CancellationToken);
        }
    }
}
