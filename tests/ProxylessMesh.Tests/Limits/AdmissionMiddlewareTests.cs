using System.Net;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Limits;

public sealed class AdmissionMiddlewareTests
{
    // Refills once an hour: what a bucket holds is all there is in a test.
    private static readonly TokenBucketConfig Two = new(MaxTokens: 2, TokensPerFill: 1, TimeSpan.FromHours(1));
    private static readonly TokenBucketConfig Five = new(MaxTokens: 5, TokensPerFill: 1, TimeSpan.FromHours(1));

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_caller_has_its_own_tokens()
    {
        await using var app = await MeshApp.StartAsync(Strict().WithFilters(Rate(new RateLimitConfig { PerCaller = Two })));
        using var storefront = app.Client("storefront");
        using var batch = app.Client("batch");

        Assert.Equal("200 200 429 429", await CallAsync(storefront, 4));
        Assert.Equal("200 200 429", await CallAsync(batch, 3));
    }

    [Fact]
    public async Task A_caller_without_tokens_takes_none_of_those_for_all()
    {
        await using var app = await MeshApp.StartAsync(Strict().WithFilters(Rate(new RateLimitConfig { PerCaller = Two, Total = Five })));
        using var storefront = app.Client("storefront");
        using var batch = app.Client("batch");
        using var audit = app.Client("audit");

        Assert.Equal("200 200 429 429 429 429", await CallAsync(storefront, 6));
        Assert.Equal("200 200", await CallAsync(batch, 2));
        Assert.Equal("200 429", await CallAsync(audit, 2));
    }

    [Fact]
    public async Task A_caller_that_is_named_has_the_bucket_of_its_name()
    {
        var limit = new RateLimitConfig { PerCaller = Two, Callers = [new CallerBucketConfig(StringMatcher.Suffix("/sa/batch"), Five)] };
        await using var app = await MeshApp.StartAsync(Strict().WithFilters(Rate(limit)));
        using var batch = app.Client("batch");
        using var storefront = app.Client("storefront");

        Assert.Equal("200 200 200 200 200 429", await CallAsync(batch, 6));
        Assert.Equal("200 200 429", await CallAsync(storefront, 3));
    }

    [Fact]
    public async Task The_refusal_says_when_to_come_back_and_that_it_is_a_rate_limit()
    {
        await using var app = await MeshApp.StartAsync(Strict().WithFilters(Rate(new RateLimitConfig { Total = Two, Status = 503 })));
        using var client = app.Client();
        _ = await CallAsync(client, 2);

        using var refused = await client.GetAsync("/", Cancelled);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
        Assert.Equal(["true"], refused.Headers.GetValues("x-envoy-ratelimited"));
    }

    [Fact]
    public async Task A_grpc_caller_hears_of_it_in_its_own_words()
    {
        await using var app = await MeshApp.StartAsync(Strict().WithFilters(Rate(new RateLimitConfig { Total = Two with { MaxTokens = 1 } })));
        using var client = app.Client();
        _ = await CallAsync(client, 1);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/shop.Catalog/Get") { Version = HttpVersion.Version20, Content = new ByteArrayContent([0, 0, 0, 0, 0]) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/grpc");

        using var answer = await client.SendAsync(request, Cancelled);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(["8"], answer.Headers.GetValues("grpc-status"));
    }

    [Fact]
    public async Task A_push_that_leaves_the_limit_alone_leaves_the_buckets_alone()
    {
        var limit = new RateLimitConfig { PerCaller = Two, Callers = [new CallerBucketConfig(StringMatcher.Exact("spiffe://mesh.local/ns/shop/sa/other"), Five)] };
        await using var app = await MeshApp.StartAsync(Strict().WithFilters(Rate(limit)));
        using var client = app.Client();
        Assert.Equal("200 200 429", await CallAsync(client, 3));

        app.Apply(Strict(Deny(Policy("d", Path("/admin"), Anyone))).WithFilters(Rate(limit with { Callers = [.. limit.Callers] })));
        Assert.Equal("429", await CallAsync(client, 1));

        app.Apply(Strict().WithFilters(Rate(limit with { PerCaller = Five })));
        Assert.Equal("200 200 200 200 200 429", await CallAsync(client, 6));

        app.Apply(Strict());
        Assert.Equal("200", await CallAsync(client, 1));
    }

    [Fact]
    public async Task A_caller_who_may_not_call_uses_up_nothing()
    {
        await using var app = await MeshApp.StartAsync(Strict(Deny(Policy("d", Anything, Principal("intruder")))).WithFilters(Rate(new RateLimitConfig { Total = Two })));
        using var intruder = app.Client("intruder");
        using var storefront = app.Client("storefront");

        Assert.Equal("403 403 403", await CallAsync(intruder, 3));
        Assert.Equal("200 200 429", await CallAsync(storefront, 3));
    }

    [Fact]
    public async Task Only_so_many_calls_run_at_once_and_those_that_end_make_room()
    {
        using var gate = new SemaphoreSlim(0);
        using var arrived = new SemaphoreSlim(0);
        await using var app = await MeshApp.StartAsync(
            Strict().WithFilters(new ConcurrencyLimitFilterConfig("limit", MaxCalls: 2)),
            async http =>
            {
                arrived.Release();
                await gate.WaitAsync(http.RequestAborted);
            });
        using var client = app.Client();
        var running = new[] { client.GetAsync("/", Cancelled), client.GetAsync("/", Cancelled) };
        await arrived.WaitAsync(Cancelled);
        await arrived.WaitAsync(Cancelled);

        Assert.Equal("503 503", await CallAsync(client, 2));
        gate.Release(2);
        Assert.All(await Task.WhenAll(running), static answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));

        gate.Release();
        Assert.Equal("200", await CallAsync(client, 1));
    }

    [Fact]
    public async Task A_call_that_is_given_up_makes_room()
    {
        using var arrived = new SemaphoreSlim(0);
        var ended = new TaskCompletionSource();
        var isFirst = true;
        await using var app = await MeshApp.StartAsync(
            Strict().WithFilters(new ConcurrencyLimitFilterConfig("limit", MaxCalls: 1)),
            async http =>
            {
                if (!isFirst)
                {
                    return;
                }

                isFirst = false;
                arrived.Release();
                try
                {
                    await Task.Delay(Timeout.Infinite, http.RequestAborted);
                }
                finally
                {
                    ended.SetResult();
                }
            });
        using var client = app.Client();
        using var patience = new CancellationTokenSource();
        var given = client.GetAsync("/", patience.Token);
        await arrived.WaitAsync(Cancelled);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        await ended.Task.WaitAsync(Cancelled);

        var status = "503";
        while (status == "503")
        {
            // The application has ended; the limit hears of it on its way out.
            status = await CallAsync(client, 1);
        }

        Assert.Equal("200", status);
    }

    [Fact]
    public async Task Adaptive_concurrency_refuses_what_is_above_its_limit()
    {
        using var gate = new SemaphoreSlim(0);
        using var arrived = new SemaphoreSlim(0);
        await using var app = await MeshApp.StartAsync(
            Strict().WithFilters(new AdaptiveConcurrencyFilterConfig("adaptive", new AdaptiveConcurrencyConfig { MinConcurrency = 2, Status = 503 })),
            async http =>
            {
                arrived.Release();
                await gate.WaitAsync(http.RequestAborted);
            });
        using var client = app.Client();
        var first = client.GetAsync("/", Cancelled);
        var second = client.GetAsync("/", Cancelled);
        await arrived.WaitAsync(Cancelled);
        await arrived.WaitAsync(Cancelled);

        Assert.Equal("503", await CallAsync(client, 1));
        using var critical = new HttpRequestMessage(HttpMethod.Get, "/") { Version = HttpVersion.Version20, Headers = { { "x-mesh-criticality", "critical" } } };
        var third = client.SendAsync(critical, Cancelled);
        await arrived.WaitAsync(Cancelled);
        gate.Release(3);
        Assert.All(await Task.WhenAll(first, second, third), static answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
    }

    private static LocalRateLimitFilterConfig Rate(RateLimitConfig limit) => new("rate", limit);

    // The statuses of calls one after the other.
    private static async Task<string> CallAsync(HttpClient client, int calls)
    {
        var statuses = new int[calls];
        for (var i = 0; i < calls; i++)
        {
            using var answer = await client.GetAsync("/", Cancelled);
            statuses[i] = (int)answer.StatusCode;
        }

        return string.Join(' ', statuses);
    }
}
