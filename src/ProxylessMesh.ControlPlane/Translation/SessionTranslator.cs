using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.StatefulSession.V3;
using Envoy.Extensions.Http.StatefulSession.Cookie.V3;
using Envoy.Extensions.Http.StatefulSession.Header.V3;
using Envoy.Type.Http.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Sessions of a route, as its override of the stateful session filter (gRFC A55). Clients that do not know it leave it aside.</summary>
internal static class SessionTranslator
{
    /// <summary>The session of an HTTPRoute.</summary>
    public static Any Override(SessionPersistence session, string cookiePath) => Override(session.IsCookie, session.Name, cookiePath, session.AbsoluteTimeout, isStrict: false);

    /// <summary>The session of a MeshTrafficPolicy.</summary>
    public static Any Override(SessionAffinity session) => Override(session.IsCookie, session.Name, session.Path, session.Ttl, session.IsStrict);

    private static Any Override(bool isCookie, string name, string cookiePath, TimeSpan? life, bool isStrict)
    {
        var state = isCookie
            ? new TypedExtensionConfig
            {
                Name = "envoy.http.stateful_session.cookie",
                TypedConfig = Any.Pack(new CookieBasedSessionState { Cookie = new Cookie { Name = name, Path = cookiePath, Ttl = life?.ToDuration() } }),
            }
            : new TypedExtensionConfig
            {
                Name = "envoy.http.stateful_session.header",
                TypedConfig = Any.Pack(new HeaderBasedSessionState { Name = name }),
            };
        var route = new StatefulSessionPerRoute { StatefulSession = new StatefulSession { SessionState = state, Strict = isStrict } };
        return Any.Pack(new FilterConfig { Config = Any.Pack(route), IsOptional = true });
    }
}
