using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;

namespace ProxylessMesh.Xds.Resources;

/// <summary>
/// The TLS of a cluster (gRFC A29): roots of a provider for workloads of the mesh; of the system (A82) or of the config itself
/// (<c>trusted_ca</c> inline) for servers outside. Without any of them nobody's certificate could be checked, which is refused.
/// </summary>
internal static class UpstreamTlsDecoder
{
    private const string ContextType = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";

    /// <summary>Null: there is no <c>transport_socket</c>, so plaintext, or it is bad and reported.</summary>
    public static UpstreamTlsConfig? Decode(TransportSocket? socket, UpstreamHttpProtocolOptions? options, DecodeContext context)
    {
        var errors = context.Errors;
        if (socket is null || TlsDecoder.Open(socket, ContextType, errors) is not { } any
            || ValueDecoder.Unpack(any, UpstreamTlsContext.Parser, errors) is not { } tls)
        {
            return null;
        }

        if (tls.CommonTlsContext is not { } common)
        {
            errors.AddMissing("transport_socket.typed_config.common_tls_context");
            return null;
        }

        if (options?.OverrideAutoSniHeader.Length > 0)
        {
            errors.Add("upstream_http_protocol_options.override_auto_sni_header", options.OverrideAutoSniHeader, "is not supported by this version");
        }

        using (errors.In("transport_socket.typed_config.common_tls_context"))
        {
            var validation = TlsDecoder.Validation(common, errors);
            var root = TlsDecoder.Provider(
                validation?.CaCertificateProviderInstance ?? TlsDecoder.Deprecated(common.ValidationContextCertificateProviderInstance),
                "validation_context.ca_certificate_provider_instance",
                context);

            // A82: a provider goes before the system's roots.
            var system = root is null && validation?.SystemRootCerts is not null;
            var pem = root is null && !system && validation?.TrustedCa is { } trusted ? TrustedCa(trusted, errors) : null;
            if (root is null && !system && pem is null && errors.IsEmpty)
            {
                errors.AddMissing("validation_context.ca_certificate_provider_instance");
            }

            return new UpstreamTlsConfig
            {
                IdentityProvider = TlsDecoder.Identity(common, context),
                RootProvider = root,
                UsesSystemRoots = system,
                TrustedCaPem = pem,
                PeerNames = TlsDecoder.PeerNames(validation, errors),
                ServerName = tls.Sni.Length > 0 ? tls.Sni : null,
                AlpnProtocols = [.. common.AlpnProtocols],
                RequiresTls13 = TlsDecoder.RequiresTls13(common.TlsParams, errors),
                AutoHostSni = tls.AutoHostSni || options is { AutoSni: true },
                AutoSniSanValidation = tls.AutoSniSanValidation || options is { AutoSanValidation: true },
            };
        }
    }

    private static string? TrustedCa(DataSource source, DecodeErrors errors)
    {
        const string Field = "validation_context.trusted_ca";
        var pem = source.SpecifierCase switch
        {
            DataSource.SpecifierOneofCase.InlineBytes => source.InlineBytes.ToStringUtf8(),
            DataSource.SpecifierOneofCase.InlineString => source.InlineString,
            _ => null,
        };
        if (pem is null)
        {
            // Files of this process are for its owner to name, not for a control plane.
            errors.Add(Field, source.SpecifierCase, "must be inline_string or inline_bytes");
            return null;
        }

        if (!HasCertificate(pem))
        {
            errors.Add(Field, "its text", "must have at least one certificate in PEM");
            return null;
        }

        return pem;
    }

    private static bool HasCertificate(string pem)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(pem);
            return certificates.Count > 0;
        }
        catch (CryptographicException)
        {
            return false;
        }
        finally
        {
            foreach (var certificate in certificates)
            {
                certificate.Dispose();
            }
        }
    }
}
