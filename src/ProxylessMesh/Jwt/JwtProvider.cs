using Microsoft.AspNetCore.Http;
using ProxylessMesh.Authentication;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Jwt;

/// <summary>One issuer, compiled: finds its tokens, checks them, and shows them to policies and the application.</summary>
internal sealed class JwtProvider
{
    /// <summary>Policies find payloads under this name, as in Envoy.</summary>
    public const string MetadataFilter = "envoy.filters.http.jwt_authn";

    // Each costs a signature.
    private const int MaxTokens = 8;

    private readonly JwtProviderConfig _config;
    private readonly JwtPlaces _places;
    private readonly JwtKeys _keys;
    private readonly HashSet<string> _spaceDelimited;

    public JwtProvider(int index, JwtProviderConfig config)
    {
        Index = index;
        _config = config;
        _places = new JwtPlaces(config);
        _keys = JwtKeys.Parse(config.KeySet);
        _spaceDelimited = [.. config.SpaceDelimitedClaims];
        OutputHeaders = [.. config.ClaimHeaders.Select(static output => output.Header).Append(config.PayloadHeader).OfType<string>()];
    }

    /// <summary>Its place among the filter's providers.</summary>
    public int Index { get; }

    /// <summary>As configured, so that logs and counters are bounded by the configuration.</summary>
    public string Issuer => _config.Issuer;

    /// <summary>What only the mesh may write.</summary>
    public string[] OutputHeaders { get; }

    /// <summary>Every token in its places must be valid; the first is the one that counts.</summary>
    public JwtFailure Check(HttpRequest request, string[] audiences, DateTimeOffset now, out JwtToken? token)
    {
        token = null;
        if (_places.Find(request) is not { } texts)
        {
            return JwtFailure.Missing;
        }

        if (texts.Count > MaxTokens)
        {
            return JwtFailure.TooMany;
        }

        foreach (var text in texts)
        {
            var parsed = JwtToken.Parse(text);
            var failure = parsed is null ? JwtFailure.Malformed : Check(parsed, audiences, now);
            if (failure != JwtFailure.None)
            {
                token = null;
                return failure;
            }

            token ??= parsed;
        }

        return JwtFailure.None;
    }

    /// <summary>Shows a valid token to policies and the application, and takes it out of the request unless it is forwarded.</summary>
    public void Accept(HttpContext context, JwtToken token, bool writesMetadata)
    {
        var headers = context.Request.Headers;
        if (_config.PayloadHeader is { } payloadHeader)
        {
            headers[payloadHeader] = _config.PadPayloadHeader ? token.EncodedPayload.PadRight((token.EncodedPayload.Length + 3) / 4 * 4, '=') : token.EncodedPayload;
        }

        foreach (var output in _config.ClaimHeaders)
        {
            if (JwtClaims.Find(token.Payload, output.Claim) is { } claim && JwtClaims.HeaderValue(claim) is { } value)
            {
                headers[output.Header] = value;
            }
        }

        if (!_config.Forward)
        {
            _places.Remove(context.Request);
        }

        if (writesMetadata && _config.PayloadInMetadata is { } key)
        {
            RequestMetadata.Of(context).Set(MetadataFilter, JwtClaims.ForMetadata(token.Payload, key, _spaceDelimited));
        }
    }

    // Cheap questions first; the signature decides last, so nothing of a token is believed before.
    private JwtFailure Check(JwtToken token, string[] audiences, DateTimeOffset now)
    {
        if (_config.Issuer.Length > 0 && token.Issuer != _config.Issuer)
        {
            return JwtFailure.UnknownIssuer;
        }

        if (_config.Subjects is { } subjects && !subjects.Matches(JwtToken.Text(token.Payload, "sub") ?? ""))
        {
            return JwtFailure.SubjectNotAllowed;
        }

        var failure = CheckTimes(token, now);
        if (failure == JwtFailure.None && !IsFor(token, audiences.Length > 0 ? audiences : [.. _config.Audiences]))
        {
            failure = JwtFailure.AudienceNotAllowed;
        }

        return failure == JwtFailure.None ? _keys.Verify(token) : failure;
    }

    private JwtFailure CheckTimes(JwtToken token, DateTimeOffset now)
    {
        if (!JwtClaims.TryGetTime(token.Payload, "exp", out var expires) || !JwtClaims.TryGetTime(token.Payload, "nbf", out var begins) || !JwtClaims.TryGetTime(token.Payload, "iat", out var issued))
        {
            return JwtFailure.Malformed;
        }

        var seconds = now.ToUnixTimeMilliseconds() / 1000d;
        var skew = _config.ClockSkew.TotalSeconds;
        if (begins is { } from && from > seconds + skew)
        {
            return JwtFailure.NotYetValid;
        }

        if (expires is { } until && until < seconds - skew)
        {
            return JwtFailure.Expired;
        }

        if (expires is null)
        {
            return _config.RequireExpiration || _config.MaxLifetime is not null ? JwtFailure.LifetimeNotAllowed : JwtFailure.None;
        }

        return _config.MaxLifetime is { } longest && !(expires - (issued ?? begins) <= longest.TotalSeconds) ? JwtFailure.LifetimeNotAllowed : JwtFailure.None;
    }

    private static bool IsFor(JwtToken token, string[] audiences)
        => audiences.Length == 0 || JwtClaims.Audiences(token.Payload).Any(named => audiences.Any(wanted => Plain(wanted).SequenceEqual(Plain(named))));

    // As Envoy compares them: without scheme and without a slash at the end.
    private static ReadOnlySpan<char> Plain(string audience)
    {
        var plain = audience.AsSpan();
        plain = plain.StartsWith("https://", StringComparison.Ordinal) ? plain[8..] : plain.StartsWith("http://", StringComparison.Ordinal) ? plain[7..] : plain;
        return plain.EndsWith('/') ? plain[..^1] : plain;
    }
}
