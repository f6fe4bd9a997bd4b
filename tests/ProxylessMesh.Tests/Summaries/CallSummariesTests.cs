using System.Net;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Authentication;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Summaries;

namespace ProxylessMesh.Tests.Summaries;

public sealed class CallSummariesTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Calls_that_are_alike_are_one_summary_with_a_count()
    {
        var calls = Create();

        Record(calls, Call("storefront", "/items"), times: 3);
        Record(calls, Call("storefront", "/orders"));
        Record(calls, Call("batch", "/items"));

        Assert.Equal([("batch", "/items", 1L), ("storefront", "/items", 3), ("storefront", "/orders", 1)], Counts(calls));
    }

    [Fact]
    public void Calls_leave_the_record_when_the_window_has_passed_over_them()
    {
        var calls = Create();
        Record(calls, Call("storefront", "/old"), times: 5);
        _time.Advance(TimeSpan.FromMinutes(6));
        Record(calls, Call("storefront", "/old"), times: 2);

        Assert.Equal([("storefront", "/old", 7L)], Counts(calls));
        Assert.Equal(2, Assert.Single(calls.Within(TimeSpan.FromMinutes(3))).Count);

        _time.Advance(TimeSpan.FromMinutes(6));
        Assert.Equal([("storefront", "/old", 2L)], Counts(calls));

        _time.Advance(TimeSpan.FromMinutes(60));
        Assert.Empty(Counts(calls));
        Record(calls, Call("storefront", "/new"));
        Assert.Equal([("storefront", "/new", 1L)], Counts(calls));
    }

    [Fact]
    public void Many_paths_of_one_endpoint_become_its_template()
    {
        var calls = Create();

        for (var id = 0; id < 1000; id++)
        {
            Record(calls, Call("storefront", $"/orders/{id}") with { Endpoint = "/orders/{id}" });
        }

        var entries = calls.Within(TimeSpan.FromMinutes(10)).ToList();
        Assert.Equal(CallSummaries.MaxPathsPerEndpoint + 1, entries.Count);
        var folded = Assert.Single(entries, static entry => entry.Key.Path is null);
        Assert.Equal("/orders/{id}", folded.Key.Endpoint);
        Assert.Equal("GET", folded.Key.Method);
        Assert.Equal(1000 - CallSummaries.MaxPathsPerEndpoint, folded.Count);
    }

    [Fact]
    public void Path_that_differs_from_its_template_in_case_is_not_folded_into_it()
    {
        var call = Call("storefront", "/ORDERS/7") with { Endpoint = "/orders/{id}" };

        Assert.Null(call.Folded);
        Assert.Null((Call("storefront", "/orders/7") with { Endpoint = "/orders/{id}" }).Folded!.Value.Path);
    }

    [Fact]
    public void Caller_that_asks_for_everything_uses_up_its_own_share_alone()
    {
        var calls = Create(max: 64);
        for (var i = 0; i < 10_000; i++)
        {
            Record(calls, Call("scanner", $"/probe-{i}") with { Outcome = CallOutcome.Denied });
        }

        Record(calls, Call("storefront", "/items"));

        var entries = calls.Within(TimeSpan.FromMinutes(10)).ToList();
        Assert.InRange(entries.Count, 2, 64);
        Assert.Equal(10_000, entries.Where(static entry => entry.Key.Caller!.EndsWith("scanner", StringComparison.Ordinal)).Sum(static entry => entry.Count));
        Assert.Contains(entries, static entry => entry.Key is { Path: "/items" });
        Assert.Equal(0, calls.Unrecorded(TimeSpan.FromMinutes(10)));
    }

    [Fact]
    public void Memory_is_bounded_whoever_calls_and_nothing_goes_uncounted()
    {
        var calls = Create(max: 64);

        for (var i = 0; i < 20_000; i++)
        {
            Record(calls, Call($"caller-{i % 500}", $"/path-{i}"));
        }

        var entries = calls.Within(TimeSpan.FromMinutes(10)).ToList();
        Assert.InRange(entries.Count, 64, 64 + 16);
        var unrecorded = calls.Unrecorded(TimeSpan.FromMinutes(10));
        Assert.True(unrecorded > 0);
        Assert.Equal(20_000, unrecorded + entries.Sum(static entry => entry.Count));
    }

    [Fact]
    public void Texts_beyond_the_bounds_are_not_kept()
    {
        var call = (Call("storefront", "/" + new string('a', 300)) with { Method = new string('M', 17), Host = new string('h', 300) }).Bounded();

        Assert.Equal((null, null, null), (call.Path, call.Method, call.Host));
    }

    [Fact]
    public void Address_of_identified_callers_is_known_while_they_call_from_one()
    {
        var calls = Create();
        var call = Call("storefront", "/items");

        Record(calls, call, Peer("storefront", "10.0.0.1"));
        Record(calls, call, Peer("storefront", "10.0.0.1"));
        var entry = Assert.Single(calls.Within(TimeSpan.FromMinutes(10))).Entry;
        Assert.Equal(IPAddress.Parse("10.0.0.1"), entry.RemoteAddress);

        Record(calls, call, Peer("storefront", "10.0.0.2"));
        Assert.Null(entry.RemoteAddress);
        Assert.Equal(IPAddress.Parse("10.0.0.9"), entry.LocalAddress);
    }

    [Fact]
    public void Recording_a_call_like_one_before_allocates_nothing()
    {
        Assert.SkipUnless(Allocations.AreMeasurable, "Allocation is exact only in a Release build.");
        var calls = new CallSummaries(Options.Create(new MeshOptions()), TimeProvider.System);
        var call = Call("storefront", "/items");
        var peer = Peer("storefront", "10.0.0.1");

        Assert.Equal(0, Allocations.PerCall(() => calls.Record(call, peer)));
    }

    [Fact]
    public void Folded_calls_allocate_nothing_either()
    {
        Assert.SkipUnless(Allocations.AreMeasurable, "Allocation is exact only in a Release build.");
        var calls = new CallSummaries(Options.Create(new MeshOptions()), TimeProvider.System);
        var peer = Peer("storefront", "10.0.0.1");
        var paths = Enumerable.Range(0, 100).Select(static id => Call("storefront", $"/orders/{id}") with { Endpoint = "/orders/{id}" }).ToArray();
        foreach (var call in paths)
        {
            calls.Record(call, peer);
        }

        Assert.Equal(0, Allocations.PerCall(() => calls.Record(paths[99], peer)));
    }

    [Fact]
    public async Task Concurrent_calls_are_all_counted()
    {
        var calls = Create();
        var call = Call("storefront", "/items");
        var peer = Peer("storefront", "10.0.0.1");

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 10_000; i++)
            {
                calls.Record(call, peer);
            }
        })));

        Assert.Equal(80_000, Assert.Single(calls.Within(TimeSpan.FromMinutes(10))).Count);
    }

    private static CallKey Call(string caller, string path) => new()
    {
        Caller = $"spiffe://mesh.local/ns/shop/sa/{caller}",
        IsTls = true,
        Method = "GET",
        Path = path,
        Host = "catalog",
        Port = 8080,
    };

    private static MeshPeer Peer(string caller, string address)
        => new(SpiffeId.Parse($"spiffe://mesh.local/ns/shop/sa/{caller}"), new IPEndPoint(IPAddress.Parse(address), 40000), new IPEndPoint(IPAddress.Parse("10.0.0.9"), 8080));

    private static IEnumerable<(string Caller, string? Path, long Count)> Counts(CallSummaries calls)
        => calls.Within(TimeSpan.FromMinutes(10)).Select(static entry => (entry.Key.Caller![(entry.Key.Caller!.LastIndexOf('/') + 1)..], entry.Key.Path, entry.Count)).Order();

    private static void Record(CallSummaries calls, CallKey call, MeshPeer? peer = null, int times = 1)
    {
        for (var i = 0; i < times; i++)
        {
            calls.Record(call, peer ?? Peer("storefront", "10.0.0.1"));
        }
    }

    private CallSummaries Create(int max = 2048) => new(Options.Create(new MeshOptions { Inbound = { MaxCallSummaries = max } }), _time);
}
