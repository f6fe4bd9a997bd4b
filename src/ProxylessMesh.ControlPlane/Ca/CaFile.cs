using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// The authorities at rest: <c>ca.json</c> says which there are, each is a PKCS#12 (<c>ca.p12</c>, <c>ca-{hash}.p12</c>), AES-256, mode 0600.
/// The passphrase comes from the options, else from <c>MESH_CA_PASSPHRASE</c>, else from <c>ca.passphrase</c> beside it, which is made at
/// the first start.
/// </summary>
internal sealed class CaFile(StateFolder folder, string passphrase)
{
    public const string PassphraseVariable = "MESH_CA_PASSPHRASE";

    /// <summary>The first authority's file; a folder of before there were rotations has it alone.</summary>
    public const string FirstFile = "ca.p12";

    private const string PendingFile = "ca-request.p8";

    private const int MaxBytes = 64 * 1024;

    // A person may have chosen the passphrase; X509CertificateLoader takes up to 300,000.
    private const int Iterations = 200_000;

    private static readonly PbeParameters Encryption = new(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, Iterations);

    private readonly string _planPath = folder.PathOf("ca.json");
    private readonly string _passphrasePath = folder.PathOf("ca.passphrase");

    public static string FileNameOf(MeshAuthority authority) => $"ca-{authority.Hash[..16]}.p12";

    /// <summary>The plan; <see langword="null"/> in a folder where there has been no rotation yet.</summary>
    /// <exception cref="MeshControlPlaneException">There is one that cannot be read.</exception>
    public CaPlan? TryLoadPlan()
    {
        try
        {
            return PrivateFile.Read(_planPath, MaxBytes) is { } content ? JsonSerializer.Deserialize(content, CaPlanJson.Default.CaPlan) : null;
        }
        catch (Exception error) when (error is JsonException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw Unusable(_planPath, error.Message, error);
        }
    }

    /// <summary>Replaces the plan; what it names is on the disk already.</summary>
    /// <exception cref="MeshControlPlaneException">It cannot be written.</exception>
    public void SavePlan(CaPlan plan) => Write(_planPath, JsonSerializer.SerializeToUtf8Bytes(plan, CaPlanJson.Default.CaPlan));

    /// <summary>Reads an authority; <see langword="null"/> when there is no such file.</summary>
    /// <exception cref="MeshControlPlaneException">There is a file, but no authority can be had from it.</exception>
    public MeshAuthority? TryLoad(string file)
    {
        var path = folder.PathOf(file);
        try
        {
            if (PrivateFile.Read(path, MaxBytes) is not { } content)
            {
                return null;
            }

            var certificates = X509CertificateLoader.LoadPkcs12Collection(content, Passphrase());
            var signer = certificates.FirstOrDefault(static certificate => certificate.HasPrivateKey) ?? throw Unusable(path, "it holds no private key", null);
            return new MeshAuthority(signer, InOrder(signer, [.. certificates.Where(static certificate => !certificate.HasPrivateKey)]));
        }
        catch (CryptographicException error)
        {
            throw Unusable(path, "the passphrase is wrong or the file is damaged", error);
        }
        catch (Exception error) when (error is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw Unusable(path, error.Message, error);
        }
    }

    /// <summary>Writes an authority.</summary>
    /// <exception cref="MeshControlPlaneException">It cannot be written.</exception>
    public void Save(string file, MeshAuthority authority)
    {
        var secret = Passphrase();
        var (signer, key, parents) = authority.Contents;
        var contents = new Pkcs12SafeContents();
        var id = new Pkcs9LocalKeyId([1]);
        contents.AddShroudedKey(key, secret, Encryption).Attributes.Add(id);
        contents.AddCertificate(signer).Attributes.Add(id);
        foreach (var parent in parents)
        {
            contents.AddCertificate(parent);
        }

        var builder = new Pkcs12Builder();
        builder.AddSafeContentsEncrypted(contents, secret, Encryption);
        builder.SealWithMac(secret, HashAlgorithmName.SHA256, Iterations);
        Write(folder.PathOf(file), builder.Encode());
    }

    /// <summary>Keeps the key of a request that somebody else's CA is to sign.</summary>
    public void SavePending(AsymmetricAlgorithm key) => Write(folder.PathOf(PendingFile), key.ExportEncryptedPkcs8PrivateKey(Passphrase(), Encryption));

    /// <summary>The key of the request that was made last.</summary>
    /// <exception cref="MeshControlPlaneException">There is none, or it cannot be read.</exception>
    public AsymmetricAlgorithm LoadPending()
    {
        var path = folder.PathOf(PendingFile);
        try
        {
            var content = PrivateFile.Read(path, MaxBytes) ?? throw new MeshControlPlaneException("There is no request that this certificate could be for. Make one with 'mesh ca request', or give the key together with the certificate.");
            var key = ECDsa.Create();
            key.ImportEncryptedPkcs8PrivateKey(Passphrase(), content, out _);
            return key;
        }
        catch (Exception error) when (error is CryptographicException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw Unusable(path, error.Message, error);
        }
    }

    /// <summary>Encrypts another key that is kept in the state folder by the same passphrase.</summary>
    public byte[] Seal(AsymmetricAlgorithm key) => key.ExportEncryptedPkcs8PrivateKey(Passphrase(), Encryption);

    /// <summary>Opens what <see cref="Seal"/> made.</summary>
    /// <exception cref="CryptographicException">The passphrase is another one, or the key is damaged.</exception>
    public ECDsa Open(ReadOnlySpan<byte> sealedKey)
    {
        var key = ECDsa.Create();
        key.ImportEncryptedPkcs8PrivateKey(Passphrase(), sealedKey, out _);
        return key;
    }

    /// <summary>Forgets what the plan does not name any more. A file that stays does no harm.</summary>
    public void Remove(string file) => File.Delete(folder.PathOf(file));

    public void RemovePending() => Remove(PendingFile);

    private static List<X509Certificate2> InOrder(X509Certificate2 signer, List<X509Certificate2> others)
    {
        var ordered = new List<X509Certificate2>();
        for (var child = signer; others.Find(parent => parent.SubjectName.RawData.AsSpan().SequenceEqual(child.IssuerName.RawData)) is { } parent; child = parent)
        {
            ordered.Add(parent);
            others.Remove(parent);
        }

        return ordered;
    }

    private static void Write(string path, byte[] content)
    {
        try
        {
            AtomicFile.WriteSecret(path, content);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MeshControlPlaneException($"The CA cannot be kept in '{path}': {error.Message} Make the state folder writable.", error);
        }
    }

    private string Passphrase()
    {
        if (passphrase.Length > 0)
        {
            return passphrase;
        }

        if (Environment.GetEnvironmentVariable(PassphraseVariable) is { Length: > 0 } fromEnvironment)
        {
            return fromEnvironment;
        }

        if (PrivateFile.Read(_passphrasePath, 1024) is { Length: > 0 } kept)
        {
            return Encoding.UTF8.GetString(kept).Trim();
        }

        if (File.Exists(folder.PathOf(FirstFile)) || File.Exists(_planPath))
        {
            throw Unusable(folder.PathOf(FirstFile), $"there is no passphrase: MeshControlPlane:CaPassphrase and {PassphraseVariable} are empty, and '{_passphrasePath}' is not there", null);
        }

        var made = Convert.ToHexString(RandomNumberGenerator.GetBytes(32));
        Write(_passphrasePath, Encoding.UTF8.GetBytes(made));
        return made;
    }

    private static MeshControlPlaneException Unusable(string path, string why, Exception? cause)
    {
        var message = $"The CA in '{path}' cannot be opened: {why}. Set MeshControlPlane:CaPassphrase or {PassphraseVariable} to the passphrase it was made with, or restore the file from a backup. No new root is made in its place: every workload would have to join anew. To start a new mesh, name another MeshControlPlane:StateFolder.";
        return cause is null ? new MeshControlPlaneException(message) : new MeshControlPlaneException(message, cause);
    }
}
