using ProxylessMesh.Client.Resilience;

namespace ProxylessMesh.Client.Outbound;

/// <summary>A connection to an endpoint could not be made, so nothing was sent. Travels inside SocketsHttpHandler's own exception.</summary>
/// <param name="kind">Whether the network or the peer's identity was the reason.</param>
/// <param name="error">The error that the application sees if there is nobody else to try.</param>
/// <param name="message">What failed and why.</param>
/// <param name="inner">The cause.</param>
internal sealed class EndpointConnectException(OutcomeKind kind, MeshError error, string message, Exception? inner) : IOException(message, inner)
{
    public OutcomeKind Kind { get; } = kind;

    public MeshError Error { get; } = error;
}
