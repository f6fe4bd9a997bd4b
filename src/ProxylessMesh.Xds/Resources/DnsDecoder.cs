using System.Collections.Immutable;
using System.Net;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Extensions.Clusters.Dns.V3;
using Google.Protobuf.WellKnownTypes;
using WireFamily = Envoy.Config.Cluster.V3.Cluster.Types.DnsLookupFamily;
using WireFamilyOfExtension = Envoy.Extensions.Clusters.Common.Dns.V3.DnsLookupFamily;

namespace ProxylessMesh.Xds.Resources;

/// <summary>
/// DNS clusters: the names in <c>load_assignment</c> and how they are resolved. The system's resolver is the one that is used, so a
/// resolver of the config's own, and a TTL, are not looked at.
/// </summary>
internal static class DnsDecoder
{
    /// <summary>A cluster of <c>type</c> STRICT_DNS or LOGICAL_DNS.</summary>
    public static DnsConfig? Decode(Cluster wire, bool logical, DecodeErrors errors)
    {
        var family = wire.DnsLookupFamily switch
        {
            WireFamily.Auto => DnsFamily.Auto,
            WireFamily.V4Only => DnsFamily.V4Only,
            WireFamily.V6Only => DnsFamily.V6Only,
            WireFamily.V4Preferred => DnsFamily.V4Preferred,
            WireFamily.All => DnsFamily.All,
            _ => Unknown((int)wire.DnsLookupFamily, errors),
        };
        return Decode(wire.LoadAssignment, logical, Rate(wire.DnsRefreshRate, errors), family, errors);
    }

    /// <summary>A cluster of the extension <c>envoy.clusters.dns</c>.</summary>
    public static DnsConfig? Decode(Cluster wire, DnsCluster dns, bool logical, DecodeErrors errors)
    {
        var family = dns.DnsLookupFamily switch
        {
            WireFamilyOfExtension.Unspecified or WireFamilyOfExtension.Auto => DnsFamily.Auto,
            WireFamilyOfExtension.V4Only => DnsFamily.V4Only,
            WireFamilyOfExtension.V6Only => DnsFamily.V6Only,
            WireFamilyOfExtension.V4Preferred => DnsFamily.V4Preferred,
            WireFamilyOfExtension.All => DnsFamily.All,
            _ => Unknown((int)dns.DnsLookupFamily, errors),
        };
        return Decode(wire.LoadAssignment, logical, Rate(dns.DnsRefreshRate, errors), family, errors);
    }

    private static DnsConfig? Decode(ClusterLoadAssignment? wire, bool logical, TimeSpan rate, DnsFamily family, DecodeErrors errors)
    {
        if (wire is null)
        {
            errors.AddMissing("load_assignment");
            return null;
        }

        using (errors.In("load_assignment"))
        {
            if (logical && (wire.Endpoints.Count != 1 || wire.Endpoints[0].LbEndpoints.Count != 1))
            {
                errors.Add("endpoints", wire.Endpoints.Count, "must be one locality with one endpoint for a LOGICAL_DNS cluster");
            }

            var names = ImmutableArray.CreateBuilder<DnsNameConfig>();
            for (var i = 0; i < wire.Endpoints.Count; i++)
            {
                using (errors.In("endpoints", i))
                {
                    Locality(wire.Endpoints[i], names, errors);
                }
            }

            EndpointDecoder.CheckPriorities(names.Select(static name => name.Locality.Priority), errors);
            return new DnsConfig
            {
                Names = names.ToImmutable(),
                RefreshRate = rate,
                Family = family,
                OverprovisioningFactor = EndpointDecoder.Overprovisioning(wire, errors),
            };
        }
    }

    private static void Locality(LocalityLbEndpoints wire, ImmutableArray<DnsNameConfig>.Builder names, DecodeErrors errors)
    {
        var locality = EndpointDecoder.Locality(wire);
        for (var i = 0; i < wire.LbEndpoints.Count; i++)
        {
            using (errors.In("lb_endpoints", i))
            {
                var socket = wire.LbEndpoints[i].Endpoint?.Address?.SocketAddress;
                if (socket is null)
                {
                    errors.AddMissing("endpoint.address.socket_address");
                    continue;
                }

                if (Uri.CheckHostName(socket.Address) == UriHostNameType.Unknown)
                {
                    errors.Add("endpoint.address.socket_address.address", socket.Address, "must be a host name");
                    continue;
                }

                if (socket.PortSpecifierCase != Envoy.Config.Core.V3.SocketAddress.PortSpecifierOneofCase.PortValue || socket.PortValue is 0 or > IPEndPoint.MaxPort)
                {
                    errors.Add("endpoint.address.socket_address.port_value", socket.PortValue, "must be a port number, 1 to 65535");
                    continue;
                }

                var template = EndpointDecoder.Endpoint(wire.LbEndpoints[i], new IPEndPoint(IPAddress.None, (int)socket.PortValue), errors);
                names.Add(new DnsNameConfig(socket.Address, (int)socket.PortValue, locality, template with { Hostname = template.Hostname.Length > 0 ? template.Hostname : socket.Address }));
            }
        }
    }

    private static TimeSpan Rate(Duration? wire, DecodeErrors errors) => ValueDecoder.PositiveDuration(wire, "dns_refresh_rate", errors) ?? TimeSpan.FromSeconds(5);

    private static DnsFamily Unknown(int family, DecodeErrors errors)
    {
        errors.Add("dns_lookup_family", family, "is not a family that this version knows");
        return DnsFamily.Auto;
    }
}
