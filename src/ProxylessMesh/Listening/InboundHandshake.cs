using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Listening;

/// <summary>What is known of one TLS handshake while it runs; afterwards, whom it proved or why it failed.</summary>
internal sealed class InboundHandshake
{
    /// <summary>What the peer proved; null where the handshake did not end well.</summary>
    public PeerProof? Peer { get; private set; }

    /// <summary>Its place among those that run at once.</summary>
    public required IDisposable Place { get; init; }

    /// <summary>The handshake ended and the application's side took over.</summary>
    public bool IsComplete { get; set; }

    /// <summary>Null where the peer's certificate was not the reason of a failure.</summary>
    public PeerRefusal? Refusal { get; private set; }

    /// <summary>TLS settings from an identity, which tell this object how it ends.</summary>
    public SslServerAuthenticationOptions Options(WorkloadIdentity identity, List<SslApplicationProtocol> protocols, TlsPolicy policy)
    {
        // Whoever proved an identity may connect; what it may call is for authorization to say.
        var options = SpiffeTls.ForServer(identity, static _ => true, protocols, policy: policy, proved: proof => Peer = proof);
        var validate = options.RemoteCertificateValidationCallback!;
        options.RemoteCertificateValidationCallback = (sender, certificate, chain, errors) =>
        {
            var allowed = validate(sender, certificate, chain, errors);
            if (!allowed)
            {
                Peer = null;
                Refusal = PeerRefusal.Of(identity, certificate as X509Certificate2, chain, errors);
            }

            return allowed;
        };
        return options;
    }
}
