using System.Text.Json;
using System.Text.Json.Serialization;
using ProxylessMesh.ControlPlane.Store;

namespace ProxylessMesh.ControlPlane.Keys;

/// <summary>The key sets that were found last, kept over restarts: an issuer that is away then makes no token invalid.</summary>
internal sealed class KeySetFile(StateFolder state)
{
    private readonly string _path = state.PathOf("issuer-keys.json");

    /// <summary>Empty where there is none yet, or where it cannot be read: then the keys are fetched anew.</summary>
    public Dictionary<string, string> Read()
    {
        try
        {
            return File.Exists(_path) ? JsonSerializer.Deserialize(File.ReadAllBytes(_path), KeySetJson.Default.DictionaryStringString) ?? [] : [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            return [];
        }
    }

    /// <summary>False: it could not be written.</summary>
    public bool TryWrite(Dictionary<string, string> keySets)
    {
        try
        {
            AtomicFile.Write(_path, JsonSerializer.SerializeToUtf8Bytes(keySets, KeySetJson.Default.DictionaryStringString));
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}

/// <summary>How <see cref="KeySetFile"/> keeps them.</summary>
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class KeySetJson : JsonSerializerContext;
