using Envoy.Config.Route.V3;
using ProxylessMesh.Manifests.Kinds;
using Status = Envoy.Config.Route.V3.RedirectAction.Types.RedirectResponseCode;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>A VirtualService's <c>redirect</c>.</summary>
internal static class RedirectTranslator
{
    public static RedirectAction Translate(VirtualServiceRedirect redirect, RoutedPort port)
    {
        var action = new RedirectAction
        {
            HostRedirect = redirect.Authority ?? "",
            PortRedirect = Port(redirect, port),
            ResponseCode = redirect.Code switch
            {
                302 => Status.Found,
                303 => Status.SeeOther,
                307 => Status.TemporaryRedirect,
                308 => Status.PermanentRedirect,
                _ => Status.MovedPermanently,
            },
        };
        if (redirect.Uri is not null)
        {
            action.PathRedirect = redirect.Uri;
        }
        else if (redirect.PrefixRewrite is not null)
        {
            action.PrefixRewrite = redirect.PrefixRewrite;
        }

        if (redirect.Scheme is not null)
        {
            action.SchemeRedirect = redirect.Scheme;
        }

        return action;
    }

    // Istio: the port of the request is that of the route, and a port that the scheme has anyway is not written. Calls inside the mesh are
    // http as their callers see them. 0: as called.
    private static uint Port(VirtualServiceRedirect redirect, RoutedPort port)
    {
        var number = redirect.Port ?? (redirect.IsPortOfRequest ? port.Number : 0);
        return (number, redirect.Scheme ?? "http") is (80, "http") or (443, "https") ? 0 : (uint)number;
    }
}
