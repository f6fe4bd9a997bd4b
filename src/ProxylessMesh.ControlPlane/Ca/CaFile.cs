using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// The root with its key, <c>ca.p12</c>: PKCS#12, AES-256, mode 0600. The passphrase comes from the options, else from
/// <c>MESH_CA_PASSPHRASE</c>, else from <c>ca.passphrase</c> beside it, which is made at the first start.
/// </summary>
internal sealed class CaFile(StateFolder folder, string passphrase)
{
    public const string PassphraseVariable = "MESH_CA_PASSPHRASE";

    private const int MaxBytes = 64 * 1024;

    // A person may have chosen the passphrase; X509CertificateLoader takes up to 300,000.
    private const int Iterations = 200_000;

    private static readonly PbeParameters Encryption = new(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, Iterations);

    private readonly string _path = folder.PathOf("ca.p12");
    private readonly string _passphrasePath = folder.PathOf("ca.passphrase");

    /// <summary>Reads the root; <see langword="null"/> when there is none yet.</summary>
    /// <exception cref="MeshControlPlaneException">There is a file, but no root can be had from it.</exception>
    public X509Certificate2? TryLoad()
    {
        try
        {
            if (PrivateFile.Read(_path, MaxBytes) is not { } content)
            {
                return null;
            }

            var root = X509CertificateLoader.LoadPkcs12(content, Passphrase());
            return root.HasPrivateKey ? root : throw Unusable("it holds no private key", null);
        }
        catch (CryptographicException error)
        {
            throw Unusable("the passphrase is wrong or the file is damaged", error);
        }
        catch (Exception error) when (error is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw Unusable(error.Message, error);
        }
    }

    /// <summary>Writes the root of a new mesh.</summary>
    /// <exception cref="MeshControlPlaneException">It cannot be written.</exception>
    public void Create(X509Certificate2 root, ECDsa key)
    {
        try
        {
            var secret = Passphrase();
            var contents = new Pkcs12SafeContents();
            var id = new Pkcs9LocalKeyId([1]);
            contents.AddShroudedKey(key, secret, Encryption).Attributes.Add(id);
            contents.AddCertificate(root).Attributes.Add(id);
            var builder = new Pkcs12Builder();
            builder.AddSafeContentsEncrypted(contents, secret, Encryption);
            builder.SealWithMac(secret, HashAlgorithmName.SHA256, Iterations);
            AtomicFile.WriteSecret(_path, builder.Encode());
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MeshControlPlaneException($"The CA cannot be kept in '{_path}': {error.Message} Make the state folder writable.", error);
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

        if (File.Exists(_path))
        {
            throw Unusable($"there is no passphrase: MeshControlPlane:CaPassphrase and {PassphraseVariable} are empty, and '{_passphrasePath}' is not there", null);
        }

        var made = Convert.ToHexString(RandomNumberGenerator.GetBytes(32));
        AtomicFile.WriteSecret(_passphrasePath, Encoding.UTF8.GetBytes(made));
        return made;
    }

    private MeshControlPlaneException Unusable(string why, Exception? cause)
    {
        var message = $"The CA in '{_path}' cannot be opened: {why}. Set MeshControlPlane:CaPassphrase or {PassphraseVariable} to the passphrase it was made with, or restore the file from a backup. No new root is made in its place: every workload would have to join anew. To start a new mesh, name another MeshControlPlane:StateFolder.";
        return cause is null ? new MeshControlPlaneException(message) : new MeshControlPlaneException(message, cause);
    }
}
