using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// How the chains of peers are built while one identity is in force. Remembers the intermediates of peers, because a resumed session
/// brings the server only the client's leaf.
/// </summary>
/// <remarks>
/// <para>Seen on .NET 10 with OpenSSL: a client keeps the server's whole chain with its session; a server that resumes from a ticket has
/// the client's leaf alone, and the chain fails unless the intermediates are known. Our own intermediates do not help where the peer has
/// others.</para>
/// <para>Tickets live exactly as long as an identity's <c>SslStreamCertificateContext</c>, so does this memory: what can be resumed has
/// been seen here in full. Only intermediates of chains that passed are kept, so strangers cannot fill it. When it is full, resumption is
/// switched off, which costs CPU and nothing else.</para>
/// </remarks>
internal sealed class PeerChainPolicy
{
    public const int MaxIntermediates = 64;

    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");

    private readonly Lock _gate = new();
    private X509ChainPolicy _forClients;

    public PeerChainPolicy(TrustBundleSet bundles, X509Certificate2Collection own)
    {
        ForServers = X509SvidChain.Policy(bundles, own);
        ForServers.ApplicationPolicy.Add(ServerAuthentication);
        _forClients = X509SvidChain.Policy(bundles, own);
        _forClients.ApplicationPolicy.Add(ClientAuthentication);
    }

    /// <summary>For a client that checks a server. SslStream clones it: shared by all handshakes.</summary>
    public X509ChainPolicy ForServers { get; }

    /// <summary>For a server that checks a client, with the intermediates known now.</summary>
    public X509ChainPolicy ForClients => Volatile.Read(ref _forClients);

    /// <summary>Whether a server may still resume: every intermediate that clients came with is remembered.</summary>
    public bool MayResume => ForClients.ExtraStore.Count < MaxIntermediates;

    /// <summary>Keeps the intermediates of a client's chain that has passed every check.</summary>
    public void Learn(X509Chain chain)
    {
        // Leaf, root: the usual case, nothing to learn.
        for (var i = 1; i < chain.ChainElements.Count - 1; i++)
        {
            if (!IsKnown(ForClients, chain.ChainElements[i].Certificate))
            {
                Add(chain.ChainElements[i].Certificate);
            }
        }
    }

    private void Add(X509Certificate2 intermediate)
    {
        lock (_gate)
        {
            if (!MayResume || IsKnown(_forClients, intermediate))
            {
                return;
            }

            // A copy: SslStream disposes what is in the chain. A new policy: handshakes read the old one meanwhile.
            var next = _forClients.Clone();
            next.ExtraStore.Add(X509CertificateLoader.LoadCertificate(intermediate.RawDataMemory.Span));
            Volatile.Write(ref _forClients, next);
        }
    }

    private static bool IsKnown(X509ChainPolicy policy, X509Certificate2 certificate)
    {
        foreach (var known in policy.ExtraStore)
        {
            if (known.RawDataMemory.Span.SequenceEqual(certificate.RawDataMemory.Span))
            {
                return true;
            }
        }

        return false;
    }
}
