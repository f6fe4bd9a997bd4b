using System.Net;
using Microsoft.Extensions.Primitives;

namespace ProxylessMesh.Rbac;

/// <summary>
/// <c>x-forwarded-for</c> as Envoy reads it with <c>use_remote_address</c>: each trusted proxy appended the address that it saw, so with
/// <c>n</c> of them the n-th from the right is the outermost one's word. What stands before it, the caller may have written itself.
/// </summary>
internal static class ForwardedFor
{
    /// <summary>Null: there are fewer, or the one is no address; the connection's then counts, as in Envoy.</summary>
    public static IPAddress? Address(StringValues header, int hops)
    {
        for (var i = header.Count - 1; i >= 0; i--)
        {
            ReadOnlySpan<char> list = header[i];
            while (true)
            {
                var comma = list.LastIndexOf(',');
                if (--hops == 0)
                {
                    return IPAddress.TryParse(list[(comma + 1)..].Trim(), out var address) ? address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address : null;
                }

                if (comma < 0)
                {
                    break;
                }

                list = list[..comma];
            }
        }

        return null;
    }
}
