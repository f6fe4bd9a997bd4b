using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using IstioCa;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;

namespace ProxylessMesh.TestSupport;

/// <summary>A real server of Istio's certificate service on loopback, over TLS as <c>istiod.test</c>, that says what the test wants.</summary>
internal sealed class FakeIstioCa : IAsyncDisposable
{
    public const string ServerName = "istiod.test";

    private readonly WebApplication _app;

    private FakeIstioCa(WebApplication app, Answers answers)
    {
        _app = app;
        Given = answers;
        Address = new Uri("https://127.0.0.1:" + new Uri(app.Urls.First()).Port);
    }

    public Uri Address { get; }

    public Answers Given { get; }

    /// <param name="ca">Signs the server's own certificate.</param>
    /// <param name="server">The server's certificate, where it is to be another one.</param>
    public static async Task<FakeIstioCa> StartAsync(TestCa ca, TestLeaf? server = null)
    {
        var answers = new Answers();
        var certificate = ca.Leaf(server ?? new TestLeaf { DnsNames = [ServerName] });
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;

            // Not by the plain option: Kestrel refuses to start with the certificates of a bad server.
            listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificate = certificate, ApplicationProtocols = [SslApplicationProtocol.Http2] }),
            });
        }));
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(new Service(answers));
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(static host => host.ShutdownTimeout = TimeSpan.Zero);
        var app = builder.Build();
        app.MapGrpcService<Service>();
        await app.StartAsync();
        return new FakeIstioCa(app, answers);
    }

    /// <summary>Signs a request as istiod does: the identity is the token's, whatever the request says. Leaf, intermediates, root.</summary>
    public static IstioCertificateResponse Sign(IstioCertificateRequest request, TestCa ca, TestLeaf leaf)
    {
        var csr = CertificateRequest.LoadSigningRequestPem(request.Csr, HashAlgorithmName.SHA256);
        var answer = new IstioCertificateResponse();
        answer.CertChain.AddRange([TestPem.Of([ca.Sign(leaf, csr.PublicKey)]), .. ca.Intermediates.Select(static certificate => TestPem.Of([certificate])), TestPem.Of(ca.Bundle.Authorities)]);
        return answer;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    internal sealed class Answers
    {
        private readonly Lock _gate = new();
        private readonly List<(string Token, string Cluster, IstioCertificateRequest Request)> _requests = [];

        /// <summary>What a request gets; it may throw. The default refuses.</summary>
        public Func<IstioCertificateRequest, IstioCertificateResponse> Certificates { get; set; } = static _ => throw new RpcException(new Status(StatusCode.Unauthenticated, "request authenticate failure"));

        /// <summary>What came so far.</summary>
        public IReadOnlyList<(string Token, string Cluster, IstioCertificateRequest Request)> Requests
        {
            get
            {
                lock (_gate)
                {
                    return [.. _requests];
                }
            }
        }

        internal void Note(string token, string cluster, IstioCertificateRequest request)
        {
            lock (_gate)
            {
                _requests.Add((token, cluster, request));
            }
        }
    }

    internal sealed class Service(Answers given) : IstioCertificateService.IstioCertificateServiceBase
    {
        public override Task<IstioCertificateResponse> CreateCertificate(IstioCertificateRequest request, ServerCallContext context)
        {
            given.Note(context.RequestHeaders.GetValue("authorization") ?? "", context.RequestHeaders.GetValue("clusterid") ?? "", request);
            return Task.FromResult(given.Certificates(request));
        }
    }
}
