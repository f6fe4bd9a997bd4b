using System.Globalization;
using System.Text;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>The mistakes found in one file so far. Bounded: a hostile file cannot fill memory with messages.</summary>
internal sealed class ReadingErrors(string file)
{
    private const int Capacity = 1000;
    private const int ShownLength = 80;

    private readonly List<ManifestError> _errors = [];

    /// <summary>Kind, namespace and name of the document being read.</summary>
    public string Subject { get; set; } = "";

    /// <summary>Errors, without warnings, however many were kept.</summary>
    public int ErrorCount { get; private set; }

    public IReadOnlyList<ManifestError> Found => _errors;

    /// <summary>Hears of every field that a reader asks for: its path, and whether it is written. For the test that compares the README with the readers.</summary>
    public Action<string, bool>? FieldAsked { get; init; }

    public void Add(YamlPosition at, string field, string? value, string problem, string cure, ManifestErrorSeverity severity = ManifestErrorSeverity.Error)
    {
        if (severity == ManifestErrorSeverity.Error)
        {
            ErrorCount++;
        }

        if (_errors.Count < Capacity)
        {
            _errors.Add(new ManifestError
            {
                File = file,
                Line = at.Line,
                Column = at.Column,
                Subject = Subject,
                Field = field,
                Value = value is null ? null : Show(value),
                Problem = problem,
                Cure = cure,
                Severity = severity,
            });
        }
        else if (_errors.Count == Capacity)
        {
            _errors.Add(new ManifestError
            {
                File = file,
                Line = at.Line,
                Column = at.Column,
                Problem = $"the file has more than {Capacity} mistakes",
                Cure = "Correct these first, then look again",
            });
        }
    }

    /// <summary>A text as it can be printed: one line, no control characters, not long.</summary>
    public static string Show(string value)
    {
        var shown = new StringBuilder();
        foreach (var character in value)
        {
            if (shown.Length >= ShownLength)
            {
                return shown.Append('…').ToString();
            }

            _ = char.IsControl(character) || char.IsSurrogate(character)
                ? shown.Append("\\u").Append(((int)character).ToString("x4", CultureInfo.InvariantCulture))
                : shown.Append(character);
        }

        return shown.ToString();
    }
}
