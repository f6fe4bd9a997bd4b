namespace ProxylessMesh;

/// <summary>
/// A call failed in the mesh. Callers of HTTP see it as the <see cref="HttpRequestException"/> it is; gRPC clients get the
/// fitting status instead.
/// </summary>
public sealed class MeshException : HttpRequestException
{
    internal MeshException(MeshError error, string message, Exception? inner = null, HttpRequestError httpError = HttpRequestError.Unknown)
        : base(httpError, message, inner) => Error = error;

    /// <summary>Gets the reason, stable across versions; use it rather than the message.</summary>
    public MeshError Error { get; }

    /// <summary>Gets the cluster the call was on its way to, where it came that far.</summary>
    public string? Cluster { get; internal init; }
}
