using System.Globalization;
using System.Text;

namespace ProxylessMesh.Xds.Resources;

/// <summary>
/// All mistakes of one resource, each with the path of its field in the names of the .proto files:
/// <c>clusters[orders].outlier_detection.interval = -1s; must be &gt;= 0</c>. Made for one resource, used by one thread.
/// </summary>
internal sealed class DecodeErrors
{
    private const int MaxErrors = 20;
    private const int MaxValueLength = 120;

    private readonly List<Segment> _path = [];
    private readonly List<string> _errors = [];
    private int _dropped;

    public bool IsEmpty => _errors.Count == 0;

    /// <summary>Enters a field; the scope's end leaves it.</summary>
    public Scope In(string field) => Push(new Segment(field, null, -1));

    /// <summary>Enters one element of a repeated field.</summary>
    public Scope In(string field, int index) => Push(new Segment(field, null, index));

    /// <summary>Enters the element of that name or key.</summary>
    public Scope In(string field, string key) => Push(new Segment(field, key, -1));

    /// <summary>The thing at the current path is wrong.</summary>
    public void Add(string problem) => Write(PathText(null) + ": " + problem);

    /// <summary>A field below the current path has a bad value.</summary>
    public void Add(string field, object? value, string rule)
        => Write($"{PathText(field)} = {Printable(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")}; {rule}");

    /// <summary>A field below the current path is not set.</summary>
    public void AddMissing(string field) => Write($"{PathText(field)} is missing");

    public override string ToString()
        => string.Join("; and ", _errors) + (_dropped > 0 ? $"; and {_dropped.ToString(CultureInfo.InvariantCulture)} more" : "");

    /// <summary>Text from the wire, short and on one line: it goes to logs and back to the server.</summary>
    public static string Printable(string text)
    {
        var cut = text.Length > MaxValueLength ? text[..MaxValueLength] + "…" : text;
        return string.Create(cut.Length, cut, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                // A lone half of a surrogate pair could not be encoded in a NACK.
                span[i] = char.IsControl(source[i]) || char.IsSurrogate(source[i]) ? '?' : source[i];
            }
        });
    }

    private Scope Push(Segment segment)
    {
        _path.Add(segment);
        return new Scope(_path);
    }

    private void Write(string error)
    {
        if (_errors.Count < MaxErrors)
        {
            _errors.Add(error);
        }
        else
        {
            _dropped++;
        }
    }

    private string PathText(string? field)
    {
        var text = new StringBuilder();
        foreach (var segment in _path)
        {
            text.Append(text.Length > 0 ? "." : "").Append(segment.Field);
            if (segment.Key is not null)
            {
                text.Append('[').Append(Printable(segment.Key)).Append(']');
            }
            else if (segment.Index >= 0)
            {
                text.Append('[').Append(segment.Index.ToString(CultureInfo.InvariantCulture)).Append(']');
            }
        }

        return field is null ? text.ToString() : text.Append(text.Length > 0 ? "." : "").Append(field).ToString();
    }

    /// <summary>Leaves the field on dispose.</summary>
    internal readonly ref struct Scope(List<Segment> path)
    {
        public void Dispose() => path.RemoveAt(path.Count - 1);
    }

    /// <summary>One step of a path.</summary>
    internal readonly record struct Segment(string Field, string? Key, int Index);
}
