using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// Signs what a workload may start from without us. Versions never go back, also over a restart with a wrong clock: a version is the time in
/// milliseconds or one more than the last, and what was promised on disk is skipped. Thread safe.
/// </summary>
internal sealed class SnapshotSigner : IDisposable
{
    private const ulong ReservedAtOnce = 3_600_000;

    private static readonly TimeSpan SignerLifetime = TimeSpan.FromDays(7);

    private readonly Lock _gate = new();
    private readonly CertificateAuthority _authority;
    private readonly TimeProvider _time;
    private readonly string _path;
    private X509Certificate2? _signer;
    private MeshAuthority? _signerAuthority;
    private ulong _last;
    private ulong _reserved;

    public SnapshotSigner(CertificateAuthority authority, StateFolder folder, TimeProvider time)
    {
        (_authority, _time, _path) = (authority, time, folder.PathOf("snapshot.version"));
        _last = _reserved = ReadReserved();
    }

    /// <summary>Signs for one workload.</summary>
    /// <exception cref="MeshControlPlaneException">The version cannot be kept.</exception>
    public byte[] Sign(SpiffeId workload, IEnumerable<SnapshotResources> resources)
    {
        var content = new SnapshotContent { SpiffeId = workload.ToString(), IssuedAt = Timestamp.FromDateTimeOffset(_time.GetUtcNow()) };
        content.Resources.AddRange(resources);
        lock (_gate)
        {
            content.Version = NextVersionLocked();
            var signer = SignerLocked();
            return SnapshotSignature.Sign(content, signer, _signerAuthority!.Intermediates);
        }
    }

    public void Dispose() => _signer?.Dispose();

    private ulong NextVersionLocked()
    {
        var next = Math.Max(_last + 1, (ulong)Math.Max(0, _time.GetUtcNow().ToUnixTimeMilliseconds()));
        if (next >= _reserved)
        {
            var reserved = next + ReservedAtOnce;
            try
            {
                AtomicFile.WriteSecret(_path, Encoding.ASCII.GetBytes(reserved.ToString(CultureInfo.InvariantCulture)));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new MeshControlPlaneException($"The version of signed snapshots cannot be kept in '{_path}': {error.Message} Make the state folder writable.", error);
            }

            _reserved = reserved;
        }

        return _last = next;
    }

    /// <summary>The signer's key exists in this process only; the next process has another. It is by the authority that signs now, which everybody trusts.</summary>
    private X509Certificate2 SignerLocked()
    {
        var authority = _authority.Keys.Active;
        if (_signer is { } signer && _signerAuthority == authority && signer.NotAfter.ToUniversalTime() - _time.GetUtcNow().UtcDateTime > SignerLifetime / 2)
        {
            return signer;
        }

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = _authority.IssueSnapshotSigner(new PublicKey(key), SignerLifetime, authority);
        _signer?.Dispose();
        _signerAuthority = authority;
        return _signer = certificate.CopyWithPrivateKey(key);
    }

    private ulong ReadReserved()
    {
        try
        {
            return PrivateFile.Read(_path, 64) is not { } text ? 0
                : ulong.TryParse(Encoding.ASCII.GetString(text), CultureInfo.InvariantCulture, out var reserved) ? reserved
                : throw new IOException("It does not hold a number.");
        }
        catch (Exception error) when (error is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new MeshControlPlaneException($"The version of signed snapshots cannot be read from '{_path}': {error.Message} Restore the file, or delete it: workloads then refuse new snapshots only if this machine's clock is behind.", error);
        }
    }
}
