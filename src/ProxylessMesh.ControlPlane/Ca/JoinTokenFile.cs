using System.Text.Json;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary><c>join-tokens.json</c> in the state folder, replaced whole at each change.</summary>
internal sealed class JoinTokenFile(StateFolder folder)
{
    private const int MaxBytes = 32 * 1024 * 1024;

    private readonly string _path = folder.PathOf("join-tokens.json");

    /// <exception cref="MeshControlPlaneException">There is a file, but it cannot be read: tokens are never forgotten silently.</exception>
    public Dictionary<string, JoinTokenRecord> Load()
    {
        try
        {
            return PrivateFile.Read(_path, MaxBytes) is { } content
                ? JsonSerializer.Deserialize(content, JoinTokenJson.Default.ListJoinTokenRecord)!.ToDictionary(static record => record.Id, StringComparer.Ordinal)
                : new Dictionary<string, JoinTokenRecord>(StringComparer.Ordinal);
        }
        catch (Exception error) when (error is JsonException or ArgumentException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new MeshControlPlaneException($"The join tokens in '{_path}' cannot be read: {error.Message} Restore the file from a backup, or delete it: tokens that were not used yet must then be made anew.", error);
        }
    }

    /// <exception cref="MeshControlPlaneException">It cannot be written.</exception>
    public void Save(IEnumerable<JoinTokenRecord> records)
    {
        try
        {
            AtomicFile.WriteSecret(_path, JsonSerializer.SerializeToUtf8Bytes([.. records], JoinTokenJson.Default.ListJoinTokenRecord));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MeshControlPlaneException($"The join tokens cannot be kept in '{_path}': {error.Message} Make the state folder writable and see that the disk is not full.", error);
        }
    }
}
