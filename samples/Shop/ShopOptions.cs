namespace Shop;

/// <summary>What the user asked for.</summary>
internal sealed record ShopOptions
{
    /// <summary>One JSON object on standard output, and nothing else.</summary>
    public bool Json { get; init; }

    /// <summary>The chapters to play, by number; empty: all.</summary>
    public IReadOnlySet<int> Chapters { get; init; } = new HashSet<int>();

    /// <summary>How long each measurement lasts.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Stay up after the last chapter.</summary>
    public bool Keep { get; init; }

    /// <summary>Calls per second.</summary>
    public double Rate { get; init; } = 150;

    /// <summary>Where to put manifests, state and logs; <see langword="null"/>: a temporary folder.</summary>
    public DirectoryInfo? Folder { get; init; }
}
