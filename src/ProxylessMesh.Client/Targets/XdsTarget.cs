namespace ProxylessMesh.Client.Targets;

/// <summary>The targets that gRPC knows a mesh by: <c>xds:///name</c> or <c>xds:///name:port</c> (gRFC A27).</summary>
internal static class XdsTarget
{
    public const string Scheme = "xds";

    /// <summary>
    /// The address that means the same to an <see cref="HttpClient"/> of the mesh: the handler below the channel routes and balances each
    /// call, so a channel has one address and nothing to resolve. Another scheme than xds is an address already.
    /// </summary>
    /// <exception cref="ArgumentException">The target names an authority, or no service.</exception>
    public static Uri ToAddress(Uri target)
    {
        if (target.Scheme != Scheme)
        {
            return target;
        }

        if (target.Authority.Length > 0)
        {
            throw new ArgumentException($"The gRPC target '{target}' names the xDS authority '{target.Authority}', and authorities of a bootstrap (gRFC A47) are not supported. Write {Scheme}:///{target.AbsolutePath.TrimStart('/')}.");
        }

        // The path is host or host:port, as an address has them after its two slashes.
        return Uri.TryCreate($"http://{Uri.UnescapeDataString(target.AbsolutePath.TrimStart('/'))}", UriKind.Absolute, out var address) && address is { PathAndQuery: "/", UserInfo: "", Fragment: "" }
            ? address
            : throw new ArgumentException($"The gRPC target '{target}' names no service. Write {Scheme}:///NAME or {Scheme}:///NAME:PORT.");
    }
}
