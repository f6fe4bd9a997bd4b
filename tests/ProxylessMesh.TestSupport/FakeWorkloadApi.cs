using System.Net;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.Spiffe;
using WorkloadApi;

namespace ProxylessMesh.TestSupport;

/// <summary>
/// A real SPIFFE Workload API on loopback that says what the test wants: what is set goes to every open stream at once. Without an answer
/// set it refuses with PERMISSION_DENIED, as an agent does that has no entry for the caller.
/// </summary>
internal sealed class FakeWorkloadApi : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeWorkloadApi(WebApplication app, Answers answers)
    {
        _app = app;
        Given = answers;
        Address = "tcp://127.0.0.1:" + new Uri(app.Urls.First()).Port;
    }

    /// <summary>In the form of <c>SPIFFE_ENDPOINT_SOCKET</c>.</summary>
    public string Address { get; private init; }

    public Answers Given { get; }

    /// <summary>Starts on a free port, or on a UNIX socket.</summary>
    public static async Task<FakeWorkloadApi> StartAsync(string? socketPath = null)
    {
        var answers = new Answers();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            if (socketPath is null)
            {
                kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http2);
            }
            else
            {
                kestrel.ListenUnixSocket(socketPath, static listen => listen.Protocols = HttpProtocols.Http2);
            }
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(new Service(answers));
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(static host => host.ShutdownTimeout = TimeSpan.Zero);
        var app = builder.Build();
        app.MapGrpcService<Service>();
        await app.StartAsync();
        return socketPath is null ? new FakeWorkloadApi(app, answers) : new FakeWorkloadApi(app, answers) { Address = "unix://" + socketPath };
    }

    /// <summary>An identity as it goes over the wire, with its own trust domain's bundle.</summary>
    public static X509SVID Svid(WorkloadIdentity identity, string hint = "")
    {
        using var key = identity.Leaf.GetECDsaPrivateKey()!;
        identity.Bundles.TryGet(identity.Id.TrustDomain, out var bundle);
        return new X509SVID
        {
            SpiffeId = identity.Id.ToString(),
            X509Svid = Join([identity.Leaf, .. identity.Intermediates]),
            X509SvidKey = ByteString.CopyFrom(key.ExportPkcs8PrivateKey()),
            Bundle = Join(bundle!.Authorities),
            Hint = hint,
        };
    }

    public static ByteString Join(IEnumerable<X509Certificate2> certificates) => ByteString.CopyFrom([.. certificates.SelectMany(static certificate => certificate.RawData)]);

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    /// <summary>What the next call gets, and every open stream.</summary>
    internal sealed class Answers
    {
        private readonly Lock _gate = new();
        private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private X509SVIDResponse? _svids;
        private JWTBundlesResponse? _jwtBundles;
        private int _ends;

        /// <summary>Signs a token; the default refuses.</summary>
        public Func<JWTSVIDRequest, JWTSVIDResponse> Tokens { get; set; } = static _ => throw new RpcException(new Status(StatusCode.PermissionDenied, "no identity issued"));

        /// <summary>Streams of X.509-SVIDs opened so far.</summary>
        public int Streams { get; set; }

        /// <summary>Requests for tokens so far.</summary>
        public int TokenRequests { get; set; }

        public void Set(params X509SVID[] svids)
        {
            var response = new X509SVIDResponse();
            response.Svids.AddRange(svids);
            Set(response);
        }

        public void Set(X509SVIDResponse? response) => Change(() => _svids = response);

        public void Set(JWTBundlesResponse response) => Change(() => _jwtBundles = response);

        /// <summary>Ends the streams that are open, as an agent does that restarts.</summary>
        public void EndStreams() => Change(() => _ends++);

        internal (X509SVIDResponse? Svids, JWTBundlesResponse? Bundles, int Ends, Task Changed) Now()
        {
            lock (_gate)
            {
                return (_svids, _jwtBundles, _ends, _changed.Task);
            }
        }

        private void Change(Action change)
        {
            TaskCompletionSource before;
            lock (_gate)
            {
                change();
                before = _changed;
                _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            before.SetResult();
        }
    }

    internal sealed class Service(Answers given) : SpiffeWorkloadAPI.SpiffeWorkloadAPIBase
    {
        public override async Task FetchX509SVID(X509SVIDRequest request, IServerStreamWriter<X509SVIDResponse> responseStream, ServerCallContext context)
        {
            given.Streams++;
            await FollowAsync(static now => now.Svids, responseStream, context);
        }

        public override Task FetchJWTBundles(JWTBundlesRequest request, IServerStreamWriter<JWTBundlesResponse> responseStream, ServerCallContext context)
            => FollowAsync(static now => now.Bundles, responseStream, context);

        public override Task<JWTSVIDResponse> FetchJWTSVID(JWTSVIDRequest request, ServerCallContext context)
        {
            Check(context);
            given.TokenRequests++;
            return Task.FromResult(given.Tokens(request));
        }

        private async Task FollowAsync<T>(Func<(X509SVIDResponse? Svids, JWTBundlesResponse? Bundles), T?> select, IServerStreamWriter<T> stream, ServerCallContext context)
            where T : class
        {
            Check(context);
            var ends = given.Now().Ends;
            T? sent = null;
            while (true)
            {
                var now = given.Now();
                if (now.Ends != ends)
                {
                    return;
                }

                var answer = select((now.Svids, now.Bundles)) ?? throw new RpcException(new Status(StatusCode.PermissionDenied, "no identity issued"));
                if (!ReferenceEquals(answer, sent))
                {
                    await stream.WriteAsync(answer, context.CancellationToken);
                    sent = answer;
                }

                await now.Changed.WaitAsync(context.CancellationToken);
            }
        }

        private static void Check(ServerCallContext context)
        {
            if (context.RequestHeaders.GetValue("workload.spiffe.io") != "true")
            {
                throw new RpcException(new Status(StatusCode.InvalidArgument, "security header missing from request"));
            }
        }
    }
}
