using System.Threading.Channels;
using Envoy.Config.Core.V3;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Xds.Tests.Client;

/// <summary>A client against a scripted server, with a clock that stands still.</summary>
internal sealed class XdsClientFixture : IAsyncDisposable
{

    private readonly ILoggerFactory _logging;

    private XdsClientFixture(FakeXdsServer server, XdsClientOptions options)
    {
        Server = server;
        _logging = LoggerFactory.Create(logging => logging.AddProvider(Logs));
        Client = new XdsClient(options, Time, _logging.CreateLogger<XdsClient>());
    }

    public FakeTimeProvider Time { get; } = new();

    public LogGuard Logs { get; } = new();

    public FakeXdsServer Server { get; private set; }

    public XdsClient Client { get; }

    public static async Task<XdsClientFixture> StartAsync(bool delta = true, Func<XdsClientOptions, XdsClientOptions>? with = null)
    {
        var server = await FakeXdsServer.StartAsync(delta);
        var options = new XdsClientOptions { Server = server.Address, Node = new Node { Id = "me" } };
        return new XdsClientFixture(server, with?.Invoke(options) ?? options);
    }

    public ChannelReader<XdsUpdate<XdsConfig>> Watch(string name) => Watch(name, out _);

    public ChannelReader<XdsUpdate<XdsConfig>> Watch(string name, out IDisposable watch)
    {
        var updates = Channel.CreateUnbounded<XdsUpdate<XdsConfig>>();
        watch = Client.WatchTarget(name, update => updates.Writer.TryWrite(update));
        return updates.Reader;
    }

    /// <summary>Answers one name after another until a target is whole: listener, routes, cluster, endpoints.</summary>
    public static async Task ServeAsync(FakeXdsStream stream, string target, string version, CancellationToken end)
    {
        await ExpectAsync(stream, Protos.XdsTypeUrls.Listener, end);
        await stream.SendAsync(Protos.XdsTypeUrls.Listener, version, (target, XdsResources.Listener(target)));
        await ExpectAsync(stream, Protos.XdsTypeUrls.RouteConfiguration, end);
        await stream.SendAsync(Protos.XdsTypeUrls.RouteConfiguration, version, ("routes", XdsResources.Routes()));
        await ExpectAsync(stream, Protos.XdsTypeUrls.Cluster, end);
        await stream.SendAsync(Protos.XdsTypeUrls.Cluster, version, ("orders", XdsResources.Cluster()));
        await ExpectAsync(stream, Protos.XdsTypeUrls.ClusterLoadAssignment, end);
        await stream.SendAsync(Protos.XdsTypeUrls.ClusterLoadAssignment, version, ("orders", XdsResources.Endpoints()));
    }

    /// <summary>The next request of that type that names something new; ACKs before it are left aside.</summary>
    public static async Task<FakeXdsRequest> ExpectAsync(FakeXdsStream stream, string typeUrl, CancellationToken end)
    {
        while (true)
        {
            var request = await stream.NextRequestAsync(end);
            if (request.TypeUrl == typeUrl && request.Names.Count > 0)
            {
                return request;
            }
        }
    }

    /// <summary>The answer to a response: its ACK or NACK.</summary>
    public static async Task<FakeXdsRequest> AnswerAsync(FakeXdsStream stream, string typeUrl, string nonce, CancellationToken end)
    {
        while (true)
        {
            var request = await stream.NextRequestAsync(end);
            if (request.TypeUrl == typeUrl && request.Nonce == nonce)
            {
                return request;
            }
        }
    }

    public async Task RestartServerAsync()
    {
        var port = Server.Address.Port;
        await Server.DisposeAsync();
        Server = await FakeXdsServer.StartAsync(port: port);
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await Server.DisposeAsync();
        _logging.Dispose();
        Logs.Dispose();
    }
}
