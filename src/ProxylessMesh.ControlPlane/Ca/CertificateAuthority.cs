using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>The root of the mesh and what is signed by it. Opened once; thread safe.</summary>
internal sealed class CertificateAuthority : IDisposable
{
    /// <summary>The roots that every workload gets.</summary>
    public TrustBundle Bundle => throw new NotSupportedException();

    /// <summary>SHA-256 of the root's DER, as join tokens carry it.</summary>
    public ReadOnlyMemory<byte> RootHash => throw new NotSupportedException();

    public TrustDomain TrustDomain => Bundle.TrustDomain;

    /// <summary>Issues a leaf for an ID that somebody has proved.</summary>
    public X509Certificate2 Issue(SpiffeId id, PublicKey key, TimeSpan lifetime) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}
