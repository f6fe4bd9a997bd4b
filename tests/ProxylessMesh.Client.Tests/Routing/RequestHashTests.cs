using System.IO.Hashing;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Client.Routing;
using ProxylessMesh.Client.Tests.Outbound;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Routing;

public sealed class RequestHashTests
{
    private static readonly HashPolicyConfig User = new(HashPolicyKind.Header, "x-user");

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public void Header_is_hashed_by_xxh64()
        => Assert.Equal(Of("ann"), Compute([User], ("x-user", "ann")));

    [Fact]
    public void Known_value_of_xxh64_with_seed_0_comes_out()
        => Assert.Equal(0x44BC2CF5AD770999UL, Compute([User], ("x-user", "abc")));

    [Fact]
    public void Order_of_several_values_does_not_matter()
    {
        var expected = XxHash64.HashToUInt64("b"u8, (long)XxHash64.HashToUInt64("a"u8));

        Assert.Equal(expected, Compute([User], ("x-user", "a"), ("x-user", "b")));
        Assert.Equal(expected, Compute([User], ("x-user", "b"), ("x-user", "a")));
    }

    [Fact]
    public void Header_is_rewritten_before_it_is_hashed()
    {
        var policy = User with { HeaderRewrite = new RegexRewriteConfig(new Regex("^(.*)@.*$", RegexOptions.NonBacktracking), @"\1") };

        Assert.Equal(Of("ann"), Compute([policy], ("x-user", "ann@example.org")));
    }

    [Theory]
    [InlineData("session=abc", "abc")]
    [InlineData("a=1; session=abc; b=2", "abc")]
    [InlineData("session=\"abc\"", "abc")]
    [InlineData("xsession=no;session=abc", "abc")]
    public void Cookie_is_found_among_others(string header, string value)
        => Assert.Equal(Of(value), Compute([new(HashPolicyKind.Cookie, "session")], ("Cookie", header)));

    [Theory]
    [InlineData("?user=ann", "ann")]
    [InlineData("?x=1&user=ann&user=bob", "ann")]
    [InlineData("?user=a%20b", "a%20b")]
    public void Query_parameter_is_hashed_as_it_is_written(string query, string value)
        => Assert.Equal(Of(value), Compute([new(HashPolicyKind.QueryParameter, "user")], "http://catalog/" + query));

    [Fact]
    public void Caller_is_one_value()
    {
        Assert.NotNull(Compute([new(HashPolicyKind.Channel, "")]));
        Assert.Equal(Compute([new(HashPolicyKind.Channel, "")]), Compute([new(HashPolicyKind.Channel, "")], "http://other/"));
        Assert.Equal(Compute([new(HashPolicyKind.SourceIp, "")]), Compute([new(HashPolicyKind.SourceIp, "")], "http://other/"));
    }

    [Fact]
    public void Nothing_to_hash_is_no_hash()
    {
        Assert.Null(RequestHash.Compile([]));
        Assert.Null(Compute([User, new(HashPolicyKind.Cookie, "session"), new(HashPolicyKind.QueryParameter, "user")]));
    }

    [Fact]
    public void Parts_are_rotated_and_combined_and_absent_ones_left_out()
        => Prop.ForAll<NonEmptyString?[]>(values =>
        {
            var policies = values.Select(static (_, i) => new HashPolicyConfig(HashPolicyKind.Header, $"x-{i}")).ToArray();
            var headers = values.Select(static (value, i) => ($"x-{i}", Hex(value))).Where(static header => header.Item2 is not null).Select(static header => (header.Item1, header.Item2!)).ToArray();

            ulong? expected = null;
            foreach (var (_, value) in headers)
            {
                expected = BitOperations.RotateLeft(expected ?? 0, 1) ^ Of(value);
            }

            return Compute(policies, headers) == expected;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Terminal_policy_ends_it_only_with_a_hash()
    {
        HashPolicyConfig[] policies = [User with { Terminal = true }, new(HashPolicyKind.Header, "x-other")];

        Assert.Equal(Of("ann"), Compute(policies, ("x-user", "ann"), ("x-other", "o")));
        Assert.Equal(Of("o"), Compute(policies, ("x-other", "o")));
    }

    [Fact]
    public async Task Missing_cookie_is_made_and_sent_back()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync(http.Request.Headers.Cookie.ToString()));
        var policy = new HashPolicyConfig(HashPolicyKind.Cookie, "session") { CookieTtl = TimeSpan.FromMinutes(2), CookiePath = "/items" };
        await using var mesh = TestMesh.With(Configs.Host("catalog", Configs.Forward("catalog") with { HashPolicies = [policy] }, Configs.Cluster("catalog", backend.Address)));
        using var client = mesh.Client();

        using var first = await client.GetAsync(new Uri("http://catalog/"), TestEnd);
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog/") { Headers = { { "Cookie", "session=mine" } } };
        using var second = await client.SendAsync(request, TestEnd);

        Assert.Matches("^session=[0-9a-f]{16}; Max-Age=120; Path=/items; HttpOnly$", Assert.Single(first.Headers.GetValues("Set-Cookie")));
        Assert.False(second.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task Split_by_hash_keeps_a_user_on_one_side_and_users_in_proportion()
    {
        var sides = Enumerable.Range(0, 2).Select(static i => new WeightedClusterConfig { Cluster = i == 0 ? "v1" : "v2", Weight = i == 0 ? 90u : 10u });
        var forward = new ForwardActionConfig { Clusters = [.. sides], HashPolicies = [User], SplitByHash = true };
        await using var mesh = TestMesh.With(Configs.Host("catalog", forward, Configs.Cluster("v1"), Configs.Cluster("v2")));
        var rule = Assert.Single(Routes(mesh));

        var onSecond = 0;
        for (var user = 0; user < 10_000; user++)
        {
            var hash = Compute([User], ("x-user", $"user-{user}"));
            var side = rule.Clusters!.Pick(hash).Name;
            Assert.Equal(side, rule.Clusters.Pick(hash).Name);
            onSecond += side == "v2" ? 1 : 0;
        }

        // Five standard deviations of a binomial with p = 0.1.
        Assert.InRange(onSecond, 850, 1150);
    }

    [Fact]
    public async Task Call_without_anything_to_hash_takes_any_side()
    {
        var forward = new ForwardActionConfig { Clusters = [new WeightedClusterConfig { Cluster = "v1" }, new WeightedClusterConfig { Cluster = "v2" }], HashPolicies = [User], SplitByHash = true };
        await using var mesh = TestMesh.With(Configs.Host("catalog", forward, Configs.Cluster("v1"), Configs.Cluster("v2")));
        var rule = Assert.Single(Routes(mesh));

        var names = Enumerable.Range(0, 100).Select(_ => rule.Clusters!.Pick(null).Name).Distinct().Order();

        Assert.Equal(["v1", "v2"], names);
    }

    [Fact]
    public void One_header_is_hashed_without_allocation()
    {
        var hash = RequestHash.Compile([User])!;
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog/") { Headers = { { "x-user", "ann" } } };
        ulong? last = 0;

        var perCall = AllocationTests.PerCall(() =>
        {
            last = hash.Compute(request, request.RequestUri!, "catalog", out _);
            return null;
        });

        Assert.Equal(Of("ann"), last);
        Assert.Equal(0, perCall);
    }

    private static System.Collections.Immutable.ImmutableArray<RouteRule> Routes(TestMesh mesh)
        => ((Client.Snapshots.SnapshotSource)mesh.Services.GetService(typeof(Client.Snapshots.SnapshotSource))!).Find(new Client.Snapshots.HostKey("catalog", 0)).State.Routes!.Rules;

    private static string? Hex(NonEmptyString? value) => value is null ? null : Convert.ToHexString(Encoding.UTF8.GetBytes(value.Get));

    private static ulong Of(string text) => XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(text));

    private static ulong? Compute(HashPolicyConfig[] policies, params (string Name, string Value)[] headers) => Compute(policies, "http://catalog/", headers);

    private static ulong? Compute(HashPolicyConfig[] policies, string uri, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, uri);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return RequestHash.Compile([.. policies])?.Compute(request, request.RequestUri!, "catalog", out _);
    }
}
