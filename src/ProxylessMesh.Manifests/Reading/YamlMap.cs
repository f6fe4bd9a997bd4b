using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>
/// The fields of a map. A reader asks for every field it knows and then calls <see cref="End"/>, which refuses the rest: what is not
/// carried out is never ignored.
/// </summary>
internal sealed class YamlMap
{
    private readonly Dictionary<string, MapEntry> _entries = new(StringComparer.Ordinal);
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private readonly HashSet<string> _notYet = new(StringComparer.Ordinal);

    public YamlMap(MapNode node, string path, ReadingErrors errors)
    {
        Node = node;
        Path = path;
        Errors = errors;
        foreach (var entry in node.Entries)
        {
            if (!_entries.TryAdd(entry.Key, entry))
            {
                errors.Add(entry.At, PathOf(entry.Key), null, $"it is written twice; first in line {_entries[entry.Key].At.Line}", "Keep one of the two");
            }
        }
    }

    public MapNode Node { get; }

    public string Path { get; }

    public ReadingErrors Errors { get; }

    public bool IsEmpty => _entries.Count == 0;

    public bool Has(string key) => _entries.ContainsKey(key);

    /// <summary>The value of a field; null where it is not written.</summary>
    public YamlField? Field(string key)
    {
        _ = _known.Add(key);
        var found = _entries.TryGetValue(key, out var entry);
        Errors.FieldAsked?.Invoke(PathOf(key), found);
        return found ? new YamlField(entry.Value, PathOf(key), Errors) : null;
    }

    /// <summary>The value of a field that nobody should write any more, or that is refused with a reason of its own: not among the supported ones.</summary>
    public YamlField? Aside(string key)
    {
        _ = _known.Add(key);
        return _entries.TryGetValue(key, out var entry) ? new YamlField(entry.Value, PathOf(key), Errors) : null;
    }

    /// <summary>The value of a field that must be written; without it, <paramref name="cure"/> says what to write.</summary>
    public YamlField? Required(string key, string cure)
    {
        var field = Field(key);
        if (field is null)
        {
            Errors.Add(Node.At, PathOf(key), null, "it is missing", cure);
        }

        return field;
    }

    public string? Text(string key, TextRule? rule = null) => Field(key)?.Text(rule);

    /// <summary>Empty where it is missing or wrong, which is then reported.</summary>
    public string RequiredText(string key, TextRule? rule, string cure) => Required(key, cure)?.Text(rule) ?? "";

    public int? Integer(string key, int least, int most) => Field(key)?.Integer(least, most);

    public TimeSpan? Duration(string key, DurationSyntax syntax, TimeSpan least = default) => Field(key)?.Duration(syntax, least);

    public YamlMap? Map(string key) => Field(key)?.Map();

    /// <summary>The items of a list of maps.</summary>
    public ImmutableArray<T> List<T>(string key, Func<YamlMap, T> read)
        => Field(key) is { } field ? [.. field.Items().Select(item => item.Map()).OfType<YamlMap>().Select(read)] : [];

    /// <summary>The items of a list of texts.</summary>
    public ImmutableArray<string> Texts(string key, TextRule? rule = null)
        => Field(key) is { } field ? [.. field.Items().Select(item => item.Text(rule)).OfType<string>()] : [];

    /// <summary>A map with keys of the writer's choice, such as labels.</summary>
    public ImmutableSortedDictionary<string, string> TextMap(string key, TextRule keyRule, TextRule? valueRule = null)
        => TextMap(key, keyRule, field => field.Text(valueRule) ?? "");

    /// <summary>A map with keys of the writer's choice and values read by <paramref name="read"/>.</summary>
    public ImmutableSortedDictionary<string, T> TextMap<T>(string key, TextRule keyRule, Func<YamlField, T> read)
    {
        var values = ImmutableSortedDictionary.CreateBuilder<string, T>(StringComparer.Ordinal);
        foreach (var (name, field) in Field(key)?.Map()?.FreeFields(keyRule) ?? [])
        {
            values[name] = read(field);
        }

        return values.ToImmutable();
    }

    /// <summary>Every field, its key checked: for a map with keys of the writer's choice.</summary>
    public IEnumerable<(string Key, YamlField Field)> FreeFields(TextRule keyRule)
    {
        foreach (var entry in _entries.Values)
        {
            var path = $"{Path}[\"{ReadingErrors.Show(entry.Key)}\"]";
            if (keyRule(entry.Key) is { } mistake)
            {
                Errors.Add(entry.At, path, null, mistake.Problem, mistake.Cure);
            }

            yield return (entry.Key, new YamlField(entry.Value, path, Errors));
        }
    }

    /// <summary>Fields of the standard that this version does not carry out.</summary>
    public void NotYet(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
        {
            _ = _notYet.Add(key);
        }
    }

    /// <summary>Fields that change nothing here, such as those a Kubernetes server writes.</summary>
    public void Ignore(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
        {
            _ = _known.Add(key);
        }
    }

    /// <summary>Reports a mistake at the map itself.</summary>
    public void Fail(string problem, string cure) => Errors.Add(Node.At, Path, null, problem, cure);

    /// <summary>Reports something worth a look at the map itself.</summary>
    public void Warn(string problem, string cure) => Errors.Add(Node.At, Path, null, problem, cure, ManifestErrorSeverity.Warning);

    /// <summary>Refuses every field that was not asked for.</summary>
    public void End()
    {
        foreach (var entry in _entries.Values)
        {
            if (_notYet.Contains(entry.Key))
            {
                Errors.Add(entry.At, PathOf(entry.Key), null, "this field is not supported yet", "Remove it; nothing here would carry it out");
            }
            else if (!_known.Contains(entry.Key))
            {
                var nearest = NearestWord.To(entry.Key, _known);
                Errors.Add(entry.At, PathOf(entry.Key), null, "unknown field", nearest is null ? $"Known here: {string.Join(", ", _known)}" : $"Write '{nearest}'");
            }
        }
    }

    private string PathOf(string key) => Path.Length == 0 ? ReadingErrors.Show(key) : $"{Path}.{ReadingErrors.Show(key)}";
}
