using Microsoft.AspNetCore.Http;

namespace ProxylessMesh.Jwt;

/// <summary>One request's way through the requirements: what each provider found, asked once.</summary>
internal sealed class JwtAttempt(HttpRequest request, DateTimeOffset now, int providers)
{
    private readonly Result?[] _results = new Result?[providers];

    /// <summary>The provider whose token failed last, for the log.</summary>
    public JwtProvider? Failed { get; private set; }

    /// <summary>What the provider finds. Other audiences than its own are asked anew.</summary>
    public JwtFailure Check(JwtProvider provider, string[] audiences)
    {
        if (audiences.Length == 0 && _results[provider.Index] is { } known)
        {
            return known.Failure;
        }

        var failure = provider.Check(request, audiences, now, out var token);
        if (_results[provider.Index] is not { Failure: JwtFailure.None })
        {
            _results[provider.Index] = new Result(provider, failure, token);
        }

        if (failure is not (JwtFailure.None or JwtFailure.Missing))
        {
            Failed = provider;
        }

        return failure;
    }

    /// <summary>The providers that found a valid token, in their order.</summary>
    public IEnumerable<(JwtProvider Provider, JwtToken Token)> Accepted
        => from result in _results where result is { Failure: JwtFailure.None, Token: not null } select (result.Provider, result.Token);

    private sealed record Result(JwtProvider Provider, JwtFailure Failure, JwtToken? Token);
}
