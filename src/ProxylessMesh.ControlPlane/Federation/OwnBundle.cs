using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Ca.Doors;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Federation;

/// <summary>
/// Our trust domain's bundle document: what signs X.509-SVIDs and JWT-SVIDs, numbered. The number grows with each change and never goes back, also not
/// over restarts (SPIFFE Trust Domain and Bundle §4.1.1). Thread safe.
/// </summary>
internal sealed partial class OwnBundle : IDisposable
{
    private const int MaxBytes = 4096;

    private readonly Lock _gate = new();
    private readonly CertificateAuthority _authority;
    private readonly MeshTrust _trust;
    private readonly JwtSvidSigner _signer;
    private readonly TimeSpan _refreshHint;
    private readonly string _path;
    private readonly ILogger<OwnBundle> _logger;
    private BundleNumber _number;
    private SpiffeBundle _current;

    public OwnBundle(StateFolder folder, CertificateAuthority authority, MeshTrust trust, JwtSvidSigner signer, IOptions<MeshControlPlaneOptions> options, ILogger<OwnBundle> logger)
    {
        (_authority, _trust, _signer, _logger) = (authority, trust, signer, logger);
        (_path, _refreshHint) = (folder.PathOf("bundle-sequence.json"), options.Value.Federation.RefreshHint);
        _number = Load();
        _current = NextLocked();
        trust.Changed += Update;
        signer.Changed += Update;
    }

    /// <summary>Raised after <see cref="Current"/> has changed.</summary>
    public event Action? Changed;

    public SpiffeBundle Current => Volatile.Read(ref _current);

    public void Dispose()
    {
        _trust.Changed -= Update;
        _signer.Changed -= Update;
    }

    private void Update()
    {
        lock (_gate)
        {
            var before = _number;
            var next = NextLocked();
            if (_number == before)
            {
                return;
            }

            Volatile.Write(ref _current, next);
        }

        Changed?.Invoke();
    }

    private SpiffeBundle NextLocked()
    {
        var bundle = new SpiffeBundle
        {
            TrustDomain = _authority.TrustDomain,
            X509Authorities = _authority.Bundle.Authorities,
            JwtAuthorities = _signer.Authorities,
        };
        var hash = Convert.ToHexStringLower(SHA256.HashData(SpiffeBundleWriter.Write(bundle)));
        if (hash != _number.Hash)
        {
            _number = new BundleNumber(_number.Sequence + 1, hash);
            Save();
        }

        return bundle with { Sequence = _number.Sequence, RefreshHint = _refreshHint };
    }

    private BundleNumber Load()
    {
        try
        {
            return PrivateFile.Read(_path, MaxBytes) is { } content ? JsonSerializer.Deserialize(content, BundleNumberJson.Default.BundleNumber)! : new BundleNumber(0, "");
        }
        catch (Exception error) when (error is JsonException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new MeshControlPlaneException($"The number of our bundle in '{_path}' cannot be read: {error.Message} Restore the file from a backup; or write a number there that is higher than any that other trust domains have seen.", error);
        }
    }

    private void Save()
    {
        try
        {
            AtomicFile.WriteSecret(_path, JsonSerializer.SerializeToUtf8Bytes(_number, BundleNumberJson.Default.BundleNumber));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            LogNotKept(error, _number.Sequence);
        }
    }

    [LoggerMessage(6570, LogLevel.Error, "Number {Sequence} of our trust domain's bundle could not be kept. Make the state folder writable: after a restart other trust domains may take the bundle for an old one.")]
    private partial void LogNotKept(Exception error, ulong sequence);
}

/// <param name="Sequence">Of the bundle that was served last.</param>
/// <param name="Hash">SHA-256 of its content.</param>
internal sealed record BundleNumber(ulong Sequence, string Hash);

/// <summary>The number's file.</summary>
[JsonSourceGenerationOptions(UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(BundleNumber))]
internal sealed partial class BundleNumberJson : JsonSerializerContext;
