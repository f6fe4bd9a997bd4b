using System.Collections.Immutable;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>
/// Turns the text of a file into trees of nodes. Files come from people and from the network, so size, depth and number of nodes are
/// limited, and aliases are refused: a few of them expand to any size, and Kubernetes' own tools expand them before anybody sees them.
/// </summary>
internal sealed class YamlDocuments
{
    public const int MaxBytes = 1024 * 1024;
    public const int MaxDepth = 50;
    public const int MaxNodes = 100_000;

    private static readonly string[] CoreTags = [.. ((string[])["str", "int", "float", "bool", "null", "seq", "map"]).Select(name => "tag:yaml.org,2002:" + name)];

    private readonly Parser _parser;
    private readonly ReadingErrors _errors;
    private int _depth;
    private int _nodes;

    private YamlDocuments(string text, ReadingErrors errors)
    {
        _parser = new Parser(new StringReader(text));
        _errors = errors;
    }

    /// <summary>The root of every document that is not empty. After a syntax error, the documents before it.</summary>
    public static ImmutableArray<YamlNode> Read(string text, ReadingErrors errors)
    {
        if (!IsAcceptable(text, errors))
        {
            return [];
        }

        var documents = ImmutableArray.CreateBuilder<YamlNode>();
        try
        {
            new YamlDocuments(text, errors).ReadAll(documents);
        }
        catch (YamlException e)
        {
            errors.Add(Position(e.Start), "", null, $"this is not YAML: {Sentence(e)}", "Correct it here or just before; look for a wrong indent, a missing colon or quote");
        }
        catch (LimitException e)
        {
            errors.Add(e.At, "", null, e.Message, e.Cure);
        }

        return documents.ToImmutable();
    }

    private static bool IsAcceptable(string text, ReadingErrors errors)
    {
        if (text.Length > MaxBytes || Encoding.UTF8.GetByteCount(text) > MaxBytes)
        {
            errors.Add(new YamlPosition(1, 1), "", null, $"the file is larger than {MaxBytes / 1024} KiB", "Split it into several files");
            return false;
        }

        // The parser takes a NUL for the end of the text: what follows would be ignored.
        var nul = text.IndexOf('\0', StringComparison.Ordinal);
        if (nul >= 0)
        {
            var before = text.AsSpan(0, nul);
            var at = new YamlPosition(before.Count('\n') + 1, nul - before.LastIndexOf('\n'));
            errors.Add(at, "", null, "the file has a NUL character", "Remove it; manifests are plain UTF-8 text");
            return false;
        }

        return true;
    }

    private void ReadAll(ImmutableArray<YamlNode>.Builder documents)
    {
        while (Advance())
        {
            if (_parser.Current is DocumentStart)
            {
                _ = Advance();
                var root = ReadNode();
                if (root is not ScalarNode { IsNull: true })
                {
                    documents.Add(root);
                }
            }
        }
    }

    // The parser has states that it believes impossible and hostile text reaches: it then throws what is no YamlException.
    private bool Advance()
    {
        var before = _parser.Current?.End ?? Mark.Empty;
        try
        {
            return _parser.MoveNext();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException)
        {
            throw new YamlException(before, before, "the text after this cannot be parsed", e);
        }
    }

    private YamlNode ReadNode()
    {
        var parsed = _parser.Current ?? throw new YamlException("the document ends too early");
        var at = Position(parsed.Start);
        if (++_nodes > MaxNodes)
        {
            throw new LimitException(at, $"the file has more than {MaxNodes} values", "Split it into several files");
        }

        if (parsed is AnchorAlias alias)
        {
            throw new LimitException(at, $"'*{ReadingErrors.Show(alias.Value.Value)}' is an alias, and aliases are not read", "Write the value out here");
        }

        if (parsed is NodeEvent { Tag: { IsEmpty: false, IsNonSpecific: false } tag } && !CoreTags.Contains(tag.Value))
        {
            throw new LimitException(at, $"the tag '{ReadingErrors.Show(tag.Value)}' is not known", "Remove it");
        }

        return parsed switch
        {
            Scalar scalar => new ScalarNode(at, scalar.Value, scalar.Style == ScalarStyle.Plain && scalar.Tag.IsEmpty),
            SequenceStart => ReadList(at),
            MappingStart => ReadMap(at),
            _ => throw new YamlException(parsed.Start, parsed.End, "a value is missing"),
        };
    }

    private ListNode ReadList(YamlPosition at)
    {
        Descend(at);
        var items = ImmutableArray.CreateBuilder<YamlNode>();
        while (Advance() && _parser.Current is not SequenceEnd)
        {
            items.Add(ReadNode());
        }

        _depth--;
        return new ListNode(at, items.ToImmutable());
    }

    private MapNode ReadMap(YamlPosition at)
    {
        Descend(at);
        var entries = ImmutableArray.CreateBuilder<MapEntry>();
        while (Advance() && _parser.Current is not MappingEnd)
        {
            var key = ReadNode();
            _ = Advance();
            var value = ReadNode();
            if (key is ScalarNode scalar)
            {
                entries.Add(new MapEntry(scalar.Text, key.At, value));
            }
            else
            {
                _errors.Add(key.At, "", null, $"a key is {key.Description}", "Write a name and a colon");
            }
        }

        _depth--;
        return new MapNode(at, entries.ToImmutable());
    }

    private void Descend(YamlPosition at)
    {
        if (++_depth > MaxDepth)
        {
            throw new LimitException(at, $"values are nested deeper than {MaxDepth}", "No manifest needs that; look for brackets that are never closed");
        }
    }

    private static YamlPosition Position(in Mark mark) => new((int)Math.Max(1, mark.Line), (int)Math.Max(1, mark.Column));

    private static string Sentence(YamlException e)
    {
        var text = e.Message.TrimEnd('.');
        return text.Length == 0 ? "it cannot be parsed" : char.ToLowerInvariant(text[0]) + ReadingErrors.Show(text[1..]);
    }

    private sealed class LimitException(YamlPosition at, string problem, string cure) : Exception(problem)
    {
        public YamlPosition At { get; } = at;

        public string Cure { get; } = cure;
    }
}
