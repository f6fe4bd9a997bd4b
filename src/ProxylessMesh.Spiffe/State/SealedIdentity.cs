using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// A leaf with its key, chain and bundles in an encrypted PKCS#12 file, mode 0600, its password derived (HKDF) from the join token: for
/// starts without the control plane (<c>Mesh:State:SealIdentity</c>).
/// </summary>
/// <remarks>
/// The key is a shrouded key bag; the chain and the bundles are one secret bag that holds the message they came in, so that a restart
/// reads and verifies them by the same code as an answer. The MAC covers both.
/// </remarks>
internal sealed class SealedIdentity(string path, JoinToken token, TimeProvider time)
{
    /// <summary>The chain of one identity and some hundred bundles.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    // The password has 256 bits of its own: iterations would only cost time.
    private const int Iterations = 1000;

    private static readonly Oid Data = new("1.2.840.113549.1.7.1");

    private static readonly PbeParameters Encryption = new(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, Iterations);

    /// <summary>The identity of the file; <see langword="null"/> when there is no file. One that has expired is deleted.</summary>
    /// <exception cref="IdentityException"><see cref="IdentityError.BadFile"/>: tampered with, sealed with another token, too large, unreadable.</exception>
    public WorkloadIdentity? TryLoad()
    {
        try
        {
            if (PrivateFile.Read(path, MaxBytes) is not { } content)
            {
                return null;
            }

            var file = Pkcs12Info.Decode(content, out var length, skipCopy: true);
            if (length != content.Length || file.IntegrityMode != Pkcs12IntegrityMode.Password || !file.VerifyMac(Password()))
            {
                throw Refused("it was changed, or sealed with another join token");
            }

            var (answer, key) = Open(file);
            using (key)
            {
                if (HasExpired(answer))
                {
                    File.Delete(path);
                    return null;
                }

                return IdentityAnswer.Read(answer, key, time.GetUtcNow(), IdentityError.BadFile);
            }
        }
        catch (Exception error) when (error is CryptographicException or AsnContentException or InvalidProtocolBufferException or InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw Refused(error.Message, error);
        }
    }

    /// <summary>Replaces the file: a crash leaves the old one or the new one, whole.</summary>
    /// <exception cref="IdentityException"><see cref="IdentityError.BadFile"/>: it cannot be written.</exception>
    public Task SaveAsync(WorkloadIdentity identity, CancellationToken cancellationToken)
        => Task.Run(() => Save(identity), cancellationToken);

    private void Save(WorkloadIdentity identity)
    {
        using var key = identity.Leaf.GetECDsaPrivateKey()
            ?? throw new IdentityException(IdentityError.BadFile, $"The identity '{identity.Id}' has no ECDSA key, so it cannot be sealed.");
        var contents = new Pkcs12SafeContents();
        contents.AddShroudedKey(key, Password(), Encryption);
        contents.AddSecret(Data, Wrap(IdentityAnswer.Write(identity)));

        var builder = new Pkcs12Builder();
        builder.AddSafeContentsEncrypted(contents, Password(), Encryption);
        builder.SealWithMac(Password(), HashAlgorithmName.SHA256, Iterations);
        try
        {
            PrivateFile.CreateFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
            PrivateFile.Replace(path, builder.Encode());
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IdentityException(IdentityError.BadFile, $"The sealed identity cannot be written to '{path}': {error.Message} Check Mesh:State:Folder.", error);
        }
    }

    private (IssueIdentityResponse Answer, ECDsa Key) Open(Pkcs12Info file)
    {
        IssueIdentityResponse? answer = null;
        ECDsa? key = null;
        foreach (var contents in file.AuthenticatedSafe)
        {
            contents.Decrypt(Password());
            foreach (var bag in contents.GetBags())
            {
                if (bag is Pkcs12ShroudedKeyBag shrouded)
                {
                    key = ECDsa.Create();
                    key.ImportEncryptedPkcs8PrivateKey(Password(), shrouded.EncryptedPkcs8PrivateKey.Span, out _);
                }
                else if (bag is Pkcs12SecretBag secret)
                {
                    answer = IssueIdentityResponse.Parser.ParseFrom(AsnDecoder.ReadOctetString(secret.SecretValue.Span, AsnEncodingRules.DER, out _));
                }
            }
        }

        return answer is not null && key is not null ? (answer, key) : throw Refused("a part of it is missing");
    }

    private static byte[] Wrap(IssueIdentityResponse answer)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        writer.WriteOctetString(answer.ToByteArray());
        return writer.Encode();
    }

    private bool HasExpired(IssueIdentityResponse answer)
    {
        if (answer.CertificateChain.Count == 0)
        {
            return false;
        }

        using var leaf = X509CertificateLoader.LoadCertificate(answer.CertificateChain[0].Span);
        return leaf.NotAfter.ToUniversalTime() <= time.GetUtcNow().UtcDateTime;
    }

    private string Password()
        => Convert.ToHexString(HKDF.DeriveKey(HashAlgorithmName.SHA256, token.Secret.ToArray(), 32, token.RootHash.ToArray(), Encoding.UTF8.GetBytes("proxylessmesh sealed identity 1")));

    private IdentityException Refused(string why, Exception? cause = null)
        => new(IdentityError.BadFile, $"The sealed identity in '{path}' cannot be used: {why}. Delete the file; the process then joins by its token.", cause);
}
