using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>A node of a YAML document that knows where it was written.</summary>
internal abstract class YamlNode(YamlPosition at)
{
    public YamlPosition At { get; } = at;

    /// <summary>What this is in a message: <c>text</c>, <c>a list</c>, <c>a map</c>.</summary>
    public abstract string Description { get; }
}

/// <summary>Line and column, from 1.</summary>
internal readonly record struct YamlPosition(int Line, int Column);

/// <summary>A scalar.</summary>
internal sealed class ScalarNode(YamlPosition at, string text, bool isPlain) : YamlNode(at)
{
    public string Text { get; } = text;

    /// <summary>Written without quotes, so that <c>true</c>, <c>80</c> and <c>null</c> are not text.</summary>
    public bool IsPlain { get; } = isPlain;

    public bool IsNull => IsPlain && Text is "" or "~" or "null" or "Null" or "NULL";

    // YAML 1.1's words, as Kubernetes reads them: a 'no' without quotes is a boolean there.
    public bool IsBoolean
        => IsPlain && Text is "true" or "True" or "TRUE" or "false" or "False" or "FALSE"
            or "yes" or "Yes" or "YES" or "no" or "No" or "NO" or "on" or "On" or "ON" or "off" or "Off" or "OFF";

    public bool IsNumber => IsPlain && NumberSyntax.IsNumber(Text);

    public override string Description
        => IsNull ? "nothing" : IsBoolean ? "true or false" : IsNumber ? "a number" : "text";
}

/// <summary>A sequence.</summary>
internal sealed class ListNode(YamlPosition at, ImmutableArray<YamlNode> items) : YamlNode(at)
{
    public ImmutableArray<YamlNode> Items { get; } = items;

    public override string Description => "a list";
}

/// <summary>A mapping, keys in the order written and repeated where they are.</summary>
internal sealed class MapNode(YamlPosition at, ImmutableArray<MapEntry> entries) : YamlNode(at)
{
    public ImmutableArray<MapEntry> Entries { get; } = entries;

    public override string Description => "a map";
}

/// <summary>A key and its value.</summary>
internal readonly record struct MapEntry(string Key, YamlPosition At, YamlNode Value);
