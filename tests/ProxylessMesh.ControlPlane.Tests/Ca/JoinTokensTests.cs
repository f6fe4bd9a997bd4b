using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Tests.Ca;

public sealed class JoinTokensTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly StateFolder _state;
    private readonly CertificateAuthority _authority;

    public JoinTokensTests()
    {
        var options = Options.Create(new MeshControlPlaneOptions { StateFolder = _folder.Path });
        _state = new StateFolder(options);
        _authority = new CertificateAuthority(_state, options, _time, NullLogger<CertificateAuthority>.Instance);
    }

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _authority.Dispose();
        _state.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Token_expires()
    {
        using var tokens = Open();
        var token = await tokens.CreateAsync("shop", "catalog", TimeSpan.FromMinutes(10), 0, TestEnd);

        Assert.Equal(JoinTokenVerdict.Good, await RedeemAsync(tokens, token, 1));
        _time.Advance(TimeSpan.FromMinutes(10));

        Assert.Equal(JoinTokenVerdict.Expired, await RedeemAsync(tokens, token, 2));
    }

    [Fact]
    public async Task Uses_are_counted_over_restarts()
    {
        string token;
        using (var tokens = Open())
        {
            token = await tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 2, TestEnd);
            Assert.Equal(JoinTokenVerdict.Good, await RedeemAsync(tokens, token, 1));
        }

        using var again = Open();
        Assert.Equal(JoinTokenVerdict.Good, await RedeemAsync(again, token, 2));
        Assert.Equal(JoinTokenVerdict.UsedUp, await RedeemAsync(again, token, 3));
        Assert.Equal(2, Assert.Single(await again.ListAsync(TestEnd)).Uses);
    }

    [Fact]
    public async Task Answer_that_got_lost_costs_no_second_use()
    {
        string token;
        using (var tokens = Open())
        {
            token = await tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd);
            Assert.Equal(JoinTokenVerdict.Good, await RedeemAsync(tokens, token, 1));
        }

        using var again = Open();
        Assert.Equal(JoinTokenVerdict.Good, await RedeemAsync(again, token, 1));
        Assert.Equal(JoinTokenVerdict.UsedUp, await RedeemAsync(again, token, 2));
    }

    [Fact]
    public async Task Uses_at_the_same_time_are_never_more_than_allowed()
    {
        using var tokens = Open();
        var token = await tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 5, TestEnd);

        var verdicts = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(() => RedeemAsync(tokens, token, (byte)i))));

        Assert.Equal(5, verdicts.Count(static verdict => verdict == JoinTokenVerdict.Good));
    }

    [Fact]
    public async Task Secret_is_nowhere_on_disk()
    {
        using var tokens = Open();
        var token = await tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd);
        await RedeemAsync(tokens, token, 1);

        var secret = JoinToken.Parse(token).Secret.ToArray();
        foreach (var file in Directory.GetFiles(_folder.Path).Where(static file => !file.EndsWith("lock", StringComparison.Ordinal)))
        {
            var content = File.ReadAllText(file);
            Assert.DoesNotContain(token.Split('.')[2], content);
            Assert.DoesNotContain(Convert.ToBase64String(secret), content);
        }
    }

    [Fact]
    public async Task Right_id_with_a_wrong_secret_tells_nothing()
    {
        using var tokens = Open();
        var token = (await tokens.CreateAsync("shop", "catalog", TimeSpan.FromMinutes(1), 1, TestEnd)).Split('.');
        var other = JoinToken.Create(_authority.RootHash.Span).Text.Split('.');
        _time.Advance(TimeSpan.FromHours(1));

        Assert.Equal(JoinTokenVerdict.Unknown, await RedeemAsync(tokens, $"pm1.{token[1]}.{other[2]}.{token[3]}", 1));
    }

    [Fact]
    public async Task Revoked_token_is_unknown_also_after_a_restart()
    {
        string token;
        using (var tokens = Open())
        {
            token = await tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 0, TestEnd);
            Assert.True(await tokens.RevokeAsync(token.Split('.')[1], TestEnd));
            Assert.False(await tokens.RevokeAsync(token.Split('.')[1], TestEnd));
            Assert.Equal(JoinTokenVerdict.Unknown, await RedeemAsync(tokens, token, 1));
        }

        using var again = Open();
        Assert.Equal(JoinTokenVerdict.Unknown, await RedeemAsync(again, token, 1));
    }

    [Fact]
    public async Task Token_covers_its_service_account_only()
    {
        using var tokens = Open();
        var bound = await tokens.CreateAsync("shop", "*", TimeSpan.FromHours(1), 0, TestEnd);

        Assert.Equal(JoinTokenVerdict.Good, await RedeemAsync(tokens, bound, 1, "shop", "anything"));
        Assert.Equal(JoinTokenVerdict.NotForThis, await RedeemAsync(tokens, bound, 1, "bank", "anything"));
    }

    [Theory]
    [InlineData("mesh-system", "catalog")]
    [InlineData("sh/op", "catalog")]
    [InlineData("shop", "")]
    [InlineData("shop", "..")]
    public async Task Token_for_what_no_workload_may_be_is_not_made(string namespaceName, string serviceAccount)
    {
        using var tokens = Open();

        await Assert.ThrowsAnyAsync<ArgumentException>(() => tokens.CreateAsync(namespaceName, serviceAccount, TimeSpan.FromHours(1), 1, TestEnd));
    }

    [Fact]
    public async Task Expired_tokens_are_tidied_away_a_day_later()
    {
        using var tokens = Open();
        await tokens.CreateAsync("shop", "old", TimeSpan.FromHours(1), 1, TestEnd);
        _time.Advance(TimeSpan.FromHours(26));

        await tokens.CreateAsync("shop", "new", TimeSpan.FromHours(1), 1, TestEnd);

        Assert.Equal("new", Assert.Single(await tokens.ListAsync(TestEnd)).ServiceAccount);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[{]")]
    [InlineData("{}")]
    [InlineData("[{\"Id\":\"a\"}]")]
    public void Damaged_file_stops_the_start_with_the_cure(string content)
    {
        File.WriteAllText(_folder.File("join-tokens.json"), content);

        Assert.Contains("backup", Assert.Throws<MeshControlPlaneException>(Open).Message);
        Assert.Equal(content, File.ReadAllText(_folder.File("join-tokens.json")));
    }

    private JoinTokens Open() => new(new JoinTokenFile(_state), _authority, _time, NullLogger<JoinTokens>.Instance);

    private static Task<JoinTokenVerdict> RedeemAsync(JoinTokens tokens, string token, byte key, string namespaceName = "shop", string serviceAccount = "catalog")
        => tokens.RedeemAsync(token, namespaceName, serviceAccount, new[] { key }, TestEnd);
}
