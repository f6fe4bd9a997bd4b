using System.Net;
using System.Net.Security;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;
using Xds.Data.Orca.V3;

namespace ProxylessMesh.Client.Tests.Outbound;

public sealed class GrpcTests : IAsyncLifetime
{
    private readonly TestCa _ca = TestCa.Create();
    private readonly Answers _answers = new();
    private WebApplication _app = null!;
    private TestMesh _mesh = null!;

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    private IPEndPoint Address => new(IPAddress.Loopback, new Uri(_app.Urls.Single()).Port);

    public async ValueTask InitializeAsync()
    {
        var identity = _ca.Issue("shop", "pricing");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(_answers);
        builder.Services.AddGrpc();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = _ => new(SpiffeTls.ForServer(identity, static _ => true, [SslApplicationProtocol.Http2])),
        })));
        _app = builder.Build();
        _app.MapGrpcService<Identities>();
        _app.MapGrpcService<Workloads>();
        await _app.StartAsync();
        _mesh = new TestMesh(
            new TestIdentitySource(_ca.Issue("shop", "storefront")),
            configure: static services =>
            {
                services.AddGrpcClient<IdentityService.IdentityServiceClient>(static options => options.Address = new Uri("http://pricing"));
                services.AddGrpcClient<WorkloadService.WorkloadServiceClient>(static options => options.Address = new Uri("http://pricing"));
            });
        Publish(Configs.Forward("pricing"));
    }

    public async ValueTask DisposeAsync()
    {
        await _mesh.DisposeAsync();
        await _app.DisposeAsync();
    }

    [Fact]
    public async Task Unary_call_goes_over_mutual_tls()
    {
        var reply = await Client().IssueIdentityAsync(new IssueIdentityRequest { Namespace = "n" }, cancellationToken: TestEnd);

        Assert.Equal("spiffe://n", reply.SpiffeId);
        RetryTests.AssertIdle(_mesh, "pricing");
    }

    [Fact]
    public async Task Load_report_in_the_trailers_is_the_weight_of_its_endpoint()
    {
        var weights = new WeightedRoundRobinConfig { BlackoutPeriod = TimeSpan.Zero };
        Publish(Configs.Forward("pricing"), new LoadBalancerConfig { Kind = LoadBalancerKind.WeightedRoundRobin, WeightedRoundRobin = weights });
        _answers.Report = new OrcaLoadReport { ApplicationUtilization = 0.25, RpsFractional = 50 }.ToByteArray();

        await Client().IssueIdentityAsync(new IssueIdentityRequest { Namespace = "n" }, cancellationToken: TestEnd);

        var endpoint = _mesh.Cluster("pricing").Endpoints.Single();
        Assert.Equal(WeightState.Usable, endpoint.ReportedWeight.Read(TimeProvider.System, TimeProvider.System.GetTimestamp(), weights, out var weight));
        Assert.Equal(200, weight, 9);
    }

    [Fact]
    public async Task Duplex_call_streams_both_ways_and_counts_until_its_trailers()
    {
        using var call = _mesh.Services.GetRequiredService<WorkloadService.WorkloadServiceClient>().Join(cancellationToken: TestEnd);
        for (var i = 0; i < 3; i++)
        {
            await call.RequestStream.WriteAsync(new JoinRequest { Registration = new Registration { Service = $"s{i}" } }, TestEnd);
            Assert.True(await call.ResponseStream.MoveNext(TestEnd));
            Assert.Equal($"s{i}", call.ResponseStream.Current.Registered.Host);
        }

        Assert.Equal(1, _mesh.Cluster("pricing").Members.Breaker.Active);
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(TestEnd));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        RetryTests.AssertIdle(_mesh, "pricing");
    }

    [Fact]
    public async Task Cancelled_duplex_call_leaves_no_count()
    {
        using (var call = _mesh.Services.GetRequiredService<WorkloadService.WorkloadServiceClient>().Join(cancellationToken: TestEnd))
        {
            await call.RequestStream.WriteAsync(new JoinRequest { Registration = new Registration { Service = "s" } }, TestEnd);
            Assert.True(await call.ResponseStream.MoveNext(TestEnd));
        }

        RetryTests.AssertIdle(_mesh, "pricing");
    }

    [Theory]
    [InlineData("Unavailable", StatusCode.Unavailable, 2)]
    [InlineData("Unavailable", StatusCode.Internal, 1)]
    [InlineData("None", StatusCode.Unavailable, 1)]
    [InlineData("ResourceExhausted", StatusCode.ResourceExhausted, 2)]
    public async Task Status_is_retried_only_where_the_policy_lists_it(string on, StatusCode failure, int expectedCalls)
    {
        Publish(Configs.Forward("pricing") with { Retry = new RetryConfig { On = Enum.Parse<RetryConditions>(on), MaxRetries = 3 } });
        _answers.FirstFailure = failure;

        var call = Client().IssueIdentityAsync(new IssueIdentityRequest { Namespace = "n" }, cancellationToken: TestEnd);

        if (expectedCalls == 1)
        {
            Assert.Equal(failure, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        }
        else
        {
            Assert.Equal("spiffe://n", (await call).SpiffeId);
        }

        Assert.Equal(expectedCalls, _answers.Calls);
        RetryTests.AssertIdle(_mesh, "pricing");
    }

    [Fact]
    public async Task Errors_of_the_mesh_are_statuses()
    {
        _mesh.Xds.Publish(Configs.Host("pricing"));

        var error = await Assert.ThrowsAsync<RpcException>(async () => await Client().IssueIdentityAsync(new IssueIdentityRequest(), cancellationToken: TestEnd));

        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
        Assert.Contains("no healthy endpoint", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Injected_fault_is_a_status()
    {
        _mesh.Xds.Publish(Configs.Host("pricing").With(new FaultConfig { AbortGrpcStatus = 8, AbortFraction = new FractionMatcher(FractionMatcher.Always) }));

        var error = await Assert.ThrowsAsync<RpcException>(async () => await Client().IssueIdentityAsync(new IssueIdentityRequest(), cancellationToken: TestEnd));

        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
    }

    [Fact]
    public async Task Deadline_on_the_wire_is_the_shorter_of_the_callers_and_the_routes()
    {
        Publish(Configs.Forward("pricing") with { MaxStreamDuration = TimeSpan.FromSeconds(20) });

        await Client().IssueIdentityAsync(new IssueIdentityRequest(), cancellationToken: TestEnd);
        Assert.InRange(_answers.LastDeadline - DateTime.UnixEpoch - (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch), TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(20.5));

        await Client().IssueIdentityAsync(new IssueIdentityRequest(), deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(5), cancellationToken: TestEnd);
        Assert.InRange(_answers.LastDeadline - DateTime.UnixEpoch - (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch), TimeSpan.Zero, TimeSpan.FromSeconds(5.5));
    }

    private IdentityService.IdentityServiceClient Client() => _mesh.Services.GetRequiredService<IdentityService.IdentityServiceClient>();

    [Fact]
    public async Task Mirror_of_a_unary_call_gets_its_message()
    {
        var copied = new TaskCompletionSource<string>();
        await using var shadow = await TestBackend.StartAsync(
            async http =>
            {
                using var body = new MemoryStream();
                await http.Request.Body.CopyToAsync(body, http.RequestAborted);
                http.Response.Headers["grpc-status"] = "0";
                copied.TrySetResult($"{http.Request.Protocol} {http.Request.Path.Value!.Split('/')[^1]} {http.Request.Host} {http.Request.ContentType} {body.Length}");
            },
            new TestIdentitySource(_ca.Issue("shop", "shadow")));
        _mesh.Xds.Publish(Configs.Host(
            "pricing",
            Configs.Forward("pricing") with { Mirrors = [new MirrorConfig("shadow", new FractionMatcher(FractionMatcher.Always))] },
            Configs.Cluster(new ClusterConfig { Name = "pricing", Tls = new UpstreamTlsConfig() }, Address),
            Configs.Cluster(new ClusterConfig { Name = "shadow", Tls = new UpstreamTlsConfig() }, shadow.Address)));

        var reply = await Client().IssueIdentityAsync(new IssueIdentityRequest { Namespace = "n" }, cancellationToken: TestEnd);

        Assert.Equal("spiffe://n", reply.SpiffeId);
        Assert.Equal("HTTP/2 IssueIdentity pricing-shadow application/grpc 8", await copied.Task.WaitAsync(TestEnd));
    }

    private void Publish(RouteActionConfig action, LoadBalancerConfig? balancer = null) => _mesh.Xds.Publish(Configs.Host("pricing", action, Configs.Cluster(
        new ClusterConfig { Name = "pricing", LoadBalancer = balancer ?? new LoadBalancerConfig(), Tls = new UpstreamTlsConfig { PeerNames = [StringMatcher.Exact("spiffe://mesh.local/ns/shop/sa/pricing")] } },
        Address)));

    internal sealed class Answers
    {
        public int Calls { get; set; }

        public StatusCode? FirstFailure { get; set; }

        public DateTime LastDeadline { get; set; }

        public byte[]? Report { get; set; }
    }

    private sealed class Identities(Answers answers) : IdentityService.IdentityServiceBase
    {
        public override Task<IssueIdentityResponse> IssueIdentity(IssueIdentityRequest request, ServerCallContext context)
        {
            answers.LastDeadline = context.Deadline;
            if (answers.Report is { } report)
            {
                context.ResponseTrailers.Add("endpoint-load-metrics-bin", report);
            }

            if (++answers.Calls == 1 && answers.FirstFailure is { } failure)
            {
                throw new RpcException(new Status(failure, "as the test asked"));
            }

            return Task.FromResult(new IssueIdentityResponse { SpiffeId = $"spiffe://{request.Namespace}" });
        }
    }

    private sealed class Workloads : WorkloadService.WorkloadServiceBase
    {
        public override async Task Join(IAsyncStreamReader<JoinRequest> requestStream, IServerStreamWriter<JoinResponse> responseStream, ServerCallContext context)
        {
            await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken))
            {
                await responseStream.WriteAsync(new JoinResponse { Registered = new Registered { Host = request.Registration.Service } }, context.CancellationToken);
            }
        }
    }
}
