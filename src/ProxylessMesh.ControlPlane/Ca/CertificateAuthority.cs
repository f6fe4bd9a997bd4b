using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// The keys of the mesh and what is signed by them. Opened, or made at the first start, when it is constructed; one that is there and
/// cannot be opened stops the start. Thread safe. Who may have a certificate is decided by <see cref="SvidIssuer"/>, when a new root
/// signs by <see cref="RootRotation"/>.
/// </summary>
internal sealed partial class CertificateAuthority : IDisposable
{
    /// <summary>Certificates are valid from a little before their issue, because clocks differ.</summary>
    public static readonly TimeSpan Backdated = TimeSpan.FromMinutes(5);

    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly ILogger<CertificateAuthority> _logger;
    private readonly CaFile _file;
    private readonly MeshControlPlaneOptions _options;

    // Not disposed before the end: a signature may be under way.
    private readonly List<MeshAuthority> _retired = [];
    private CaKeys _keys;

    public CertificateAuthority(StateFolder folder, IOptions<MeshControlPlaneOptions> options, TimeProvider time, ILogger<CertificateAuthority> logger)
    {
        (_time, _logger, _options) = (time, logger, options.Value);
        TrustDomain = TrustDomain.Parse(_options.TrustDomain);
        _file = new CaFile(folder, _options.CaPassphrase);
        _keys = Open(_file.TryLoadPlan());
        foreach (var authority in _keys.All)
        {
            Check(authority);
        }
    }

    /// <summary>Raised after <see cref="Keys"/> has changed.</summary>
    public event Action? Changed;

    /// <summary>What signs and what is trusted at this moment.</summary>
    public CaKeys Keys => Volatile.Read(ref _keys);

    /// <summary>The roots that every workload gets.</summary>
    public TrustBundle Bundle => BundleOf(Keys);

    /// <summary>SHA-256 of the root that join tokens are made for.</summary>
    public ReadOnlyMemory<byte> RootHash => Keys.Newest.RootHash;

    public TrustDomain TrustDomain { get; }

    /// <summary>Issues a leaf for an ID that somebody has proved.</summary>
    /// <param name="id">Goes into the certificate as its one URI name.</param>
    /// <param name="key">Whose private half the caller has been seen to hold.</param>
    /// <param name="lifetime">From now; shorter where the root ends sooner.</param>
    /// <param name="authority">Signs; without one, the active one.</param>
    public X509Certificate2 Issue(SpiffeId id, PublicKey key, TimeSpan lifetime, MeshAuthority? authority = null)
    {
        var certificate = Sign(authority ?? Keys.Active, CertificateTemplates.Workload(id, key), lifetime);
        LogIssued(certificate.SerialNumber, id, certificate.NotAfter.ToUniversalTime());
        return certificate;
    }

    /// <summary>Issues a certificate that may sign snapshots and nothing else.</summary>
    public X509Certificate2 IssueSnapshotSigner(PublicKey key, TimeSpan lifetime, MeshAuthority authority)
    {
        var certificate = Sign(authority, CertificateTemplates.SnapshotSigner(key), lifetime);
        LogIssuedSigner(certificate.SerialNumber, certificate.NotAfter.ToUniversalTime());
        return certificate;
    }

    /// <summary>The trust domain's own roots, at one moment.</summary>
    public TrustBundle BundleOf(CaKeys keys)
        => new(TrustDomain, [.. keys.All.Select(static authority => authority.Root).DistinctBy(static root => Convert.ToHexString(SHA256.HashData(root.RawDataMemory.Span)))]);

    /// <summary>A new authority with a root of its own, not in force yet.</summary>
    public MeshAuthority MakeRoot()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = _time.GetUtcNow();
        return new MeshAuthority(CertificateTemplates.Root(TrustDomain, key).CreateSelfSigned(now - Backdated, now + _options.RootLifetime), []);
    }

    /// <summary>An authority from a company's certificates; without a key, for the request that <see cref="MakeRequest"/> made last.</summary>
    /// <exception cref="MeshControlPlaneException">It may not be the CA of this mesh.</exception>
    public MeshAuthority Import(string pem, string? keyPem)
    {
        using var key = keyPem is null ? _file.LoadPending() : CaImport.Key(keyPem);
        return CaImport.Read(pem, key, TrustDomain, _time.GetUtcNow());
    }

    /// <summary>A signing request for an intermediate under a company's root. Its key stays here, encrypted.</summary>
    /// <returns>PKCS#10 as PEM.</returns>
    public string MakeRequest()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _file.SavePending(key);
        return CertificateTemplates.Root(TrustDomain, key).CreateSigningRequestPem();
    }

    /// <summary>Puts a new authority's root into the bundle. It does not sign yet.</summary>
    public void Add(MeshAuthority authority)
    {
        lock (_gate)
        {
            _file.Save(CaFile.FileNameOf(authority), authority);
            CommitLocked(new CaKeys(_keys.Active, authority, RotationStage.Added, _time.GetUtcNow()));
            _file.RemovePending();
        }

        Changed?.Invoke();
    }

    /// <summary>From now on the new authority signs.</summary>
    public void Switch()
    {
        lock (_gate)
        {
            CommitLocked(_keys with { Active = _keys.Other!, Other = _keys.Active, Stage = RotationStage.Switched });
        }

        Changed?.Invoke();
    }

    /// <summary>Ends a rotation: the one that does not sign goes, with its root.</summary>
    public void Finish()
    {
        lock (_gate)
        {
            var gone = _keys.Other!;
            var file = FileOf(gone);
            CommitLocked(_keys with { Other = null, Stage = RotationStage.None });
            _retired.Add(gone);
            _file.Remove(file);
        }

        Changed?.Invoke();
    }

    public void Dispose()
    {
        foreach (var authority in _keys.All.Concat(_retired))
        {
            authority.Dispose();
        }
    }

    private X509Certificate2 Sign(MeshAuthority authority, CertificateRequest request, TimeSpan lifetime)
    {
        var now = _time.GetUtcNow();
        return authority.Sign(request, now - Backdated, now + lifetime);
    }

    private void CommitLocked(CaKeys keys)
    {
        var before = _file.TryLoadPlan();
        _file.SavePlan(new CaPlan
        {
            Authorities = [.. keys.All.Select(authority => new CaPlanEntry(authority.Hash, FileOf(authority), authority == keys.Newest ? keys.NewestAddedAt : before?.Authorities.FirstOrDefault(known => known.Hash == authority.Hash)?.AddedAt ?? authority.Certificate.NotBefore))],
            Active = keys.Active.Hash,
        });
        Volatile.Write(ref _keys, keys);
    }

    // A folder of before the first rotation has its one authority under the first name, and keeps it there.
    private string FileOf(MeshAuthority authority)
        => (_file.TryLoadPlan() is { } plan ? plan.Authorities.FirstOrDefault(known => known.Hash == authority.Hash)?.File : authority == _keys.Active ? CaFile.FirstFile : null)
            ?? CaFile.FileNameOf(authority);

    private CaKeys Open(CaPlan? plan)
    {
        if (plan is null)
        {
            var only = _file.TryLoad(CaFile.FirstFile) ?? Create();
            return new CaKeys(only, null, RotationStage.None, only.Certificate.NotBefore.ToUniversalTime());
        }

        var authorities = plan.Authorities.Select(entry => _file.TryLoad(entry.File) is { } found && found.Hash == entry.Hash
            ? found
            : throw new MeshControlPlaneException($"The CA's plan names '{entry.File}', which is not there or is another. Restore it from the backup that 'ca.json' comes from.")).ToImmutableArray();
        var active = authorities.FirstOrDefault(authority => authority.Hash == plan.Active);
        return (authorities, active) switch
        {
            (_, null) or ({ Length: 0 or > 2 }, _) => throw new MeshControlPlaneException("The CA's plan 'ca.json' names no authority that signs, or too many. Restore it from a backup."),
            ([var only], _) => new CaKeys(only, null, RotationStage.None, plan.Authorities[0].AddedAt),
            _ => active == authorities[0]
                ? new CaKeys(active, authorities[1], RotationStage.Added, plan.Authorities[1].AddedAt)
                : new CaKeys(active, authorities[0], RotationStage.Switched, plan.Authorities[1].AddedAt),
        };
    }

    private MeshAuthority Create()
    {
        var authority = _options.CaCertificateFile.Length > 0 ? CaImport.ReadFiles(_options.CaCertificateFile, _options.CaKeyFile, TrustDomain, _time.GetUtcNow()) : MakeRoot();
        _file.Save(CaFile.FirstFile, authority);
        LogCreated(authority.IsRoot ? "Made the root" : "Took in an intermediate under a given root", TrustDomain, authority.ExpiresAt.UtcDateTime, Convert.ToHexStringLower(authority.RootHash.Span));
        return authority;
    }

    private void Check(MeshAuthority authority)
    {
        // A company's certificates need not name the trust domain.
        var own = CertificateTemplates.NameOf(authority.Certificate);
        if (own != $"spiffe://{TrustDomain.Name}" && (authority.IsRoot || own.Length > 0) && (own.Length > 0 || _options.CaCertificateFile.Length == 0))
        {
            throw new MeshControlPlaneException($"The CA in the state folder is of '{own}', but MeshControlPlane:TrustDomain is '{TrustDomain}'. Set it to that trust domain, or name another MeshControlPlane:StateFolder for a new mesh.");
        }

        var left = authority.ExpiresAt - _time.GetUtcNow();
        if (left <= TimeSpan.Zero && authority == _keys.Active)
        {
            throw new MeshControlPlaneException($"The CA's root expired at {authority.ExpiresAt:u}: nothing that it signs is valid. Check the clock; else name another MeshControlPlane:StateFolder and let every workload join anew.");
        }

        if (left < TimeSpan.FromDays(30) || left < _options.SvidLifetime)
        {
            LogRootEnds(authority.ExpiresAt.UtcDateTime, left.TotalDays);
        }
    }

    [LoggerMessage(6500, LogLevel.Information, "{What} of trust domain '{TrustDomain}', valid until {ExpiresAt:u}, SHA-256 of the root {Hash}.")]
    private partial void LogCreated(string what, TrustDomain trustDomain, DateTime expiresAt, string hash);

    [LoggerMessage(6501, LogLevel.Information, "Issued certificate {Serial} to {Id}, valid until {ExpiresAt:u}.")]
    private partial void LogIssued(string serial, SpiffeId id, DateTime expiresAt);

    [LoggerMessage(6502, LogLevel.Information, "Issued certificate {Serial} for signing snapshots, valid until {ExpiresAt:u}.")]
    private partial void LogIssuedSigner(string serial, DateTime expiresAt);

    [LoggerMessage(6503, LogLevel.Warning, "The CA expires at {ExpiresAt:u}, in {Days:0.0} days. Certificates get shorter as it ends, and none are valid afterwards: change it with 'mesh ca rotate'.")]
    private partial void LogRootEnds(DateTime expiresAt, double days);
}
