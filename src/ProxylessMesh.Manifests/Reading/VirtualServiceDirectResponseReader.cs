using System.Text;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>directResponse</c> of a VirtualService's route.</summary>
internal static class VirtualServiceDirectResponseReader
{
    private const int MostBytes = 1024 * 1024;
    private const int ManyBytes = 100 * 1024;

    public static VirtualServiceDirectResponse? Read(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        var status = map.Required("status", "Write the status of the answer, such as 503")?.Integer(200, 599);
        var body = ReadBody(map.Map("body"));
        map.End();
        return status is null ? null : new VirtualServiceDirectResponse(status.Value, body);
    }

    private static byte[] ReadBody(YamlMap? map)
    {
        if (map is null)
        {
            return [];
        }

        if (map.Has("string") == map.Has("bytes"))
        {
            map.Fail("it needs exactly one of string and bytes", "Write 'string:' with a text, or 'bytes:' with base64");
        }

        var text = map.Text("string");
        var encoded = map.Text("bytes");
        var body = text is not null ? Encoding.UTF8.GetBytes(text) : encoded is not null ? Decode(map, encoded) : [];
        CheckSize(map, body.Length);
        map.End();
        return body;
    }

    private static byte[] Decode(YamlMap map, string encoded)
    {
        var decoded = new byte[encoded.Length];
        if (Convert.TryFromBase64String(encoded, decoded, out var length))
        {
            return decoded[..length];
        }

        map.Field("bytes")?.Fail("it is not base64", "Encode the bytes in base64, or write a text as 'string'");
        return [];
    }

    private static void CheckSize(YamlMap map, int length)
    {
        if (length > MostBytes)
        {
            map.Fail($"it has {length} bytes", $"Write at most {MostBytes}");
        }
        else if (length > ManyBytes)
        {
            map.Errors.Add(map.Node.At, map.Path, null, $"it has {length} bytes, which go to every client", "Serve answers of this size from an application", ManifestErrorSeverity.Warning);
        }
    }
}
