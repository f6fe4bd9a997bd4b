using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.ControlPlane.Calls;
using ProxylessMesh.ControlPlane.Tests.Hosting;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;
using static ProxylessMesh.Protos.V1.CallSummary.Types;

namespace ProxylessMesh.ControlPlane.Tests.Calls;

/// <summary>The control plane's side of a preview and of the report on plaintext, with workloads whose answers the test writes.</summary>
public sealed class PreviewTests
{
    private const string Policy = """
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: { name: no-batch, namespace: shop }
        spec: { selector: { matchLabels: { app: catalog } }, action: DENY, rules: [{ from: [{ source: { principals: ["mesh.local/ns/shop/sa/batch"] } }] }] }
        """;

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = 60_000)]
    public async Task Only_workloads_whose_policy_changes_are_asked_and_their_answers_are_put_together()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var first = await JoinAsync(controlPlane, "catalog", "catalog-1");
        using var second = await JoinAsync(controlPlane, "catalog", "catalog-2");
        using var other = await JoinAsync(controlPlane, "orders", "orders-1");
        using var client = Operator(controlPlane);

        var asking = PreviewAsync(client, Policy);
        var question = await AnswerAsync(first, Call("batch", count: 3, Verdict.Denied), Call("storefront", count: 9, Verdict.Allowed));
        await AnswerAsync(second, Call("batch", count: 4, Verdict.Denied), Call("tool", count: 2, Verdict.Unknown));
        var answer = await asking;

        var proposal = Assert.Single(question.Proposals);
        Assert.Equal(5000u, proposal.Port);
        Assert.Equal(["ns[shop]-policy[no-batch]-rule[0]"], proposal.ChangedPolicies);
        Assert.Contains("mesh.local/ns/shop/sa/batch", proposal.Listener.ToStringUtf8(), StringComparison.Ordinal);
        Assert.Equal((2, false), (answer.Workloads, answer.IsHarmless));
        var denied = Assert.Single(answer.Denied);
        Assert.Equal(("catalog.shop.svc.cluster.local", "spiffe://mesh.local/ns/shop/sa/batch", 7ul, "no-batch"), (denied.Destination, denied.Caller, denied.Count, denied.Policy));
        Assert.Equal("header x-tenant", Assert.Single(answer.CannotTell).Missing);
        Assert.Empty(answer.Unanswered);
        Assert.Equal(60, answer.RecordedSeconds);
        Assert.Equal(0, controlPlane.Parts.GetRequiredService<ProxylessMesh.ControlPlane.Store.ManifestStore>().Current.Number);
    }

    [Fact(Timeout = 60_000)]
    public async Task Harmless_is_said_only_where_everyone_answered_and_nothing_stays_open()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var client = Operator(controlPlane);
        Assert.True((await PreviewAsync(client, Policy)).IsHarmless);

        using var join = await JoinAsync(controlPlane, "catalog", "catalog-1");
        var asking = PreviewAsync(client, Policy);
        await AnswerAsync(join, Call("storefront", count: 9, Verdict.Allowed));
        Assert.True((await asking).IsHarmless);

        asking = PreviewAsync(client, Policy);
        await AnswerAsync(join, report => report.LeftOut = 5, Call("storefront", count: 9, Verdict.Allowed));
        Assert.Equal((false, 5ul), ((await asking).IsHarmless, (await asking).UnrecordedCalls));

        using var old = await TestJoin.StartAsync(controlPlane.Connect("catalog"), TestControlPlane.Registration("catalog", "catalog-old"));
        asking = PreviewAsync(client, Policy);
        await AnswerAsync(join);
        var answer = await asking;
        Assert.False(answer.IsHarmless);
        Assert.Equal("catalog-old", Assert.Single(answer.Unanswered).Instance);
    }

    [Fact(Timeout = 60_000)]
    public async Task Answers_that_lie_are_not_believed_and_named()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var join = await JoinAsync(controlPlane, "catalog", "catalog-1");
        using var client = Operator(controlPlane);
        Action<CallReport>[] lies =
        [
            static report => report.Calls[0].Port = 22,
            static report => report.Calls[0].Caller = "spiffe://",
            static report => report.Calls[0].Address = "nowhere",
            static report => report.Calls[0].Path = new string('a', 10_000),
            static report => report.Calls[0].Count = ulong.MaxValue,
            static report => report.Calls[0].Verdict = (Verdict)17,
            static report => report.Calls[0].FirstSeen = new Timestamp { Seconds = long.MaxValue },
            static report => report.Recorded = new Duration { Seconds = long.MaxValue, Nanos = -5 },
            static report => report.LeftOut = ulong.MaxValue,
            static report => report.Calls.AddRange(Enumerable.Range(0, 2048).Select(static _ => Call("batch", 1, Verdict.Denied))),
            static report => report.Error = "line one\nline two",
        ];
        foreach (var lie in lies)
        {
            var asking = PreviewAsync(client, Policy);
            await AnswerAsync(join, lie, Call("batch", count: 1, Verdict.Denied));
            var answer = await asking;

            Assert.Empty(answer.Denied);
            Assert.DoesNotContain('\n', Assert.Single(answer.Unanswered).Reason);
            Assert.False(answer.IsHarmless);
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task Answer_larger_than_a_message_may_be_ends_that_stream_alone()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var huge = await JoinAsync(controlPlane, "catalog", "catalog-1");
        using var good = await JoinAsync(controlPlane, "catalog", "catalog-2");
        using var client = Operator(controlPlane);

        var asking = PreviewAsync(client, Policy);
        var question = (await huge.ReadAsync()).CallQuestion;

        // The end may come while it is still being written.
        await huge.SendAsync(new JoinRequest { CallReport = new CallReport { Id = question.Id, Error = new string('a', 5 * 1024 * 1024) } }).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        await AnswerAsync(good, Call("batch", 1, Verdict.Denied));

        var answer = await asking;
        Assert.Equal("catalog-1", Assert.Single(answer.Unanswered).Instance);
        Assert.Equal(1ul, Assert.Single(answer.Denied).Count);
        await Assert.ThrowsAsync<Grpc.Core.RpcException>(huge.ReadAsync);
        await good.SendAsync(new JoinRequest { Health = new HealthReport { Health = Health.Serving } });
    }

    [Fact(Timeout = 60_000)]
    public async Task Answer_to_nobodys_question_changes_nothing()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var join = await JoinAsync(controlPlane, "catalog", "catalog-1");
        using var other = await JoinAsync(controlPlane, "catalog", "catalog-2");
        using var client = Operator(controlPlane);

        // Before it is asked, under a wrong id, and twice.
        await join.SendAsync(new JoinRequest { CallReport = Report(1, Call("batch", 100, Verdict.Denied)) });
        var asking = PreviewAsync(client, Policy);
        var question = (await join.ReadAsync()).CallQuestion;
        await join.SendAsync(new JoinRequest { CallReport = Report(question.Id + 1, Call("batch", 100, Verdict.Denied)) });
        await join.SendAsync(new JoinRequest { CallReport = Report(question.Id, Call("batch", 1, Verdict.Denied)) });
        await join.SendAsync(new JoinRequest { CallReport = Report(question.Id, Call("batch", 100, Verdict.Denied)) });
        await AnswerAsync(other, Call("batch", 1, Verdict.Denied));

        Assert.Equal(2ul, Assert.Single((await asking).Denied).Count);
    }

    [Fact(Timeout = 60_000)]
    public async Task Workload_that_leaves_or_does_not_answer_holds_nobody_up()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var leaving = await JoinAsync(controlPlane, "catalog", "catalog-1");
        using var client = Operator(controlPlane);

        var asking = PreviewAsync(client, Policy);
        await leaving.ReadAsync();
        await leaving.LeaveAsync();

        var answer = await asking;
        Assert.Equal("It did not answer in time.", Assert.Single(answer.Unanswered).Reason);
    }

    [Fact(Timeout = 60_000)]
    public async Task Revoked_identities_stay_revoked_under_the_proposal()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var join = await JoinAsync(controlPlane, "catalog", "catalog-1");
        using var client = Operator(controlPlane);
        controlPlane.Parts.GetRequiredService<ProxylessMesh.ControlPlane.Ca.RevokedIdentities>().Revoke(SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/stolen"), "lost laptop");
        while (controlPlane.Snapshots.Current.Revoked.Count == 0)
        {
            await Task.Yield();
        }

        var asking = PreviewAsync(client, Policy);
        var question = await AnswerAsync(join);
        await asking;

        Assert.Contains("spiffe://mesh.local/ns/shop/sa/stolen", Assert.Single(question.Proposals).Listener.ToStringUtf8(), StringComparison.Ordinal);
        Assert.DoesNotContain(question.Proposals[0].ChangedPolicies, static policy => policy.Contains("revoked", StringComparison.Ordinal));
    }

    [Fact(Timeout = 60_000)]
    public async Task Mistakes_and_unknown_names_are_answered_without_asking_anybody()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var client = Operator(controlPlane);

        var answer = await PreviewAsync(client, Policy.Replace("DENY", "PERHAPS", StringComparison.Ordinal), HttpStatusCode.UnprocessableEntity);
        Assert.Contains("PERHAPS", Assert.Single(answer.Errors).Message, StringComparison.Ordinal);

        using var unknown = await client.PostAsJsonAsync("/api/v1/preview", new PreviewRequest([], ["AuthorizationPolicy/shop/none"], 0), AdminJson.Default.PreviewRequest, TestEnd);
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        foreach (var body in new[] { "{}", "[]", "{\"files\":[],\"delete\":[]}", "{\"files\":[null],\"delete\":[]}", "{\"files\":[],\"delete\":[null]}", "{\"files\":[],\"delete\":[\"a/b/c\"],\"windowSeconds\":-1}" })
        {
            using var bad = await client.PostAsync(new Uri("/api/v1/preview", UriKind.Relative), new StringContent(body, new MediaTypeHeaderValue("application/json")), TestEnd);
            Assert.Equal(HttpStatusCode.BadRequest, bad.StatusCode);
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task Deletion_is_previewed_as_a_change_is()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var join = await JoinAsync(controlPlane, "catalog", "catalog-1");
        using var client = Operator(controlPlane);
        using var applied = await client.PostAsJsonAsync("/api/v1/manifests", new { files = new[] { new { name = "policy.yaml", text = Policy } } }, TestEnd);

        var asking = PostAsync(client, new PreviewRequest([], ["authorizationpolicy/shop/no-batch"], 0), HttpStatusCode.OK);
        var question = await AnswerAsync(join, static report => report.Calls[0].Before = Verdict.Denied, Call("batch", count: 3, Verdict.Allowed));
        var answer = await asking;

        Assert.Equal(["ns[shop]-policy[no-batch]-rule[0]"], Assert.Single(question.Proposals).ChangedPolicies);
        Assert.Equal((3ul, true), (Assert.Single(answer.Allowed).Count, answer.IsHarmless));
    }

    [Fact(Timeout = 60_000)]
    public async Task Migration_tells_by_port_who_calls_in_plaintext_and_what_STRICT_would_do()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var catalog = await JoinAsync(controlPlane, "catalog", "catalog-1");
        using var orders = await JoinAsync(controlPlane, "orders", "orders-1");
        using var bank = await JoinAsync(controlPlane, "vault", "vault-1", "bank");
        using var client = Operator(controlPlane);
        using var applied = await client.PostAsJsonAsync("/api/v1/manifests", new { files = new[] { new { name = "strict.yaml", text = Strict } } }, TestEnd);

        var asking = client.GetFromJsonAsync("/api/v1/migration?namespace=shop", AdminJson.Default.MigrationAnswer, TestEnd);
        var question = await AnswerAsync(catalog, Plaintext(Outcome.Allowed, 5), Plaintext(Outcome.Probe, 2), Call("storefront", 7, Verdict.Unspecified));
        await AnswerAsync(orders);
        var answer = await asking;

        Assert.True(question.PlaintextOnly);
        Assert.False(answer!.IsReady);
        Assert.Equal([("catalog.shop.svc.cluster.local", "PERMISSIVE", "would break callers"), ("orders.shop.svc.cluster.local", "STRICT", "in force")], answer.Destinations.Select(static destination => (destination.Destination, destination.Mode, destination.Strict)));
        var caller = Assert.Single(answer.Destinations[0].Callers);
        Assert.Equal(("10.9.8.7", 5ul, 2ul), (caller.Caller, caller.Calls, caller.Probes));
    }

    private const string Strict = """
        apiVersion: security.istio.io/v1
        kind: PeerAuthentication
        metadata: { name: orders, namespace: shop }
        spec: { selector: { matchLabels: { app: orders } }, mtls: { mode: STRICT } }
        """;

    private static CallSummary Call(string caller, ulong count, Verdict verdict) => new()
    {
        Caller = $"spiffe://mesh.local/ns/shop/sa/{caller}",
        MeshTls = true,
        Method = "GET",
        Path = "/items",
        Host = "catalog",
        Port = 5000,
        Outcome = Outcome.Allowed,
        Before = Verdict.Allowed,
        Verdict = verdict,
        VerdictPolicy = verdict == Verdict.Denied ? "no-batch" : "",
        Missing = verdict == Verdict.Unknown ? "header x-tenant" : "",
        Count = count,
    };

    private static CallSummary Plaintext(Outcome outcome, ulong count) => new() { Address = "10.9.8.7", Method = "GET", Path = "/items", Port = 5000, Outcome = outcome, Count = count };

    private static Task<TestJoin> JoinAsync(TestControlPlane controlPlane, string service, string instance, string namespaceName = "shop")
    {
        var registration = TestControlPlane.Registration(service, instance, namespaceName: namespaceName);
        registration.Features.Add(CallSurvey.Feature);
        return TestJoin.StartAsync(controlPlane.Connect(service, namespaceName), registration);
    }

    private static Task<CallQuestion> AnswerAsync(TestJoin join, params CallSummary[] calls) => AnswerAsync(join, static _ => { }, calls);

    private static async Task<CallQuestion> AnswerAsync(TestJoin join, Action<CallReport> change, params CallSummary[] calls)
    {
        var question = (await join.ReadAsync()).CallQuestion;
        var report = Report(question.Id, calls);
        change(report);
        await join.SendAsync(new JoinRequest { CallReport = report });
        return question;
    }

    private static CallReport Report(ulong id, params CallSummary[] calls) => new() { Id = id, Recorded = TimeSpan.FromSeconds(60).ToDuration(), Calls = { calls.Select(static call => call.Clone()) } };

    private static Task<PreviewAnswer> PreviewAsync(HttpClient client, string yaml, HttpStatusCode expected = HttpStatusCode.OK)
        => PostAsync(client, new PreviewRequest([new ManifestFileText("policy.yaml", yaml)], [], 600), expected);

    private static async Task<PreviewAnswer> PostAsync(HttpClient client, PreviewRequest request, HttpStatusCode expected)
    {
        using var response = await client.PostAsJsonAsync("/api/v1/preview", request, AdminJson.Default.PreviewRequest, TestEnd);
        Assert.Equal(expected, response.StatusCode);
        return (await JsonSerializer.DeserializeAsync(await response.Content.ReadAsStreamAsync(TestEnd), AdminJson.Default.PreviewAnswer, TestEnd))!;
    }

    private static HttpClient Operator(TestControlPlane controlPlane)
    {
        var client = new HttpClient(ControlPlaneTransport.Create(SpiffeTls.ForEnrolment(controlPlane.Identity("anyone").Bundles, ControlPlaneIdentity.ServiceAccount, ControlPlaneTransport.Protocols)))
        {
            BaseAddress = controlPlane.Address.Https,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", File.ReadAllText(controlPlane.Parts.GetRequiredService<OperatorToken>().Path).Trim());
        return client;
    }
}
