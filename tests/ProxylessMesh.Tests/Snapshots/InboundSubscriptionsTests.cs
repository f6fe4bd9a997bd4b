using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Admission;
using ProxylessMesh.Snapshots;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Tests.Snapshots;

public sealed class InboundSubscriptionsTests : IDisposable
{
    private readonly InboundOnly _xds = new();
    private readonly InboundPorts _ports = new(TimeProvider.System);
    private readonly FakeTimeProvider _time = new();
    private readonly LogGuard _logs = new(LogLevel.Debug);
    private readonly LoggerFactory _loggers = new();
    private readonly InboundSubscriptions _subscriptions;

    public InboundSubscriptionsTests()
    {
        _loggers.AddProvider(_logs);
        _subscriptions = new InboundSubscriptions(_xds, _ports, _time, new Logger<InboundSubscriptions>(_loggers));
    }

    public void Dispose()
    {
        _subscriptions.Dispose();
        _loggers.Dispose();
        _logs.Dispose();
    }

    [Fact]
    public void Start_that_waits_for_its_registration_warns_nobody()
    {
        _subscriptions.Watch(new IPEndPoint(IPAddress.Loopback, 8080), boundPort: 5000);

        _xds.Push(new XdsUpdate<InboundConfig>.Missing("not registered"));
        _time.Advance(TimeSpan.FromSeconds(4));
        _xds.Push(new XdsUpdate<InboundConfig>.Ready(Policies.Strict()));
        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.DoesNotContain(_logs.Entries, static entry => entry.Level >= LogLevel.Warning);
    }

    [Fact]
    public void Policy_that_does_not_come_is_warned_about_once_after_a_moment()
    {
        _subscriptions.Watch(new IPEndPoint(IPAddress.Loopback, 8080), boundPort: 5000);

        _xds.Push(new XdsUpdate<InboundConfig>.Missing("not registered"));
        _xds.Push(new XdsUpdate<InboundConfig>.Missing("not registered by anyone"));
        Assert.DoesNotContain(_logs.Entries, static entry => entry.Level >= LogLevel.Warning);
        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.Contains("not registered by anyone", Assert.Single(_logs.Entries, static entry => entry.Level >= LogLevel.Warning).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Policy_that_is_taken_away_later_is_warned_about_at_once()
    {
        _subscriptions.Watch(new IPEndPoint(IPAddress.Loopback, 8080), boundPort: 5000);
        _xds.Push(new XdsUpdate<InboundConfig>.Ready(Policies.Strict()));

        _xds.Push(new XdsUpdate<InboundConfig>.Missing("not registered"));

        Assert.Single(_logs.Entries, static entry => entry.Level == LogLevel.Warning);
    }

    [Theory]
    [InlineData("10.1.2.3", "proxylessmesh/inbound/10.1.2.3:8080")]
    [InlineData("fd00::1", "proxylessmesh/inbound/[fd00::1]:8080")]
    public void Listener_is_asked_for_by_the_address_that_peers_are_told(string address, string name)
    {
        _subscriptions.Watch(new IPEndPoint(IPAddress.Parse(address), 8080), boundPort: 5000);

        Assert.Equal([name], _xds.Watchers.Keys);
    }

    [Fact]
    public void Policy_comes_in_force_on_the_bound_port()
    {
        var port = _subscriptions.Watch(new IPEndPoint(IPAddress.Loopback, 8080), boundPort: 5000);
        Assert.False(port.Current.HasPolicy);
        Assert.False(port.PolicyArrived.IsCompleted);

        _xds.Push(new XdsUpdate<InboundConfig>.Ready(Policies.Permissive()));

        Assert.Same(port, _ports.Get(5000));
        Assert.Equal("PERMISSIVE", port.Current.Mode);
        Assert.True(port.PolicyArrived.IsCompleted);
    }

    [Fact]
    public void Last_good_policy_stays_when_the_control_plane_forgets_or_fails()
    {
        var port = _subscriptions.Watch(new IPEndPoint(IPAddress.Loopback, 8080), boundPort: 5000);
        _xds.Push(new XdsUpdate<InboundConfig>.Ready(Policies.Strict()));
        var good = port.Current;

        _xds.Push(new XdsUpdate<InboundConfig>.Missing("not registered"));
        _xds.Push(new XdsUpdate<InboundConfig>.Failed("unreachable"));

        Assert.Same(good, port.Current);
    }

    [Fact]
    public void Missing_policy_before_any_good_one_opens_nothing()
    {
        var port = _subscriptions.Watch(new IPEndPoint(IPAddress.Loopback, 8080), boundPort: 5000);

        _xds.Push(new XdsUpdate<InboundConfig>.Missing("not registered"));

        Assert.Same(InboundSnapshot.Waiting, port.Current);
    }

    [Theory]
    [InlineData("STRICT", true, false)]
    [InlineData("PERMISSIVE", true, true)]
    [InlineData("DISABLE", false, true)]
    [InlineData("none", false, false)]
    public void Filter_chains_say_the_mode(string mode, bool tls, bool plaintext)
    {
        var chains = new[] { (Wanted: tls, From: Policies.Strict()), (Wanted: plaintext, From: Policies.Disabled()) };
        var listener = new ListenerConfig { Name = "l", FilterChains = [.. chains.Where(static chain => chain.Wanted).SelectMany(static chain => chain.From.Listener.FilterChains)] };

        var snapshot = new InboundCompiler(new AdmissionPool(TimeProvider.System), TimeProvider.System).Compile(new InboundConfig { Name = "l", Listener = listener });

        Assert.Equal(mode, snapshot.Mode);
    }

    [Fact]
    public void Default_chain_with_TLS_serves_TLS_alone()
    {
        var chain = Policies.Strict().Listener.FilterChains.Single() with { Transport = TransportProtocol.Any };

        var snapshot = new InboundCompiler(new AdmissionPool(TimeProvider.System), TimeProvider.System).Compile(new InboundConfig { Name = "l", Listener = new ListenerConfig { Name = "l", DefaultFilterChain = chain } });

        Assert.Equal("STRICT", snapshot.Mode);
    }

    private sealed class InboundOnly : IXdsClient
    {
        public Dictionary<string, XdsWatcher<InboundConfig>> Watchers { get; } = [];

        public IDisposable WatchTarget(string listenerName, XdsWatcher<XdsConfig> watcher) => throw new NotSupportedException("This test is about inbound listeners.");

        public IDisposable WatchInbound(string listenerName, XdsWatcher<InboundConfig> watcher)
        {
            Watchers.Add(listenerName, watcher);
            return new MemoryStream();
        }

        public void Push(XdsUpdate<InboundConfig> update)
        {
            foreach (var watcher in Watchers.Values)
            {
                watcher(update);
            }
        }
    }
}
