using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Jwt;

/// <summary>
/// Envoy's <c>jwt_authn</c>, compiled: end-user tokens are checked before any policy asks for their claims. A request without a token
/// passes where the requirement allows it; a bad token never does.
/// </summary>
internal sealed class JwtAuthentication
{
    private readonly JwtProvider[] _providers;
    private readonly (RequestMatcher Match, JwtRequirement? Requires)[] _rules;
    private readonly string[] _outputHeaders;
    private readonly bool _bypassCorsPreflight;
    private readonly TimeProvider _time;

    public JwtAuthentication(JwtConfig config, TimeProvider time)
    {
        var names = config.Providers.Keys.Order(StringComparer.Ordinal).ToArray();
        _providers = [.. names.Select((name, index) => new JwtProvider(index, config.Providers[name]))];
        var byName = names.Zip(_providers).ToDictionary(static pair => pair.First, static pair => pair.Second, StringComparer.Ordinal);
        _rules = [.. config.Rules.Select(rule => (rule.Match, rule.Requires is null ? null : Compile(rule.Requires, byName)))];
        _outputHeaders = [.. _providers.SelectMany(static provider => provider.OutputHeaders).Distinct(StringComparer.OrdinalIgnoreCase)];
        _bypassCorsPreflight = config.BypassCorsPreflight;
        _time = time;
        StripsFailureResponse = config.StripFailureResponse;
    }

    /// <summary>A refusal has no <c>WWW-Authenticate</c>.</summary>
    public bool StripsFailureResponse { get; }

    /// <summary>Checks the request's tokens and shows the valid ones.</summary>
    public JwtVerdict Authenticate<TRequest>(HttpContext context, in TRequest request)
        where TRequest : struct, IMatchInput
    {
        // First of all, and for every request: what the application takes for the mesh's word never comes from a caller.
        foreach (var header in _outputHeaders)
        {
            context.Request.Headers.Remove(header);
        }

        if ((_bypassCorsPreflight && IsPreflight(context.Request)) || Find(request) is not { } requirement)
        {
            return new JwtVerdict(JwtOutcome.NotAsked);
        }

        var attempt = new JwtAttempt(context.Request, _time.GetUtcNow(), _providers.Length);
        var failure = requirement.Check(attempt);
        if (failure != JwtFailure.None)
        {
            return new JwtVerdict(JwtOutcome.Refused, failure, attempt.Failed?.Issuer);
        }

        string? issuer = null;
        foreach (var (provider, token) in attempt.Accepted)
        {
            // Istio leaves open whose claims policies see where there are several tokens: here, those of the first provider.
            provider.Accept(context, token, writesMetadata: issuer is null);
            issuer ??= provider.Issuer;
        }

        return issuer is null ? new JwtVerdict(JwtOutcome.Anonymous) : new JwtVerdict(JwtOutcome.Valid, Issuer: issuer);
    }

    private JwtRequirement? Find<TRequest>(in TRequest request)
        where TRequest : struct, IMatchInput
    {
        foreach (var (match, requires) in _rules)
        {
            if (match.Matches(request))
            {
                return requires;
            }
        }

        return null;
    }

    private JwtRequirement Compile(JwtRequirementConfig config, Dictionary<string, JwtProvider> providers) => config switch
    {
        JwtRequirementConfig.Provider one => new JwtRequirement.OfProvider(providers[one.Name], [.. one.Audiences]),
        JwtRequirementConfig.Any any => new JwtRequirement.Any(
            [.. any.Of.Where(static one => one is not (JwtRequirementConfig.AllowMissing or JwtRequirementConfig.AllowMissingOrFailed)).Select(one => Compile(one, providers))],
            Has<JwtRequirementConfig.AllowMissing>(any.Of),
            Has<JwtRequirementConfig.AllowMissingOrFailed>(any.Of)),
        JwtRequirementConfig.All all => new JwtRequirement.All([.. all.Of.Select(one => Compile(one, providers))]),
        _ => new JwtRequirement.Optional(_providers, config is JwtRequirementConfig.AllowMissingOrFailed),
    };

    private static bool Has<T>(ImmutableArray<JwtRequirementConfig> requirements) => requirements.Any(static requirement => requirement is T);

    private static bool IsPreflight(HttpRequest request)
        => HttpMethods.IsOptions(request.Method) && request.Headers.Origin.ToString().Length > 0 && request.Headers.AccessControlRequestMethod.ToString().Length > 0;
}
