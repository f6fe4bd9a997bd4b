using System.Globalization;
using System.Text.Json;

namespace ProxylessMesh.Xds.Bootstrap;

/// <summary>One JSON object of the bootstrap with its path. What has the wrong type is reported, and read as if it were not there.</summary>
internal sealed class BootstrapField
{
    private readonly JsonElement _element;
    private readonly string _path;
    private readonly List<string> _errors;

    public BootstrapField(JsonElement element, string path, List<string> errors)
    {
        _element = element;
        _path = path;
        _errors = errors;
        if (element.ValueKind != JsonValueKind.Object)
        {
            errors.Add($"{(path.Length > 0 ? path : "the root")} must be an object");
        }
    }

    public bool HasErrors => _errors.Count > 0;

    public void Add(string name, string problem) => _errors.Add($"{Path(name)} {problem}");

    /// <summary>Null where it is not set.</summary>
    public string? Text(string name) => Get(name, JsonValueKind.String, "text") is { } value ? value.GetString() : null;

    public BootstrapField? Object(string name) => Get(name, JsonValueKind.Object, "an object") is { } value ? new BootstrapField(value, Path(name), _errors) : null;

    /// <summary>Empty where it is not set.</summary>
    public IEnumerable<BootstrapField> Array(string name)
        => Get(name, JsonValueKind.Array, "a list") is { } list
            ? list.EnumerateArray().Select((item, index) => new BootstrapField(item, string.Create(CultureInfo.InvariantCulture, $"{Path(name)}[{index}]"), _errors)).ToList()
            : [];

    public IEnumerable<string> Texts(string name)
        => Get(name, JsonValueKind.Array, "a list") is { } list
            ? list.EnumerateArray().Where(static item => item.ValueKind == JsonValueKind.String).Select(static item => item.GetString() ?? "").ToList()
            : [];

    public IEnumerable<(string Name, BootstrapField Field)> Members()
        => _element.ValueKind == JsonValueKind.Object
            ? _element.EnumerateObject().Select(member => (member.Name, new BootstrapField(member.Value, $"{_path}[{member.Name}]", _errors))).ToList()
            : [];

    /// <summary>A duration as protobuf writes it in JSON: seconds with an <c>s</c>, above zero.</summary>
    public TimeSpan? Duration(string name)
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        if (text.EndsWith('s') && double.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds)
            && seconds is > 0 and < 3_000_000)
        {
            return TimeSpan.FromSeconds(seconds);
        }

        Add(name, $"is '{text}'; it must be seconds above 0, as in '600s'");
        return null;
    }

    public JsonElement? Any(string name)
        => _element.ValueKind == JsonValueKind.Object && _element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private JsonElement? Get(string name, JsonValueKind kind, string what)
    {
        if (Any(name) is not { } value)
        {
            return null;
        }

        if (value.ValueKind != kind)
        {
            Add(name, $"must be {what}");
            return null;
        }

        return value;
    }

    private string Path(string name) => _path.Length > 0 ? $"{_path}.{name}" : name;
}
