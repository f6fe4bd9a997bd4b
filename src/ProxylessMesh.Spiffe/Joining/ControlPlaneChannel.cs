using Grpc.Net.Client;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// The gRPC channel to the control plane over mTLS, for all long-lived streams of a process (ADS, workload stream, snapshots). A call waits for the
/// first identity until its deadline; the peer must be the control plane of our own trust domain.
/// </summary>
/// <remarks>
/// Streams live on when the identity changes; calls that start afterwards use a connection made with the new one, so that the control
/// plane never sees an expired certificate on a new call. Enrolment has connections of its own (<see cref="MeshCaSource"/>): one that was
/// opened without a client certificate is never reused here.
/// </remarks>
internal sealed class ControlPlaneChannel : IDisposable
{
    private readonly RotatingHandler _handler;

    public ControlPlaneChannel(Uri address, IdentitySource identity)
    {
        _handler = new RotatingHandler(identity, static current => ControlPlaneTransport.Create(
            SpiffeTls.ForClient(current, peer => ControlPlaneIdentity.Is(peer, current.Id.TrustDomain), ControlPlaneIdentity.TlsName(current.Id.TrustDomain), ControlPlaneTransport.Protocols)));
        Channel = ControlPlaneTransport.Open(address, _handler);
    }

    /// <summary>The same connections for a channel with other settings (ADS); this object stays its owner.</summary>
    public HttpMessageHandler Handler => _handler;

    /// <summary>For generated clients. Thread safe.</summary>
    public GrpcChannel Channel { get; }

    public void Dispose()
    {
        Channel.Dispose();
        _handler.Dispose();
    }
}
