using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Client.Workloads;

namespace ProxylessMesh.Listening;

/// <summary>One port of this process as peers know it.</summary>
/// <param name="Advertised">The address and port that peers are told.</param>
/// <param name="BoundPort">The port that Kestrel listens on.</param>
internal readonly record struct BoundAddress(IPEndPoint Advertised, int BoundPort);

/// <summary>What Kestrel says it listens on, turned into what peers can call.</summary>
internal static class BoundAddresses
{
    /// <summary>Reads Kestrel's addresses. Plaintext ports, sockets and pipes are not the mesh's.</summary>
    public static ImmutableArray<BoundAddress> Read(IEnumerable<string> addresses, MeshOptions.InboundOptions options, Func<IPAddress> machine)
    {
        var (overrideAddress, overridePort) = Override(options.AdvertisedAddress);
        var bound = ImmutableArray.CreateBuilder<BoundAddress>();
        foreach (var text in addresses)
        {
            var address = BindingAddress.Parse(text);
            if (address.IsUnixPipe || address.IsNamedPipe || options.PlaintextPorts.Contains(address.Port))
            {
                continue;
            }

            var advertised = new IPEndPoint(overrideAddress ?? Reachable(address.Host, machine), overridePort ?? address.Port);
            if (!bound.Any(other => other.BoundPort == address.Port))
            {
                bound.Add(new BoundAddress(advertised, address.Port));
            }
        }

        return bound.ToImmutable();
    }

    /// <summary>
    /// What the control plane is told: one address with its ports. Where some ports are bound to loopback and others are not, the
    /// machine's address wins, as nobody else could call the loopback ones.
    /// </summary>
    public static WorkloadEndpoints ToEndpoints(ImmutableArray<BoundAddress> bound, IDictionary<int, string> names)
    {
        if (bound.IsEmpty)
        {
            return WorkloadEndpoints.None;
        }

        var address = (bound.FirstOrDefault(static one => !IPAddress.IsLoopback(one.Advertised.Address)) is { Advertised: not null } reachable ? reachable : bound[0]).Advertised.Address;
        return new WorkloadEndpoints(
            [address.ToString()],
            [.. bound.Where(one => one.Advertised.Address.Equals(address)).Select((one, index) => new WorkloadPortConfig(NameOf(one, index, names), one.Advertised.Port, "http", MeshTls: true))]);
    }

    private static string NameOf(BoundAddress address, int index, IDictionary<int, string> names)
        => names.TryGetValue(address.BoundPort, out var name) ? name
            : index == 0 ? "http"
            : "http-" + address.Advertised.Port.ToString(CultureInfo.InvariantCulture);

    /// <summary>The address that others most likely reach this machine by: an interface that is up and has a gateway, IPv4 first.</summary>
    public static IPAddress OfMachine()
    {
        var candidates =
            from adapter in NetworkInterface.GetAllNetworkInterfaces()
            where adapter.OperationalStatus == OperationalStatus.Up && adapter.NetworkInterfaceType != NetworkInterfaceType.Loopback
            let properties = adapter.GetIPProperties()
            from unicast in properties.UnicastAddresses
            where !unicast.Address.IsIPv6LinkLocal && !IPAddress.IsLoopback(unicast.Address)
            orderby properties.GatewayAddresses.Count > 0 descending, unicast.Address.AddressFamily == AddressFamily.InterNetwork descending
            select unicast.Address;
        return candidates.FirstOrDefault() ?? IPAddress.Loopback;
    }

    private static IPAddress Reachable(string host, Func<IPAddress> machine)
    {
        if (string.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase))
        {
            return IPAddress.Loopback;
        }

        // "*" and "+" mean any address, as 0.0.0.0 and [::] do.
        return !IPAddress.TryParse(host, out var address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) ? machine() : address;
    }

    private static (IPAddress? Address, int? Port) Override(string text)
    {
        // Without a port, as IPEndPoint reads an address alone with port 0.
        return text.Length > 0 && IPEndPoint.TryParse(text, out var endpoint) ? (endpoint.Address, endpoint.Port == 0 ? null : endpoint.Port) : (null, null);
    }
}
