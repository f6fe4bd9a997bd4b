namespace ProxylessMesh.Manifests;

/// <summary>One mistake in a file: where it is, what is wrong with which value, and what to write instead.</summary>
public sealed record ManifestError
{
    /// <summary>The name of the file as the reader was given it.</summary>
    public required string File { get; init; }

    /// <summary>From 1.</summary>
    public required int Line { get; init; }

    /// <summary>From 1.</summary>
    public required int Column { get; init; }

    /// <summary>Kind, namespace and name of the manifest, such as <c>HTTPRoute shop/catalog</c>; empty where that is not known yet.</summary>
    public string Subject { get; init; } = "";

    /// <summary>Path of the field, such as <c>spec.rules[0].matches[1].path.type</c>; empty for the document as a whole.</summary>
    public string Field { get; init; } = "";

    /// <summary>What is written there, shortened and with control characters escaped; null: nothing, or a list or map.</summary>
    public string? Value { get; init; }

    /// <summary>What is wrong, without a full stop.</summary>
    public required string Problem { get; init; }

    /// <summary>What to do, without a full stop.</summary>
    public required string Cure { get; init; }

    /// <summary>Whether the manifest is refused for this.</summary>
    public ManifestErrorSeverity Severity { get; init; }

    /// <summary>All of it without the place, as a sentence or two.</summary>
    public string Message
    {
        get
        {
            var subject = Subject.Length == 0 ? "" : Subject + ": ";
            var place = (Field.Length, Value) switch
            {
                (0, null) => "",
                (0, _) => $"'{Value}': ",
                (_, null) => Field + ": ",
                _ => $"{Field} is '{Value}': ",
            };
            return $"{subject}{place}{Problem}. {Cure}.";
        }
    }

    /// <summary><c>file:line:column: error: message</c>, the form that editors and terminals link.</summary>
    public override string ToString()
        => $"{File}:{Line}:{Column}: {(Severity == ManifestErrorSeverity.Error ? "error" : "warning")}: {Message}";
}

/// <summary>How bad a mistake is.</summary>
public enum ManifestErrorSeverity
{
    /// <summary>The manifest is not taken.</summary>
    Error,

    /// <summary>The manifest is taken; somebody should look.</summary>
    Warning,
}
