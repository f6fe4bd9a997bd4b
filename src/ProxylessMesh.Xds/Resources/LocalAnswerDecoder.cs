using System.Net;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using RedirectCode = Envoy.Config.Route.V3.RedirectAction.Types.RedirectResponseCode;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Routes that are answered without a call: <c>redirect</c> and <c>direct_response</c>.</summary>
internal static class LocalAnswerDecoder
{
    public static RouteActionConfig? Redirect(RedirectAction wire, DecodeErrors errors)
    {
        var status = wire.ResponseCode switch
        {
            RedirectCode.MovedPermanently => 301,
            RedirectCode.Found => 302,
            RedirectCode.SeeOther => 303,
            RedirectCode.TemporaryRedirect => 307,
            RedirectCode.PermanentRedirect => 308,
            _ => 0,
        };
        if (status == 0)
        {
            errors.Add("response_code", (int)wire.ResponseCode, "is not a response code that this version knows");
        }

        if (wire.PortRedirect > IPEndPoint.MaxPort)
        {
            errors.Add("port_redirect", wire.PortRedirect, "must be a port number, at most 65535");
        }

        if (wire.HostRedirect.AsSpan().ContainsAny('/', '?', '#') || wire.HostRedirect.AsSpan().ContainsAnyInRange('\0', ' '))
        {
            errors.Add("host_redirect", wire.HostRedirect, "must be a host name");
        }

        var scheme = Scheme(wire);
        return scheme is not (null or "http" or "https")
            ? new UnsupportedActionConfig($"scheme_redirect '{DecodeErrors.Printable(scheme)}' is not supported; http and https are")
            : new RedirectActionConfig
            {
                Status = status,
                Host = wire.HostRedirect.Length > 0 ? wire.HostRedirect : null,
                Port = wire.PortRedirect > 0 ? (int)Math.Min(wire.PortRedirect, IPEndPoint.MaxPort) : null,
                Scheme = scheme,
                Path = RewriteDecoder.Path(wire, errors),
                StripQuery = wire.StripQuery,
            };
    }

    public static RouteActionConfig DirectResponse(DirectResponseAction wire, DecodeErrors errors)
    {
        if (wire.Status is < 200 or > 599)
        {
            errors.Add("status", wire.Status, "must be 200 to 599");
        }

        switch (wire.Body?.SpecifierCase ?? DataSource.SpecifierOneofCase.None)
        {
            case DataSource.SpecifierOneofCase.None:
                return new DirectResponseActionConfig((int)wire.Status, default);
            case DataSource.SpecifierOneofCase.InlineBytes:
                return new DirectResponseActionConfig((int)wire.Status, wire.Body!.InlineBytes.Memory);
            case DataSource.SpecifierOneofCase.InlineString:
                return new DirectResponseActionConfig((int)wire.Status, System.Text.Encoding.UTF8.GetBytes(wire.Body!.InlineString));
            default:
                // Files and variables of this process are not a control plane's to read out.
                return new UnsupportedActionConfig($"direct_response.body by {wire.Body!.SpecifierCase} is not supported; use inline_string or inline_bytes");
        }
    }

    private static string? Scheme(RedirectAction wire)
        => wire.SchemeRewriteSpecifierCase switch
        {
            RedirectAction.SchemeRewriteSpecifierOneofCase.HttpsRedirect => wire.HttpsRedirect ? "https" : null,
            RedirectAction.SchemeRewriteSpecifierOneofCase.SchemeRedirect => wire.SchemeRedirect.Length > 0 ? wire.SchemeRedirect.ToLowerInvariant() : null,
            _ => null,
        };
}
