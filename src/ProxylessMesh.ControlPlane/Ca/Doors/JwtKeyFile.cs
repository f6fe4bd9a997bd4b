using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Options;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary><c>jwt-keys.json</c> in the state folder: the keys that sign JWT-SVIDs, encrypted like the CA's own. Replaced whole at each change.</summary>
internal sealed class JwtKeyFile(StateFolder folder, IOptions<MeshControlPlaneOptions> options)
{
    private const int MaxBytes = 256 * 1024;

    private readonly CaFile _secrets = new(folder, options.Value.CaPassphrase);
    private readonly string _path = folder.PathOf("jwt-keys.json");

    /// <summary>The keys, oldest first; none at the first start.</summary>
    /// <exception cref="MeshControlPlaneException">There is a file that cannot be read.</exception>
    public ImmutableArray<JwtKey> Load()
    {
        try
        {
            return PrivateFile.Read(_path, MaxBytes) is { } content
                ? [.. JsonSerializer.Deserialize(content, JwtKeyJson.Default.StoredJwtKeyArray)!.Select(stored => JwtKey.Of(_secrets.Open(stored.Key), stored.CreatedAt)).OrderBy(static key => key.CreatedAt)]
                : [];
        }
        catch (Exception error) when (error is JsonException or CryptographicException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new MeshControlPlaneException($"The keys for JWT-SVIDs in '{_path}' cannot be read: {error.Message} Restore the file from a backup, or delete it: new keys are made then, and tokens of the last minutes are refused.", error);
        }
    }

    /// <exception cref="MeshControlPlaneException">It cannot be written.</exception>
    public void Save(ImmutableArray<JwtKey> keys)
    {
        try
        {
            AtomicFile.WriteSecret(_path, JsonSerializer.SerializeToUtf8Bytes([.. keys.Select(key => new StoredJwtKey(key.CreatedAt, _secrets.Seal(key.Private)))], JwtKeyJson.Default.StoredJwtKeyArray));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MeshControlPlaneException($"The keys for JWT-SVIDs cannot be kept in '{_path}': {error.Message} Make the state folder writable and see that the disk is not full.", error);
        }
    }
}
