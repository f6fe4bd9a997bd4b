namespace ProxylessMesh.Tool.Checks;

/// <summary>What Kestrel makes of the path of a request: escapes decoded but <c>%2F</c>, then dot segments resolved.</summary>
internal static class KestrelPath
{
    private const string Slash = "%2f";

    public static string Decode(string path)
    {
        // Each piece between escaped slashes is decoded; they stay as they were written.
        var decoded = new System.Text.StringBuilder(path.Length);
        var start = 0;
        while (path.IndexOf(Slash, start, StringComparison.OrdinalIgnoreCase) is >= 0 and var at)
        {
            decoded.Append(Uri.UnescapeDataString(path[start..at])).Append(path, at, Slash.Length);
            start = at + Slash.Length;
        }

        return WithoutDots(decoded.Append(Uri.UnescapeDataString(path[start..])).ToString());
    }

    private static string WithoutDots(string path)
    {
        if (!path.StartsWith('/'))
        {
            return "/" + path;
        }

        var segments = new List<string>();
        var parts = path.Split('/');
        for (var i = 1; i < parts.Length; i++)
        {
            if (parts[i] == "..")
            {
                segments.RemoveRange(Math.Max(0, segments.Count - 1), Math.Min(1, segments.Count));
            }

            if (parts[i] is not ("." or ".."))
            {
                segments.Add(parts[i]);
            }
            else if (i == parts.Length - 1)
            {
                segments.Add("");
            }
        }

        return "/" + string.Join('/', segments);
    }
}
