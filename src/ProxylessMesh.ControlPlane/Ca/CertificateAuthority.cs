using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// The root of the mesh and what is signed by it. Opened, or made at the first start, when it is constructed; a root that is there and
/// cannot be opened stops the start. Thread safe.
/// </summary>
internal sealed partial class CertificateAuthority : IDisposable
{
    /// <summary>Certificates are valid from a little before their issue, because clocks differ.</summary>
    public static readonly TimeSpan Backdated = TimeSpan.FromMinutes(5);

    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly ILogger<CertificateAuthority> _logger;
    private readonly X509Certificate2 _root;
    private readonly ECDsa _key;

    public CertificateAuthority(StateFolder folder, IOptions<MeshControlPlaneOptions> options, TimeProvider time, ILogger<CertificateAuthority> logger)
    {
        (_time, _logger) = (time, logger);
        var trustDomain = TrustDomain.Parse(options.Value.TrustDomain);
        var file = new CaFile(folder, options.Value.CaPassphrase);
        _root = file.TryLoad() ?? Create(file, trustDomain, options.Value.RootLifetime);
        _key = _root.GetECDsaPrivateKey() ?? throw new MeshControlPlaneException("The CA's key is not ECDSA. Name the state folder of a mesh that this control plane has made.");
        Check(trustDomain, options.Value.SvidLifetime);
        Bundle = new TrustBundle(trustDomain, [X509CertificateLoader.LoadCertificate(_root.RawData)]);
        RootHash = SHA256.HashData(_root.RawData);
    }

    /// <summary>The roots that every workload gets.</summary>
    public TrustBundle Bundle { get; }

    /// <summary>SHA-256 of the root's DER, as join tokens carry it.</summary>
    public ReadOnlyMemory<byte> RootHash { get; }

    public TrustDomain TrustDomain => Bundle.TrustDomain;

    /// <summary>Issues a leaf for an ID that somebody has proved.</summary>
    /// <param name="id">Goes into the certificate as its one URI name.</param>
    /// <param name="key">Whose private half the caller has been seen to hold.</param>
    /// <param name="lifetime">From now; shorter where the root ends sooner.</param>
    public X509Certificate2 Issue(SpiffeId id, PublicKey key, TimeSpan lifetime)
    {
        var certificate = Sign(CertificateTemplates.Workload(id, key), lifetime);
        LogIssued(certificate.SerialNumber, id, certificate.NotAfter.ToUniversalTime());
        return certificate;
    }

    /// <summary>Issues a certificate that may sign snapshots and nothing else.</summary>
    public X509Certificate2 IssueSnapshotSigner(PublicKey key, TimeSpan lifetime)
    {
        var certificate = Sign(CertificateTemplates.SnapshotSigner(key), lifetime);
        LogIssuedSigner(certificate.SerialNumber, certificate.NotAfter.ToUniversalTime());
        return certificate;
    }

    public void Dispose()
    {
        _key.Dispose();
        _root.Dispose();
    }

    private X509Certificate2 Sign(CertificateRequest request, TimeSpan lifetime)
    {
        var now = _time.GetUtcNow();
        var notBefore = Later(now - Backdated, _root.NotBefore);
        var notAfter = Earlier(now + lifetime, _root.NotAfter);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_root, includeKeyIdentifier: true, includeIssuerAndSerial: false));

        // 127 random bits: a serial number is positive and of at most 20 bytes (RFC 5280 §4.1.2.2).
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)((serial[0] & 0x7F) | 0x40);
        lock (_gate)
        {
            return request.Create(_root.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), notBefore, notAfter, serial);
        }
    }

    private X509Certificate2 Create(CaFile file, TrustDomain trustDomain, TimeSpan lifetime)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = _time.GetUtcNow();
        var root = CertificateTemplates.Root(trustDomain, key).CreateSelfSigned(now - Backdated, now + lifetime);
        file.Create(root, key);
        LogCreated(trustDomain, root.NotAfter.ToUniversalTime(), Convert.ToHexStringLower(SHA256.HashData(root.RawData)));
        return root;
    }

    private void Check(TrustDomain trustDomain, TimeSpan svidLifetime)
    {
        var own = CertificateTemplates.NameOf(_root);
        if (own != $"spiffe://{trustDomain.Name}")
        {
            throw new MeshControlPlaneException($"The CA in the state folder is of '{own}', but MeshControlPlane:TrustDomain is '{trustDomain}'. Set it to that trust domain, or name another MeshControlPlane:StateFolder for a new mesh.");
        }

        var left = _root.NotAfter.ToUniversalTime() - _time.GetUtcNow().UtcDateTime;
        if (left <= TimeSpan.Zero)
        {
            throw new MeshControlPlaneException($"The CA's root expired at {_root.NotAfter.ToUniversalTime():u}: nothing that it signs is valid. Check the clock; else name another MeshControlPlane:StateFolder and let every workload join anew.");
        }

        if (left < TimeSpan.FromDays(30) || left < svidLifetime)
        {
            LogRootEnds(_root.NotAfter.ToUniversalTime(), left.TotalDays);
        }
    }

    private static DateTimeOffset Later(DateTimeOffset a, DateTime b) => a > b ? a : b;

    private static DateTimeOffset Earlier(DateTimeOffset a, DateTime b) => a < b ? a : b;

    [LoggerMessage(6500, LogLevel.Information, "Made the root of trust domain '{TrustDomain}', valid until {ExpiresAt:u}, SHA-256 {Hash}.")]
    private partial void LogCreated(TrustDomain trustDomain, DateTime expiresAt, string hash);

    [LoggerMessage(6501, LogLevel.Information, "Issued certificate {Serial} to {Id}, valid until {ExpiresAt:u}.")]
    private partial void LogIssued(string serial, SpiffeId id, DateTime expiresAt);

    [LoggerMessage(6502, LogLevel.Information, "Issued certificate {Serial} for signing snapshots, valid until {ExpiresAt:u}.")]
    private partial void LogIssuedSigner(string serial, DateTime expiresAt);

    [LoggerMessage(6503, LogLevel.Warning, "The root expires at {ExpiresAt:u}, in {Days:0.0} days. Certificates get shorter as it ends, and none are valid afterwards: plan a new mesh root.")]
    private partial void LogRootEnds(DateTime expiresAt, double days);
}
