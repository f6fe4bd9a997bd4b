using System.Globalization;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Http.ExtAuthz.V3;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Envoy's <c>ext_authz</c> over gRPC. The authorizer is a name of the mesh: it is called by mTLS, or by what its DestinationRule says.</summary>
internal static class ExtAuthzDecoder
{
    private const uint MaxBodyBytes = 64 * 1024 * 1024;

    public static ExtAuthzConfig? Decode(ExtAuthz wire, DecodeErrors errors)
    {
        if (ValueDecoder.HasUnknownFields(wire, ExtAuthz.Parser))
        {
            errors.Add("has a field that this version does not know (http_service, or newer); it cannot be enforced, so it is refused");
        }

        Refuse("filter_enabled", wire.FilterEnabled is not null, errors);
        Refuse("deny_at_disable", wire.DenyAtDisable is not null, errors);
        Refuse("failure_mode_allow_header_add", wire.FailureModeAllowHeaderAdd, errors);
        Refuse("clear_route_cache", wire.ClearRouteCache, errors);
        Refuse("include_peer_certificate", wire.IncludePeerCertificate, errors);
        Refuse("encode_raw_headers", wire.EncodeRawHeaders, errors);
        Refuse("allowed_headers", wire.AllowedHeaders is not null, errors);
        Refuse("disallowed_headers", wire.DisallowedHeaders is not null, errors);
        Refuse("metadata_context_namespaces", wire.MetadataContextNamespaces.Count > 0, errors);
        if (wire.TransportApiVersion is not (ApiVersion.V3 or ApiVersion.Auto))
        {
            errors.Add("transport_api_version", wire.TransportApiVersion, "must be V3");
        }

        if (Authority(wire.GrpcService, errors) is not { } authority)
        {
            return null;
        }

        var config = new ExtAuthzConfig
        {
            Authority = authority,
            FailureModeAllow = wire.FailureModeAllow,
            Body = wire.WithRequestBody is { } body ? Body(body, errors) : null,
            EnabledBy = wire.FilterEnabledMetadata is { } enabled ? MetadataDecoder.Decode(enabled, errors) : null,
            IncludesTlsSession = wire.IncludeTlsSession,
            StatusOnError = wire.StatusOnError is { Code: >= Envoy.Type.V3.StatusCode.BadRequest } status ? Math.Min((int)status.Code, 599) : 403,
        };
        return ValueDecoder.PositiveDuration(wire.GrpcService.Timeout, "grpc_service.timeout", errors) is { } timeout ? config with { Timeout = timeout } : config;
    }

    private static ExtAuthzBodyConfig Body(BufferSettings wire, DecodeErrors errors)
    {
        if (wire.MaxRequestBytes is 0 or > MaxBodyBytes)
        {
            errors.Add("with_request_body.max_request_bytes", wire.MaxRequestBytes, "must be from 1 to 64 MiB");
        }

        return new ExtAuthzBodyConfig((int)Math.Min(wire.MaxRequestBytes, MaxBodyBytes), wire.AllowPartialMessage, wire.PackAsBytes);
    }

    // A cluster by the name that Istio gives clusters (direction|port|subset|host), or a target of the mesh as gRFC A92 has it.
    private static string? Authority(GrpcService? wire, DecodeErrors errors)
    {
        switch (wire?.TargetSpecifierCase)
        {
            case GrpcService.TargetSpecifierOneofCase.EnvoyGrpc:
                var parts = wire.EnvoyGrpc.ClusterName.Split('|');
                if (parts is ["outbound", var port, "", { Length: > 0 } host] && ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0)
                {
                    return Checked($"{host}:{number}", "grpc_service.envoy_grpc.cluster_name", errors);
                }

                errors.Add("grpc_service.envoy_grpc.cluster_name", wire.EnvoyGrpc.ClusterName, "must be outbound|PORT||HOST");
                return null;
            case GrpcService.TargetSpecifierOneofCase.GoogleGrpc:
                const string Scheme = "xds:///";
                if (wire.GoogleGrpc.TargetUri.StartsWith(Scheme, StringComparison.Ordinal))
                {
                    return Checked(wire.GoogleGrpc.TargetUri[Scheme.Length..], "grpc_service.google_grpc.target_uri", errors);
                }

                errors.Add("grpc_service.google_grpc.target_uri", wire.GoogleGrpc.TargetUri, "must be xds:///HOST:PORT: the authorizer is called through the mesh");
                return null;
            default:
                errors.AddMissing("grpc_service");
                return null;
        }
    }

    private static string? Checked(string authority, string field, DecodeErrors errors)
    {
        if (Uri.TryCreate($"http://{authority}", UriKind.Absolute, out var uri) && uri.PathAndQuery == "/" && uri.UserInfo.Length == 0 && uri.Fragment.Length == 0 && uri.Host.Length > 0)
        {
            return authority;
        }

        errors.Add(field, authority, "is not host and port");
        return null;
    }

    private static void Refuse(string field, bool isSet, DecodeErrors errors)
    {
        if (isSet)
        {
            errors.Add(field, "set", "is not supported by this version; leave it out");
        }
    }
}
