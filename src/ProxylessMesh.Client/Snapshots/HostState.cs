using ProxylessMesh.Client.Routing;

namespace ProxylessMesh.Client.Snapshots;

/// <summary>What is known of a host at a moment. Immutable.</summary>
/// <param name="Kind">What calls do.</param>
/// <param name="Routes">With <see cref="HostStateKind.Ready"/>.</param>
/// <param name="Reason">Otherwise: why, in words.</param>
internal sealed record HostState(HostStateKind Kind, RouteTable? Routes, string Reason)
{
    public static readonly HostState Waiting = new(HostStateKind.Waiting, null, "");

    public static readonly HostState Dropped = new(HostStateKind.Dropped, null, "");

    public static HostState Ready(RouteTable routes) => new(HostStateKind.Ready, routes, "");

    public static HostState Unknown(string reason) => new(HostStateKind.Unknown, null, reason);

    public static HostState Failed(string reason) => new(HostStateKind.Failed, null, reason);
}

/// <summary>What a call to a host does.</summary>
internal enum HostStateKind
{
    /// <summary>Asked for, no answer yet: the call waits.</summary>
    Waiting,

    /// <summary>Goes by the routes.</summary>
    Ready,

    /// <summary>Not a name of the mesh.</summary>
    Unknown,

    /// <summary>It cannot be told whether this is a name of the mesh: the call fails.</summary>
    Failed,

    /// <summary>Unsubscribed: the call looks the host up again.</summary>
    Dropped,
}
