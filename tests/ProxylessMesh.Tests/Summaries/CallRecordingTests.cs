using System.Net;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Summaries;
using static ProxylessMesh.Protos.V1.CallSummary.Types;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Summaries;

/// <summary>What a served process tells of its calls, over real sockets.</summary>
public sealed class CallRecordingTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Calls_are_known_by_caller_endpoint_and_outcome_without_their_queries()
    {
        await using var app = await MeshApp.StartAsync(
            Permissive(Deny(Policy("no-intruder", Anything, Principal("intruder"))), Allow(Policy("all", Anything, Anyone))),
            map: static app =>
            {
                app.MapGet("/items/{id}", static (string id) => id);
                app.MapGet("/slow/{id}", static async (string id, HttpContext http) =>
                {
                    await http.Response.WriteAsync(id, http.RequestAborted);
                    await http.Response.Body.FlushAsync(http.RequestAborted);
                });
            });
        using var storefront = app.Client();
        using var intruder = app.Client("intruder");
        using var plaintext = app.PlaintextClient();

        await storefront.GetStringAsync("/items/7?token=secret", TestEnd);
        await storefront.GetStringAsync("/items/7", TestEnd);
        await storefront.GetStringAsync("/slow/1", TestEnd);
        using var denied = await intruder.GetAsync("/items/7", TestEnd);
        await plaintext.GetStringAsync("/items/7", TestEnd);
        await NextCallAsync(plaintext);

        var report = Answer(app);
        Assert.DoesNotContain("secret", report.ToString(), StringComparison.Ordinal);
        Assert.Equal((ulong)2, Assert.Single(report.Calls, static call => call is { MeshTls: true, Endpoint: "/items/{id}", Path: "/items/7" }).Count);
        Assert.Single(report.Calls, static call => call.Endpoint == "/slow/{id}");
        var refused = Assert.Single(report.Calls, static call => call.Outcome == Outcome.Denied);
        Assert.Equal(("spiffe://mesh.local/ns/shop/sa/intruder", "no-intruder", "/items/7", ""), (refused.Caller, refused.Policy, refused.Path, refused.Endpoint));
        var anonymous = Assert.Single(report.Calls, static call => call is { MeshTls: false, Path: "/items/7" });
        Assert.Equal(("", "127.0.0.1", "all"), (anonymous.Caller, anonymous.Address, anonymous.Policy));
        Assert.All(report.Calls, call => Assert.Equal((uint)app.Address.Port, call.Port));
    }

    [Fact]
    public async Task Probes_are_counted_apart()
    {
        await using var app = await MeshApp.StartAsync(Permissive(Allow(Policy("storefront", Anything, Principal("storefront")))), configure: static builder =>
            builder.Services.Configure<MeshOptions>(static options => options.Inbound.ProbePaths.Add("/healthz")));
        using var plaintext = app.PlaintextClient();
        using var storefront = app.Client();

        await plaintext.GetStringAsync("/healthz", TestEnd);
        await plaintext.GetStringAsync("/healthz", TestEnd);
        await storefront.GetStringAsync("/healthz", TestEnd);

        Assert.Equal([(false, Outcome.Probe), (true, Outcome.Probe)], Answer(app).Calls.Select(static call => (call.MeshTls, call.Outcome)).Order());
    }

    [Fact]
    public async Task Switched_off_nothing_is_kept_and_the_question_is_told_so()
    {
        await using var app = await MeshApp.StartAsync(Strict(), configure: static builder =>
            builder.Services.Configure<MeshOptions>(static options => options.Inbound.CallSummaryWindow = TimeSpan.Zero));
        using var storefront = app.Client();

        await storefront.GetStringAsync("/", TestEnd);

        Assert.Empty(app.Services.GetRequiredService<CallSummaries>().Within(TimeSpan.FromMinutes(10)));
        Assert.Contains("CallSummaryWindow", Answer(app).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Proposal_that_this_version_would_refuse_is_refused_and_nothing_else_happens()
    {
        await using var app = await MeshApp.StartAsync(Strict());
        var question = Question();
        question.Proposals.Add(new ProposedPort { Port = (uint)app.Address.Port, Listener = Google.Protobuf.ByteString.CopyFromUtf8("\u0001\u0002 torn") });

        var report = app.Services.GetRequiredService<CallReporter>().Answer(question);

        Assert.Contains("would refuse", report.Error, StringComparison.Ordinal);
        Assert.Empty(report.Calls);
    }

    [Fact]
    public async Task Calls_of_an_earlier_policy_are_compared_with_the_one_in_force()
    {
        await using var app = await MeshApp.StartAsync(Strict());
        using var client = app.Client();
        using var first = await client.GetAsync("/admin", TestEnd);
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);

        app.Apply(Strict(Deny(Policy("no-admin", Path("/admin"), Anyone))));
        var question = Question();
        question.Proposals.Add(new ProposedPort { Port = (uint)app.Address.Port, Listener = Wire.Listener(app.Address.Port, strict: true) });
        var call = Assert.Single(app.Services.GetRequiredService<CallReporter>().Answer(question).Calls);

        Assert.Equal((Outcome.Allowed, Verdict.Denied, Verdict.Allowed), (call.Outcome, call.Before, call.Verdict));
    }

    // An HTTP/1.1 caller has its answer before the call is counted; the next call of the connection comes after.
    private static async Task NextCallAsync(HttpClient client)
    {
        using var answer = await client.GetAsync("/next", TestEnd);
    }

    private static CallQuestion Question() => new() { Id = 1, Window = TimeSpan.FromMinutes(10).ToDuration() };

    private static CallReport Answer(MeshApp app) => app.Services.GetRequiredService<CallReporter>().Answer(Question());
}
