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
    public static Any Override(SessionPersistence session, string cookiePath)
    {
        var state = session.IsCookie
            ? new TypedExtensionConfig
            {
                Name = "envoy.http.stateful_session.cookie",
                TypedConfig = Any.Pack(new CookieBasedSessionState { Cookie = new Cookie { Name = session.Name, Path = cookiePath, Ttl = session.AbsoluteTimeout?.ToDuration() } }),
            }
            : new TypedExtensionConfig
            {
                Name = "envoy.http.stateful_session.header",
                TypedConfig = Any.Pack(new HeaderBasedSessionState { Name = session.Name }),
            };
        var route = new StatefulSessionPerRoute { StatefulSession = new StatefulSession { SessionState = state } };
        return Any.Pack(new FilterConfig { Config = Any.Pack(route), IsOptional = true });
    }
}
