using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace ProxylessMesh.Client.Routing;

/// <summary>Hashes of the caller, which is this process: one value each, as long as it lives.</summary>
internal static class CallerHash
{
    private static readonly Lazy<ulong> Address = new(static () => RequestHash.Hash(OwnAddress()));

    /// <summary>Of the address that callees see, as far as this machine knows it: the same after a restart.</summary>
    public static ulong OfAddress => Address.Value;

    /// <summary>Of the channel (gRFC A42): drawn once.</summary>
    public static ulong OfProcess { get; } = (ulong)Random.Shared.NextInt64();

    private static string OwnAddress()
    {
        IEnumerable<IPAddress> addresses = NetworkInterface.GetAllNetworkInterfaces()
            .Where(static network => network.OperationalStatus == OperationalStatus.Up && network.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .SelectMany(static network => network.GetIPProperties().UnicastAddresses)
            .Select(static entry => entry.Address)
            .Where(static address => !address.IsIPv6LinkLocal);
        return addresses
            .OrderBy(static address => address.AddressFamily != AddressFamily.InterNetwork)
            .Select(static address => address.ToString())
            .FirstOrDefault() ?? Environment.MachineName;
    }
}
