namespace ProxylessMesh.Manifests.Reading;

/// <summary>Finds the word that somebody probably meant.</summary>
internal static class NearestWord
{
    private const int MaxLength = 64;

    /// <summary>The known word with the fewest changes to <paramref name="written"/>, without regard to case; null where none is near.</summary>
    public static string? To(string written, IEnumerable<string> known)
    {
        if (written.Length is 0 or > MaxLength)
        {
            return null;
        }

        string? nearest = null;
        var fewest = Math.Max(1, written.Length / 3) + 1;
        foreach (var word in known)
        {
            var changes = Changes(written, word);
            if (changes < fewest)
            {
                (nearest, fewest) = (word, changes);
            }
        }

        return nearest;
    }

    // Optimal string alignment: insertions, deletions, replacements and swaps of neighbours.
    private static int Changes(string left, string right)
    {
        var beforeLast = new int[right.Length + 1];
        var last = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var row = new int[right.Length + 1];
            row[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var cost = Same(left[i - 1], right[j - 1]) ? 0 : 1;
                row[j] = Math.Min(Math.Min(row[j - 1], last[j]) + 1, last[j - 1] + cost);
                if (i > 1 && j > 1 && Same(left[i - 1], right[j - 2]) && Same(left[i - 2], right[j - 1]))
                {
                    row[j] = Math.Min(row[j], beforeLast[j - 2] + 1);
                }
            }

            (beforeLast, last) = (last, row);
        }

        return last[right.Length];
    }

    private static bool Same(char left, char right) => char.ToUpperInvariant(left) == char.ToUpperInvariant(right);
}
