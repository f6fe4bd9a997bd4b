using Grpc.Net.Client;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// The gRPC channel to the control plane over mTLS, for all long-lived streams of a process (ADS, workload stream, snapshots). A call waits for the
/// first identity until its deadline; the peer must be the control plane of our own trust domain, or of the one that was named.
/// </summary>
/// <remarks>
/// Streams live on when the identity changes; calls that start afterwards use a connection made with the new one, so that the control
/// plane never sees an expired certificate on a new call. Enrolment has connections of its own (<see cref="MeshCaSource"/>): one that was
/// opened without a client certificate is never reused here.
/// </remarks>
internal sealed class ControlPlaneChannel : IDisposable
{
    private readonly RotatingHandler _handler;

    /// <param name="address">Where it listens.</param>
    /// <param name="identity">What this process proves itself with.</param>
    /// <param name="trustDomain">The control plane's trust domain; null: that of the identity.</param>
    public ControlPlaneChannel(Uri address, IdentitySource identity, TrustDomain? trustDomain = null)
    {
        _handler = new RotatingHandler(identity, current =>
        {
            var domain = trustDomain ?? current.Id.TrustDomain;
            return ControlPlaneTransport.Create(SpiffeTls.ForClient(current, peer => ControlPlaneIdentity.Is(peer, domain), ControlPlaneIdentity.TlsName(domain), ControlPlaneTransport.Protocols));
        });
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
