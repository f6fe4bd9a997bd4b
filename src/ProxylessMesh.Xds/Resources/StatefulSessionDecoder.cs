using Envoy.Extensions.Filters.Http.StatefulSession.V3;
using Envoy.Extensions.Http.StatefulSession.Cookie.V3;
using Envoy.Extensions.Http.StatefulSession.Header.V3;

namespace ProxylessMesh.Xds.Resources;

/// <summary>The stateful session filter (gRFC A55), by cookie or by header (Envoy).</summary>
internal static class StatefulSessionDecoder
{
    private const string CookieType = "type.googleapis.com/envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState";
    private const string HeaderType = "type.googleapis.com/envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState";

    /// <summary>Null: no session, or bad and reported.</summary>
    public static SessionConfig? Decode(StatefulSession? wire, DecodeErrors errors)
    {
        if (wire?.SessionState is not { } state)
        {
            return null;
        }

        using (errors.In("session_state.typed_config"))
        {
            var session = state.TypedConfig?.TypeUrl switch
            {
                CookieType => ValueDecoder.Unpack(state.TypedConfig, CookieBasedSessionState.Parser, errors) is { } cookie ? Cookie(cookie, errors) : null,
                HeaderType => ValueDecoder.Unpack(state.TypedConfig, HeaderBasedSessionState.Parser, errors) is { } header ? Header(header, errors) : null,
                _ => Unknown(state.TypedConfig?.TypeUrl, errors),
            };
            return session is null ? null : session with { Strict = wire.Strict };
        }
    }

    private static SessionConfig? Cookie(CookieBasedSessionState wire, DecodeErrors errors)
    {
        var name = wire.Cookie?.Name ?? "";
        if (name.Length == 0)
        {
            errors.AddMissing("cookie.name");
        }
        else if (!HeaderOperationsDecoder.IsToken(name))
        {
            errors.Add("cookie.name", name, "must be a cookie name (RFC 6265)");
        }

        var path = wire.Cookie?.Path ?? "";
        if (path.AsSpan().ContainsAny(';', '\r', '\n'))
        {
            errors.Add("cookie.path", path, "must be a path on one line, without ';'");
        }

        var ttl = ValueDecoder.Duration(wire.Cookie?.Ttl, "cookie.ttl", errors) ?? TimeSpan.Zero;
        return new SessionConfig(new SessionCookieConfig(name, path, ttl), null);
    }

    private static SessionConfig? Header(HeaderBasedSessionState wire, DecodeErrors errors)
    {
        HeaderOperationsDecoder.CheckName(wire.Name, "name", errors);
        return new SessionConfig(null, wire.Name.ToLowerInvariant());
    }

    private static SessionConfig? Unknown(string? typeUrl, DecodeErrors errors)
    {
        errors.Add("type_url", typeUrl ?? "unset", "must be CookieBasedSessionState or HeaderBasedSessionState");
        return null;
    }
}
