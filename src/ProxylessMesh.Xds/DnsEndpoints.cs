using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Xds;

/// <summary>
/// The endpoints of a DNS cluster, from the addresses of its names. The same config with the same addresses gives the very same object, so
/// that watchers see no change where there is none. Touched by the client's loop only.
/// </summary>
internal sealed class DnsEndpoints
{
    private readonly ConditionalWeakTable<DnsConfig, Built> _built = [];

    /// <param name="cluster">A DNS cluster.</param>
    /// <param name="dns">What it resolves.</param>
    /// <param name="names">Its names, one for one, each answered and at least one with addresses.</param>
    public EndpointsConfig Of(ClusterConfig cluster, DnsConfig dns, IReadOnlyList<NameEntry> names)
    {
        ImmutableArray<int> versions = [.. names.Select(static name => name.Version)];
        if (_built.TryGetValue(dns, out var built) && built.Versions.AsSpan().SequenceEqual(versions.AsSpan()))
        {
            return built.Endpoints;
        }

        var endpoints = new EndpointsConfig
        {
            Name = cluster.Name,
            Localities = Localities(dns, names, cluster.Discovery == ClusterDiscovery.LogicalDns),
            OverprovisioningFactor = dns.OverprovisioningFactor,
        };
        _built.AddOrUpdate(dns, new Built(versions, endpoints));
        return endpoints;
    }

    private static ImmutableArray<LocalityConfig> Localities(DnsConfig dns, IReadOnlyList<NameEntry> names, bool logical)
    {
        var localities = new List<(LocalityConfig Locality, ImmutableArray<EndpointConfig>.Builder Endpoints)>();
        var seen = new HashSet<IPEndPoint>();
        for (var i = 0; i < dns.Names.Length; i++)
        {
            var name = dns.Names[i];
            if (localities.Count == 0 || localities[^1].Locality != name.Locality)
            {
                localities.Add((name.Locality, ImmutableArray.CreateBuilder<EndpointConfig>()));
            }

            var addresses = names[i].Addresses.IsDefault ? [] : Addresses(names[i].Addresses, dns.Family, logical);
            ImmutableArray<IPEndPoint> points = [.. addresses.Select(address => new IPEndPoint(address, name.Port)).Where(seen.Add)];
            if (points.IsEmpty)
            {
                continue;
            }

            // A37: a logical name is one endpoint, whose addresses are tried in turn (A61). A strict one has an endpoint for each.
            localities[^1].Endpoints.AddRange(logical
                ? [name.Template with { Address = points[0], AdditionalAddresses = points[1..] }]
                : points.Select(point => name.Template with { Address = point }));
        }

        return [.. localities.Select(static entry => entry.Locality with { Endpoints = entry.Endpoints.ToImmutable() })];
    }

    private static IEnumerable<IPAddress> Addresses(ImmutableArray<IPAddress> all, DnsFamily family, bool logical)
    {
        var v4 = all.Where(static address => address.AddressFamily == AddressFamily.InterNetwork);
        var v6 = all.Where(static address => address.AddressFamily == AddressFamily.InterNetworkV6);
        return family switch
        {
            DnsFamily.V4Only => v4,
            DnsFamily.V6Only => v6,

            // The addresses of one endpoint are alternatives to each other, so the family that is not preferred may stay.
            DnsFamily.V4Preferred => logical ? v4.Concat(v6) : v4.Any() ? v4 : v6,
            DnsFamily.Auto => logical ? v6.Concat(v4) : v6.Any() ? v6 : v4,
            _ => v6.Concat(v4),
        };
    }

    private sealed record Built(ImmutableArray<int> Versions, EndpointsConfig Endpoints);
}
