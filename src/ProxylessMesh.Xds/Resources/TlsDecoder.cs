using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

/// <summary>
/// TLS contexts of servers, and what is the same for clients (gRFC A29): certificates by provider instances of the bootstrap only. A check that cannot be made here (key
/// hashes, revocation lists, custom validators) is refused: a peer that should be turned away must not get in.
/// </summary>
internal static class TlsDecoder
{
    private const string SocketName = "envoy.transport_sockets.tls";
    private const string DownstreamType = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";

    /// <summary>The <c>transport_socket</c> of a filter chain; null where there is none: plaintext.</summary>
    public static DownstreamTlsConfig? Downstream(TransportSocket? socket, DecodeContext context)
    {
        var errors = context.Errors;
        if (socket is null || Open(socket, DownstreamType, errors) is not { } any
            || ValueDecoder.Unpack(any, DownstreamTlsContext.Parser, errors) is not { } tls)
        {
            return null;
        }

        if (tls.CommonTlsContext is not { } common)
        {
            errors.AddMissing("transport_socket.typed_config.common_tls_context");
            return null;
        }

        using (errors.In("transport_socket.typed_config"))
        {
            if (tls.RequireSni == true)
            {
                errors.Add("require_sni", "true", "is not supported");
            }

            if (tls.OcspStaplePolicy != DownstreamTlsContext.Types.OcspStaplePolicy.LenientStapling)
            {
                errors.Add("ocsp_staple_policy", tls.OcspStaplePolicy, "must be LENIENT_STAPLING");
            }

            using (errors.In("common_tls_context"))
            {
                return Downstream(common, tls.RequireClientCertificate == true, context);
            }
        }
    }

    private static DownstreamTlsConfig Downstream(CommonTlsContext common, bool requireClientCertificate, DecodeContext context)
    {
        var errors = context.Errors;
        var validation = Validation(common, errors);
        var root = Provider(validation?.CaCertificateProviderInstance ?? Deprecated(common.ValidationContextCertificateProviderInstance), "validation_context.ca_certificate_provider_instance", context);
        if (root is null && errors.IsEmpty && (requireClientCertificate || validation is not null))
        {
            errors.AddMissing("validation_context.ca_certificate_provider_instance");
        }

        if (validation is { MatchSubjectAltNames.Count: > 0 } or { MatchTypedSubjectAltNames.Count: > 0 })
        {
            errors.Add("validation_context.match_subject_alt_names", "set", "is for clients; on a server the RBAC filter decides who may call");
        }

        var identity = Identity(common, context);
        if (identity is null && errors.IsEmpty)
        {
            errors.AddMissing("tls_certificate_provider_instance");
        }

        return new DownstreamTlsConfig { IdentityProvider = identity, RootProvider = root, RequireClientCertificate = requireClientCertificate, RequiresTls13 = RequiresTls13(common.TlsParams, errors) };
    }

    /// <summary>The least version of <c>tls_params</c>: 1.2 holds anyway. What else they may ask is not done here, and so is refused.</summary>
    internal static bool RequiresTls13(TlsParameters? parameters, DecodeErrors errors)
    {
        if (parameters is null)
        {
            return false;
        }

        using (errors.In("tls_params"))
        {
            if (parameters.TlsMaximumProtocolVersion is not (TlsParameters.Types.TlsProtocol.TlsAuto or TlsParameters.Types.TlsProtocol.Tlsv13))
            {
                errors.Add("tls_maximum_protocol_version", parameters.TlsMaximumProtocolVersion, "must be TLS_AUTO or TLSv1_3");
            }

            Refuse("cipher_suites", parameters.CipherSuites.Count > 0, errors);
            Refuse("ecdh_curves", parameters.EcdhCurves.Count > 0, errors);
            Refuse("signature_algorithms", parameters.SignatureAlgorithms.Count > 0, errors);
        }

        return parameters.TlsMinimumProtocolVersion == TlsParameters.Types.TlsProtocol.Tlsv13;
    }

    internal static Any? Open(TransportSocket socket, string type, DecodeErrors errors)
    {
        if (socket.Name != SocketName)
        {
            errors.Add("transport_socket.name", socket.Name, $"must be {SocketName}");
            return null;
        }

        if (socket.TypedConfig?.TypeUrl != type)
        {
            errors.Add("transport_socket.typed_config.type_url", socket.TypedConfig?.TypeUrl ?? "unset", $"must be {type}");
            return null;
        }

        return socket.TypedConfig;
    }

    internal static string? Identity(CommonTlsContext common, DecodeContext context)
    {
        var instance = common.TlsCertificateProviderInstance ?? Deprecated(common.TlsCertificateCertificateProviderInstance);
        if (instance is null)
        {
            if (common.TlsCertificates.Count > 0)
            {
                context.Errors.Add("tls_certificates", "set", "is not supported; use tls_certificate_provider_instance");
            }

            if (common.TlsCertificateSdsSecretConfigs.Count > 0)
            {
                context.Errors.Add("tls_certificate_sds_secret_configs", "set", "is not supported; use tls_certificate_provider_instance");
            }
        }

        return Provider(instance, "tls_certificate_provider_instance", context);
    }

    internal static string? Provider(CertificateProviderPluginInstance? instance, string field, DecodeContext context)
    {
        if (instance is null)
        {
            return null;
        }

        // A29: an empty name means "default".
        var name = instance.InstanceName.Length > 0 ? instance.InstanceName : "default";
        if (!context.HasProvider(name))
        {
            context.Errors.Add(field + ".instance_name", name, "is not among certificate_providers of the bootstrap");
        }

        return name;
    }

    internal static CertificateProviderPluginInstance? Deprecated(CommonTlsContext.Types.CertificateProviderInstance? instance)
        => instance is null ? null : new CertificateProviderPluginInstance { InstanceName = instance.InstanceName };

    internal static CertificateValidationContext? Validation(CommonTlsContext common, DecodeErrors errors)
    {
        var validation = common.ValidationContextTypeCase switch
        {
            CommonTlsContext.ValidationContextTypeOneofCase.ValidationContext => common.ValidationContext,
            CommonTlsContext.ValidationContextTypeOneofCase.CombinedValidationContext => Combined(common.CombinedValidationContext, errors),
            _ => null,
        };
        if (common.ValidationContextTypeCase == CommonTlsContext.ValidationContextTypeOneofCase.ValidationContextSdsSecretConfig)
        {
            errors.Add("validation_context_sds_secret_config", "set", "is not supported; use validation_context.ca_certificate_provider_instance");
        }

        if (validation is not null)
        {
            Check(validation, errors);
        }

        return validation;
    }

    private static CertificateValidationContext? Combined(CommonTlsContext.Types.CombinedCertificateValidationContext combined, DecodeErrors errors)
    {
        if (combined.ValidationContextSdsSecretConfig is not null)
        {
            errors.Add("combined_validation_context.validation_context_sds_secret_config", "set", "is not supported");
        }

        var validation = combined.DefaultValidationContext?.Clone() ?? new CertificateValidationContext();
        validation.CaCertificateProviderInstance ??= Deprecated(combined.ValidationContextCertificateProviderInstance);
        return validation;
    }

    private static void Check(CertificateValidationContext validation, DecodeErrors errors)
    {
        using (errors.In("validation_context"))
        {
            Refuse("verify_certificate_spki", validation.VerifyCertificateSpki.Count > 0, errors);
            Refuse("verify_certificate_hash", validation.VerifyCertificateHash.Count > 0, errors);
            Refuse("require_signed_certificate_timestamp", validation.RequireSignedCertificateTimestamp == true, errors);
            Refuse("crl", validation.Crl is not null, errors);
            if (ValueDecoder.HasUnknownFields(validation, CertificateValidationContext.Parser))
            {
                errors.Add("has a field that this version does not know; a check that cannot be made is refused");
            }
        }
    }

    private static void Refuse(string field, bool isSet, DecodeErrors errors)
    {
        if (isSet)
        {
            errors.Add(field, "set", "is not supported");
        }
    }

    internal static ImmutableArray<StringMatcher> PeerNames(CertificateValidationContext? validation, DecodeErrors errors)
    {
        if (validation is null)
        {
            return [];
        }

        var names = ImmutableArray.CreateBuilder<StringMatcher>();
        for (var i = 0; i < validation.MatchSubjectAltNames.Count; i++)
        {
            if (MatcherDecoder.String(validation.MatchSubjectAltNames[i], $"validation_context.match_subject_alt_names[{i}]", errors) is { } name)
            {
                names.Add(name);
            }
        }

        for (var i = 0; i < validation.MatchTypedSubjectAltNames.Count; i++)
        {
            var typed = validation.MatchTypedSubjectAltNames[i];
            var field = $"validation_context.match_typed_subject_alt_names[{i}]";
            if (typed.SanType is not (SubjectAltNameMatcher.Types.SanType.Uri or SubjectAltNameMatcher.Types.SanType.Dns))
            {
                errors.Add(field + ".san_type", typed.SanType, "must be URI or DNS");
            }
            else if (MatcherDecoder.String(typed.Matcher, field + ".matcher", errors) is { } name)
            {
                names.Add(name);
            }
        }

        return names.ToImmutable();
    }
}
