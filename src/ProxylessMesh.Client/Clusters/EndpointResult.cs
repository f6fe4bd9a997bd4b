namespace ProxylessMesh.Client.Clusters;

/// <summary>What a call says about its endpoint: an HTTP status, or a failure seen only from this side.</summary>
/// <param name="Status">The status of the answer; for gRPC what its status corresponds to in HTTP.</param>
/// <param name="IsLocal">No answer came: connect failure, reset, timeout.</param>
internal readonly record struct EndpointResult(int Status, bool IsLocal)
{
    /// <summary>A failure without an answer counts as 503 where local failures are not counted apart (Envoy).</summary>
    public static readonly EndpointResult LocalFailure = new(503, IsLocal: true);

    public static EndpointResult Answer(int status) => new(status, IsLocal: false);

    public bool IsServerError => Status >= 500;

    public bool IsGatewayError => Status is 502 or 503 or 504;
}
