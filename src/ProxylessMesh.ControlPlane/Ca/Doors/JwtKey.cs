using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json.Serialization;

namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary>A key that signs JWT-SVIDs. The private half is used under its signer's lock; the public half is shared.</summary>
/// <param name="Id">Its <c>kid</c>: from the public key's hash, so that two never share one.</param>
/// <param name="Private">P-256.</param>
/// <param name="Public">The public half of its own.</param>
/// <param name="CreatedAt">When it was made and published.</param>
internal sealed record JwtKey(string Id, ECDsa Private, ECDsa Public, DateTimeOffset CreatedAt)
{
    public static JwtKey Create(DateTimeOffset now) => Of(ECDsa.Create(ECCurve.NamedCurves.nistP256), now);

    public static JwtKey Of(ECDsa key, DateTimeOffset createdAt)
        => new(Base64Url.EncodeToString(SHA256.HashData(key.ExportSubjectPublicKeyInfo()).AsSpan(0, 16)), key, ECDsa.Create(key.ExportParameters(includePrivateParameters: false)), createdAt);
}

/// <summary>A key as it is kept.</summary>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Key">PKCS#8, encrypted by the CA's passphrase.</param>
internal sealed record StoredJwtKey(DateTimeOffset CreatedAt, byte[] Key);

/// <summary>The keys' file.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(StoredJwtKey[]))]
internal sealed partial class JwtKeyJson : JsonSerializerContext;
