using System.Net;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Client.Outbound;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Resilience;

public sealed class RetryPolicyTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch + TimeSpan.FromDays(20_000));

    // What a policy with this condition says to an attempt of a POST that ended like this.
    [Theory]
    [InlineData("ServerError", 500, "Policy")]
    [InlineData("ServerError", 599, "Policy")]
    [InlineData("ServerError", 499, "None")]
    [InlineData("GatewayError", 502, "Policy")]
    [InlineData("GatewayError", 504, "Policy")]
    [InlineData("GatewayError", 500, "None")]
    [InlineData("Retriable4xx", 409, "Policy")]
    [InlineData("Retriable4xx", 400, "None")]
    [InlineData("RetriableStatusCodes", 418, "Policy")]
    [InlineData("RetriableStatusCodes", 503, "None")]
    [InlineData("ConnectFailure, RefusedStream, ResetBeforeRequest", 503, "None")]
    public void Status_is_given_up_by_the_condition_that_lists_it(string on, int status, string expected)
    {
        var policy = Policy(new RetryConfig { On = Enum.Parse<RetryConditions>(on), StatusCodes = [418] });
        using var response = new HttpResponseMessage((HttpStatusCode)status);

        Assert.Equal(expected, Judge(policy, Answered(response)).ToString());
    }

    [Theory]
    [InlineData("Reset", "Policy")]
    [InlineData("ServerError", "Policy")]
    [InlineData("GatewayError", "Policy")]
    [InlineData("ResetBeforeRequest", "None")]
    [InlineData("ConnectFailure", "None")]
    [InlineData("RefusedStream", "None")]
    [InlineData("Retriable4xx", "None")]
    public void Broken_exchange_of_a_call_that_is_not_idempotent_needs_a_condition(string on, string expected)
    {
        var policy = Policy(new RetryConfig { On = Enum.Parse<RetryConditions>(on) });

        Assert.Equal(expected, Judge(policy, Failed(OutcomeKind.Reset)).ToString());
        Assert.Equal(expected, Judge(policy, Failed(OutcomeKind.AttemptTimedOut)).ToString());
        Assert.Equal("Policy", Judge(policy, Failed(OutcomeKind.Reset), isIdempotent: true).ToString());
    }

    [Theory]
    [InlineData("Cancelled", 1)]
    [InlineData("DeadlineExceeded", 4)]
    [InlineData("ResourceExhausted", 8)]
    [InlineData("Internal", 13)]
    [InlineData("Unavailable", 14)]
    public void Grpc_status_is_given_up_by_its_own_condition_alone(string on, int status)
    {
        var policy = Policy(new RetryConfig { On = Enum.Parse<RetryConditions>(on) });
        using var response = new HttpResponseMessage(HttpStatusCode.OK);
        int[] all = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

        var retried = all.Where(code => Judge(policy, new AttemptResult(new CallOutcome(OutcomeKind.Answered, 200, code), response, null)) == RetryKind.Policy);

        Assert.Equal([status], retried);
    }

    [Fact]
    public void Answer_of_a_rate_limiter_is_given_up_only_where_the_policy_names_rate_limits()
    {
        using var response = new HttpResponseMessage(HttpStatusCode.TooManyRequests) { Headers = { { "x-envoy-ratelimited", "true" } } };
        var others = RetryConditions.ServerError | RetryConditions.RetriableStatusCodes;

        Assert.Equal(RetryKind.None, Judge(Policy(new RetryConfig { On = others, StatusCodes = [429] }), Answered(response)));
        Assert.Equal(RetryKind.Policy, Judge(Policy(new RetryConfig { On = RetryConditions.EnvoyRateLimited }), Answered(response)));
    }

    [Fact]
    public void Header_of_an_answer_can_ask_for_a_retry_even_of_a_success()
    {
        var policy = Policy(new RetryConfig
        {
            On = RetryConditions.RetriableHeaders,
            RetriableHeaders = [new HeaderMatcher { Name = "x-again", Value = StringMatcher.Exact("yes") }],
        });
        using var again = new HttpResponseMessage(HttpStatusCode.OK) { Headers = { { "X-Again", "yes" } } };
        using var fine = new HttpResponseMessage(HttpStatusCode.OK) { Headers = { { "X-Again", "no" } } };

        Assert.True(policy.ReadsHeaders);
        Assert.Equal(RetryKind.Policy, Judge(policy, Answered(again)));
        Assert.Equal(RetryKind.None, Judge(policy, Answered(fine)));
    }

    [Fact]
    public void Policy_for_some_requests_leaves_the_others_alone()
    {
        var policy = Policy(new RetryConfig
        {
            On = RetryConditions.ServerError,
            RetriableRequestHeaders = [new HeaderMatcher { Name = "x-retry" }],
        });
        using var response = new HttpResponseMessage(HttpStatusCode.ServiceUnavailable);

        Assert.Equal(RetryKind.None, Judge(policy, Answered(response)));
        Assert.Equal(RetryKind.None, Judge(policy, Failed(OutcomeKind.Reset), isIdempotent: true));
        Assert.Equal(RetryKind.Transparent, Judge(policy, Failed(OutcomeKind.ConnectFailed)));
        Assert.Equal(RetryKind.Policy, Judge(policy, Answered(response), header: "x-retry"));
    }

    [Theory]
    [InlineData(OutcomeKind.ConnectFailed)]
    [InlineData(OutcomeKind.PeerRefused)]
    [InlineData(OutcomeKind.RefusedStream)]
    public void Policy_without_a_condition_repeats_only_what_was_not_processed(object kind)
    {
        var policy = Policy(new RetryConfig { On = RetryConditions.None, MaxRetries = 3 });

        Assert.Equal(RetryKind.Transparent, Judge(policy, Failed((OutcomeKind)kind)));
        Assert.Equal(RetryKind.None, Judge(policy, Failed(OutcomeKind.Reset), isIdempotent: true));
        Assert.Equal(RetryKind.None, Judge(policy, Failed(OutcomeKind.AttemptTimedOut), isIdempotent: true));
        Assert.Equal(0, policy.MaxRetries);
    }

    [Theory]
    [InlineData("1500", 1.5, false)]
    [InlineData("0", 0.0, false)]
    [InlineData("-1", null, true)]
    [InlineData("soon", null, true)]
    [InlineData("99999999999", null, true)]
    public void Pushback_of_a_grpc_server_says_when_or_that_not(string value, double? seconds, bool isRefused)
    {
        using var response = new HttpResponseMessage(HttpStatusCode.OK);
        response.Headers.TryAddWithoutValidation("grpc-retry-pushback-ms", value);

        Assert.Equal(isRefused, RetryDelay.IsRefused(response));
        Assert.Equal(seconds, RetryDelay.Asked(new RetryConfig(), response, _time)?.TotalSeconds);
    }

    [Theory]
    [InlineData("20", 20.0)]
    [InlineData("301", null)]
    [InlineData("0", null)]
    [InlineData("soon", null)]
    public void Retry_after_is_honoured_up_to_the_maximum(string value, double? seconds)
    {
        using var response = new HttpResponseMessage(HttpStatusCode.ServiceUnavailable);
        response.Headers.TryAddWithoutValidation("Retry-After", value);

        Assert.Equal(seconds, RetryDelay.Asked(new RetryConfig(), response, _time)?.TotalSeconds);
    }

    [Fact]
    public void Retry_after_may_be_a_date()
    {
        using var response = new HttpResponseMessage(HttpStatusCode.ServiceUnavailable);
        response.Headers.TryAddWithoutValidation("Retry-After", (_time.GetUtcNow() + TimeSpan.FromSeconds(40)).ToString("R"));

        Assert.Equal(TimeSpan.FromSeconds(40), RetryDelay.Asked(new RetryConfig(), response, _time));
    }

    [Theory]
    [InlineData("x-seconds", "10")]
    [InlineData("x-reset-at", "1728000010")]
    public void Reset_header_gives_the_shortest_wait_and_up_to_half_more(string name, string value)
    {
        var config = new RetryConfig { ResetHeaders = [new ResetHeaderConfig("x-reset-at", IsUnixTime: true), new ResetHeaderConfig("x-seconds", IsUnixTime: false)] };
        using var response = new HttpResponseMessage(HttpStatusCode.TooManyRequests);
        response.Headers.TryAddWithoutValidation(name, value);
        Assert.Equal(1_728_000_000, _time.GetUtcNow().ToUnixTimeSeconds());

        var waits = Enumerable.Range(0, 500).Select(_ => RetryDelay.Asked(config, response, _time)!.Value.TotalSeconds).ToList();

        Assert.All(waits, static wait => Assert.InRange(wait, 10, 15));
        Assert.True(waits.Max() - waits.Min() > 3);
    }

    [Fact]
    public void Back_off_grows_as_two_to_the_n_minus_one_up_to_the_maximum()
    {
        var config = new RetryConfig();
        double[] limits = [25, 75, 175, 250, 250];

        for (var step = 0; step < limits.Length; step++)
        {
            var longest = Enumerable.Range(0, 2000).Max(_ => RetryDelay.BackOff(config, step).TotalMilliseconds);
            Assert.InRange(longest, limits[step] * 0.95, limits[step]);
        }
    }

    private RetryPolicy Policy(RetryConfig config) => new(config, _time);

    private static AttemptResult Answered(HttpResponseMessage response) => new(new CallOutcome(OutcomeKind.Answered, (int)response.StatusCode), response, null);

    private static AttemptResult Failed(OutcomeKind kind) => new(new CallOutcome(kind), null, new IOException("as the test asked"));

    private static RetryKind Judge(RetryPolicy policy, AttemptResult last, bool isIdempotent = false, string? header = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "http://catalog/");
        if (header is not null)
        {
            request.Headers.Add(header, "1");
        }

        return policy.Judge(last, new HttpRequestInput(request, request.RequestUri!, "catalog"), isIdempotent);
    }
}
