using System.Globalization;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>
/// A value and its path, to be read as the type that is needed. What does not fit is reported once, at its place, and read as null, so
/// that reading goes on and finds the other mistakes.
/// </summary>
internal readonly struct YamlField(YamlNode node, string path, ReadingErrors errors)
{
    public YamlNode Node { get; } = node;

    public string Path { get; } = path;

    public ReadingErrors Errors { get; } = errors;

    /// <summary>Reports a mistake at this value.</summary>
    public void Fail(string problem, string cure)
        => Errors.Add(Node.At, Path, (Node as ScalarNode)?.Text, problem, cure);

    /// <summary>Reports something worth a look at this value.</summary>
    public void Warn(string problem, string cure)
        => Errors.Add(Node.At, Path, (Node as ScalarNode)?.Text, problem, cure, ManifestErrorSeverity.Warning);

    /// <summary>A text. Numbers and booleans without quotes are refused, as Kubernetes refuses them.</summary>
    public string? Text(TextRule? rule = null)
    {
        if (Node is not ScalarNode scalar || scalar.IsNull)
        {
            FailType("a text");
            return null;
        }

        if (scalar.IsBoolean || scalar.IsNumber)
        {
            Fail($"it is {scalar.Description}, but a text is needed", $"Write it in quotes: \"{scalar.Text}\"");
            return null;
        }

        if (rule?.Invoke(scalar.Text) is { } mistake)
        {
            Fail(mistake.Problem, mistake.Cure);
            return null;
        }

        return scalar.Text;
    }

    /// <summary>A whole number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public int? Integer(int least, int most)
    {
        if (Node is not ScalarNode { IsNumber: true } scalar)
        {
            FailType("a whole number");
            return null;
        }

        if (!long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) || value < least || value > most)
        {
            Fail("it is out of range", $"Write a whole number from {least} to {most}");
            return null;
        }

        return (int)value;
    }

    /// <summary>A number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public double? Number(double least, double most)
    {
        if (Node is not ScalarNode { IsNumber: true } scalar)
        {
            FailType("a number");
            return null;
        }

        if (!NumberSyntax.TryParseDecimal(scalar.Text, out var value) || value < least || value > most)
        {
            Fail("it is out of range", string.Create(CultureInfo.InvariantCulture, $"Write a number from {least} to {most}"));
            return null;
        }

        return value;
    }

    /// <summary><c>true</c> or <c>false</c>.</summary>
    public bool? Boolean()
    {
        if (Node is not ScalarNode { IsBoolean: true } scalar)
        {
            FailType("true or false");
            return null;
        }

        return scalar.Text.ToUpperInvariant() is "TRUE" or "YES" or "ON";
    }

    /// <summary>A duration of at least <paramref name="least"/>, or zero where <paramref name="least"/> is zero.</summary>
    public TimeSpan? Duration(DurationSyntax syntax, TimeSpan least = default)
    {
        if (Node is not ScalarNode { IsNull: false, IsBoolean: false } scalar)
        {
            FailType("a duration");
            return null;
        }

        if (Durations.Parse(scalar.Text, syntax) is not { } duration)
        {
            Fail(
                "it is not a duration",
                syntax == DurationSyntax.GatewayApi ? "Write whole numbers with h, m, s or ms, such as '500ms' or '1m30s'" : "Write numbers with h, m, s or ms, such as '1.5s', down to 1ms");
            return null;
        }

        if (duration < least || duration > Durations.Longest)
        {
            Fail("it is out of range", $"Write a duration from {Durations.Show(least)} to {Durations.Longest.TotalHours}h");
            return null;
        }

        return duration;
    }

    /// <summary>One of the words. <paramref name="notYet"/>: words of the standard that this version does not carry out.</summary>
    public T? Choice<T>(ReadOnlySpan<(string Word, T Value)> words, params ReadOnlySpan<string> notYet)
        where T : struct
    {
        if (Text() is not { } text)
        {
            return null;
        }

        foreach (var (word, value) in words)
        {
            if (word == text)
            {
                return value;
            }
        }

        var known = new string[words.Length];
        for (var i = 0; i < known.Length; i++)
        {
            known[i] = words[i].Word;
        }

        if (notYet.Contains(text))
        {
            Fail("it is not supported yet", $"Use {OneOf(known)}");
        }
        else if (NearestWord.To(text, known) is { } nearest)
        {
            Fail($"it is not {OneOf(known)}", $"Write '{nearest}'");
        }
        else
        {
            Fail("it is not a known word", $"Write {OneOf(known)}");
        }

        return null;
    }

    /// <summary>One of the words, itself.</summary>
    public string? Word(ReadOnlySpan<string> words, params ReadOnlySpan<string> notYet)
    {
        var choices = new (string, int)[words.Length];
        for (var i = 0; i < choices.Length; i++)
        {
            choices[i] = (words[i], i);
        }

        return Choice<int>(choices, notYet) is { } index ? words[index] : null;
    }

    /// <summary>A map of fields.</summary>
    public YamlMap? Map()
    {
        if (Node is MapNode map)
        {
            return new YamlMap(map, Path, Errors);
        }

        FailType("a map of fields");
        return null;
    }

    /// <summary>The items of a list; none where it is something else.</summary>
    public IEnumerable<YamlField> Items()
    {
        if (Node is not ListNode list)
        {
            FailType("a list");
            return [];
        }

        var (path, errors) = (Path, Errors);
        return list.Items.Select((item, index) => new YamlField(item, $"{path}[{index}]", errors));
    }

    private static string OneOf(string[] words)
        => words.Length == 1 ? $"'{words[0]}'" : $"one of {string.Join(", ", words)}";

    private void FailType(string needed)
    {
        if (Node is ScalarNode { IsNull: true })
        {
            Errors.Add(Node.At, Path, null, "it has no value", $"Write {needed}, or remove the field");
            return;
        }

        var unquoted = Node is ScalarNode { IsPlain: false } scalar && (NumberSyntax.IsNumber(scalar.Text) || scalar.Text is "true" or "false");
        Fail($"it is {Node.Description}, but {needed} is needed", unquoted ? "Remove the quotes" : needed switch
        {
            "a list" => "Begin each item on its own line with '- '",
            "a map of fields" => "Write fields below it, indented, each with a colon",
            _ => $"Write {needed}",
        });
    }
}
