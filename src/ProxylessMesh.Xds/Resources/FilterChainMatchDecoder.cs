using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Google.Protobuf.Collections;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Which connections a filter chain is for (gRFC A36).</summary>
internal static class FilterChainMatchDecoder
{
    /// <summary>
    /// Criteria that no connection here can meet: they need the original destination or a TLS inspector that reads SNI and ALPN.
    /// Such a chain is left out, not refused. <c>tls</c> and <c>raw_buffer</c> are told apart by the first byte.
    /// </summary>
    public static bool NeverMatches(FilterChainMatch? match)
        => match is not null
            && (match.DestinationPort is not null || match.ServerNames.Count > 0 || match.ApplicationProtocols.Count > 0
                || match.TransportProtocol is not ("" or "raw_buffer" or "tls"));

    public static TransportProtocol Transport(FilterChainMatch? match)
        => match?.TransportProtocol switch
        {
            "raw_buffer" => TransportProtocol.RawBuffer,
            "tls" => TransportProtocol.Tls,
            _ => TransportProtocol.Any,
        };

    public static FilterChainMatchConfig Decode(FilterChainMatch? match, DecodeErrors errors)
    {
        if (match is null)
        {
            return FilterChainMatchConfig.Any;
        }

        using (errors.In("filter_chain_match"))
        {
            if (match.AddressSuffix.Length > 0 || match.SuffixLen is not null || match.DirectSourcePrefixRanges.Count > 0)
            {
                errors.Add("address_suffix, suffix_len and direct_source_prefix_ranges are not supported");
            }

            var decoded = new FilterChainMatchConfig
            {
                Destinations = Networks(match.PrefixRanges, "prefix_ranges", errors),
                Source = match.SourceType switch
                {
                    FilterChainMatch.Types.ConnectionSourceType.SameIpOrLoopback => SourceKind.SameAddressOrLoopback,
                    FilterChainMatch.Types.ConnectionSourceType.External => SourceKind.External,
                    _ => SourceKind.Any,
                },
                Sources = Networks(match.SourcePrefixRanges, "source_prefix_ranges", errors),
                // A port that cannot be is kept apart from "any port": it matches nothing.
                SourcePorts = [.. match.SourcePorts.Select(static port => port <= IPEndPoint.MaxPort ? (int)port : -1)],
            };
            return decoded is { Destinations.IsEmpty: true, Source: SourceKind.Any, Sources.IsEmpty: true } && match.SourcePorts.Count == 0
                ? FilterChainMatchConfig.Any
                : decoded;
        }
    }

    /// <summary>Two chains for one and the same connection are a mistake: none would be better than the other.</summary>
    public static void CheckOverlap(IReadOnlyList<FilterChainConfig> chains, DecodeErrors errors)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var chain in chains)
        {
            foreach (var key in Keys(chain))
            {
                if (!seen.Add(key))
                {
                    errors.Add("filter_chains", chain.Name, "has the same match as another chain");
                    return;
                }
            }
        }
    }

    private static IEnumerable<string> Keys(FilterChainConfig chain)
    {
        var match = chain.Match;
        foreach (var destination in OrAny(match.Destinations))
        {
            foreach (var source in OrAny(match.Sources))
            {
                foreach (var port in match.SourcePorts.IsEmpty ? [0] : match.SourcePorts)
                {
                    yield return string.Create(CultureInfo.InvariantCulture, $"{chain.Transport} {destination} {match.Source} {source} {port}");
                }
            }
        }
    }

    private static IEnumerable<string> OrAny(ImmutableArray<IPNetwork> networks)
        => networks.IsEmpty ? ["*"] : networks.Select(static network => network.ToString());

    private static ImmutableArray<IPNetwork> Networks(RepeatedField<CidrRange> ranges, string field, DecodeErrors errors)
    {
        var networks = ImmutableArray.CreateBuilder<IPNetwork>(ranges.Count);
        for (var i = 0; i < ranges.Count; i++)
        {
            if (ValueDecoder.Network(ranges[i], $"{field}[{i}]", errors) is { } network)
            {
                networks.Add(network);
            }
        }

        return networks.ToImmutable();
    }
}
