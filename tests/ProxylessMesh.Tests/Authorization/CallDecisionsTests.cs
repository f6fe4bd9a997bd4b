using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Authorization;

/// <summary>What operators are told of decisions, over real sockets.</summary>
public sealed class CallDecisionsTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Denials_of_one_caller_by_one_policy_are_one_line()
    {
        await using var app = await MeshApp.StartAsync(Strict(Deny(Policy("a", Path("/a"), Anyone), Policy("b", Path("/b"), Anyone))));
        using var intruder = app.Client("intruder");
        using var again = app.Client("intruder");
        using var other = app.Client("other");

        foreach (var client in new[] { intruder, again, other })
        {
            for (var i = 0; i < 20; i++)
            {
                using var a = await client.GetAsync("/a", TestEnd);
                using var b = await client.GetAsync("/b", TestEnd);
                Assert.Equal((HttpStatusCode.Forbidden, HttpStatusCode.Forbidden), (a.StatusCode, b.StatusCode));
            }
        }

        Assert.Equal(4, app.Logs.Entries.Count(static entry => entry.Event.Id == 4020));
    }

    [Fact]
    public async Task Long_path_is_cut_in_the_log()
    {
        await using var app = await MeshApp.StartAsync(Strict(Allow()));
        using var client = app.Client("intruder");

        using var answer = await client.GetAsync("/" + new string('a', 4000), TestEnd);

        var line = await app.Logs.WaitForAsync("Denied", TestEnd);
        Assert.InRange(line.Message.Length, 256, 600);
    }

    [Theory]
    [InlineData(0.0, 0)]
    [InlineData(1.0, 3)]
    public async Task Allowed_calls_are_logged_by_endpoint_at_the_rate_that_was_asked_for(double rate, int expected)
    {
        await using var app = await MeshApp.StartAsync(
            Strict(Allow(Policy("ns[shop]-policy[p]-rule[0]", Anything, Anyone))),
            configure: builder => builder.Services.Configure<MeshOptions>(options => options.Inbound.AllowedCallLogRate = rate),
            map: static app => app.MapGet("/items/{id}", static (string id) => id));
        using var client = app.Client();

        for (var i = 0; i < 3; i++)
        {
            await client.GetStringAsync($"/items/{i}?token=secret", TestEnd);
        }

        var lines = app.Logs.Entries.Where(static entry => entry.Event.Id == 4023).ToList();
        Assert.Equal(expected, lines.Count);
        Assert.All(lines, static line => Assert.StartsWith("Allowed GET /items/{id} for spiffe://mesh.local/ns/shop/sa/storefront, by policy: ns[shop]-policy[p]-rule[0].", line.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Trace_carries_decision_and_policy()
    {
        var intruder = $"intruder-{Guid.NewGuid():N}";
        var seen = new TaskCompletionSource<Activity>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == "Microsoft.AspNetCore",
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                if (activity.GetTagItem("mesh.peer.id") is string id && id.EndsWith(intruder, StringComparison.Ordinal))
                {
                    seen.TrySetResult(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        await using var app = await MeshApp.StartAsync(Strict(Deny(Policy("no-intruder", Anything, Principal(intruder)))));
        using var client = app.Client(intruder);

        using var answer = await client.GetAsync("/", TestEnd);

        var activity = await seen.Task.WaitAsync(TimeSpan.FromSeconds(30), TestEnd);
        Assert.Equal(("denied", "no-intruder"), (activity.GetTagItem("mesh.decision"), activity.GetTagItem("mesh.policy")));
    }
}
