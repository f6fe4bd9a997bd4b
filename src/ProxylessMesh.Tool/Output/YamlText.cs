using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ProxylessMesh.Tool.Output;

/// <summary>Writes JSON as block YAML. What is no plain word is written in double quotes, with JSON's escapes, which are YAML's too.</summary>
internal static partial class YamlText
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Of(JsonNode? node)
    {
        var text = new StringBuilder();
        Write(text, node, 0);
        return text.ToString().Trim('\n', ' ');
    }

    private static void Write(StringBuilder text, JsonNode? node, int indent)
    {
        switch (node)
        {
            case JsonObject { Count: > 0 } members:
                foreach (var (name, value) in members)
                {
                    text.Append('\n').Append(' ', indent).Append(Scalar(name)).Append(':');
                    Write(text, value, indent + 2);
                }

                break;
            case JsonArray { Count: > 0 } items:
                foreach (var item in items)
                {
                    text.Append('\n').Append(' ', indent).Append('-');
                    Write(text, item, indent + 2);
                }

                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.String:
                text.Append(' ').Append(Scalar(value.GetValue<string>()));
                break;
            default:
                text.Append(' ').Append(node?.ToJsonString(Plain) ?? "null");
                break;
        }
    }

    private static string Scalar(string value)
        => PlainWord().IsMatch(value) && !Meaningful().IsMatch(value) ? value : JsonSerializer.Serialize(value, Plain);

    [GeneratedRegex(@"\A[A-Za-z/][A-Za-z0-9_./-]*\z")]
    private static partial Regex PlainWord();

    [GeneratedRegex(@"\A(?:true|false|yes|no|on|off|y|n|null)\z", RegexOptions.IgnoreCase)]
    private static partial Regex Meaningful();
}
