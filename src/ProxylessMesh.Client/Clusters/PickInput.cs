namespace ProxylessMesh.Client.Clusters;

/// <summary>What a pick needs to know of its call.</summary>
internal readonly struct PickInput
{
    /// <summary>By the route's hash policies; null: the route has none, or the call has nothing to hash.</summary>
    public ulong? Hash { get; init; }

    /// <summary>Endpoints of earlier attempts, to be avoided; null: this is the first.</summary>
    public List<ClusterEndpoint>? Tried { get; init; }

    /// <summary>The address that the call's session belongs to (gRFC A55), as in <see cref="ClusterEndpoint.Name"/>; null: none.</summary>
    public string? Session { get; init; }
}
