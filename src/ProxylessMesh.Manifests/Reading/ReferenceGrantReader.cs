using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Gateway API's <c>ReferenceGrant</c>.</summary>
internal static class ReferenceGrantReader
{
    private const int MaxEntries = 16;

    public static ReferenceGrantManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'from:' and 'to:' below it")?.Map() is not { } spec)
        {
            return null;
        }

        var grant = new ReferenceGrantManifest
        {
            Name = header.Name,
            From = Entries(spec, "from", static map => new ReferenceGrantFrom(
                Group(map), Kind(map), map.RequiredText("namespace", TextRules.DnsLabel, "Write the namespace of those who may refer"))),
            To = Entries(spec, "to", static map => new ReferenceGrantTo(Group(map), Kind(map), map.Text("name", TextRules.ObjectName))),
        };
        spec.End();
        return grant;
    }

    private static string Group(YamlMap map) => map.RequiredText("group", TextRules.ApiGroup, "Write the group of the kind; \"\" for Services");

    private static string Kind(YamlMap map) => map.RequiredText("kind", TextRules.ApiKind, "Write the kind, such as HTTPRoute or Service");

    private static ImmutableArray<T> Entries<T>(YamlMap spec, string key, Func<YamlMap, T> read)
    {
        var entries = spec.List(key, map =>
        {
            var entry = read(map);
            map.End();
            return entry;
        });
        if (spec.Required(key, "Write one entry at least") is { Node: ListNode { Items.Length: 0 or > MaxEntries } list } field)
        {
            field.Fail($"it has {list.Items.Length} entries", $"Write 1 to {MaxEntries}");
        }

        return entries;
    }
}
