namespace ProxylessMesh.Rbac;

/// <summary>
/// The ways in which one path may be written so that an application takes it for another: ASP.NET's routing ignores case and a slash at the
/// end, file servers merge slashes, and some decode <c>%2F</c> and take backslashes for slashes.
/// </summary>
/// <remarks>
/// A rule that keeps callers out must hold for every spelling; a rule that lets them in, for the path as it stands. Which of the two a
/// condition does is known when the rule is compiled: it follows from the action and from the negations around it.
/// </remarks>
internal static class PathSpellings
{
    private const int OnStack = 512;

    /// <summary>Whether one spelling of the path matches. Allocates only for paths longer than anybody's.</summary>
    /// <param name="path">As the server decoded it.</param>
    /// <param name="matcher">Ignores case.</param>
    public static bool Matches<TMatcher>(ReadOnlySpan<char> path, TMatcher matcher)
        where TMatcher : struct, IPathTest
    {
        if (matcher.Matches(path))
        {
            return true;
        }

        var buffer = path.Length + 2 <= OnStack ? stackalloc char[OnStack] : new char[path.Length + 2];
        var simple = Simplify(path, buffer);
        if (matcher.Matches(simple))
        {
            return true;
        }

        if (simple is "/")
        {
            return false;
        }

        buffer[simple.Length] = '/';
        return matcher.Matches(buffer[..(simple.Length + 1)]);
    }

    /// <summary>Escaped slashes decoded, backslashes turned, dot segments resolved, slashes merged, none at the end.</summary>
    internal static ReadOnlySpan<char> Simplify(ReadOnlySpan<char> path, Span<char> buffer)
    {
        var length = 0;
        for (var i = 0; i < path.Length;)
        {
            var letter = Next(path, ref i);
            if (letter != '/')
            {
                buffer[length++] = letter;
            }
            else if (CloseSegment(buffer, ref length))
            {
                buffer[length++] = '/';
            }
        }

        CloseSegment(buffer, ref length);
        while (length > 1 && buffer[length - 1] == '/')
        {
            length--;
        }

        if (length == 0)
        {
            buffer[length++] = '/';
        }

        return buffer[..length];
    }

    private static char Next(ReadOnlySpan<char> path, ref int index)
    {
        var letter = path[index++];
        if (letter == '%' && index + 1 < path.Length)
        {
            var escaped = (path[index], (char)(path[index + 1] | 0x20));
            if (escaped is ('2', 'f') or ('5', 'c'))
            {
                index += 2;
                return '/';
            }
        }

        return letter == '\\' ? '/' : letter;
    }

    // A dot segment goes, ".." with the one before it. False: a slash stands at the end already.
    private static bool CloseSegment(Span<char> buffer, ref int length)
    {
        var start = buffer[..length].LastIndexOf('/') + 1;
        var segment = buffer[start..length];
        if (segment is ".")
        {
            length = start;
        }
        else if (segment is "..")
        {
            length = start == 0 ? 0 : buffer[..(start - 1)].LastIndexOf('/') + 1;
        }

        return length == 0 || buffer[length - 1] != '/';
    }
}

/// <summary>A test of a path, as a struct so that it is called directly.</summary>
internal interface IPathTest
{
    bool Matches(ReadOnlySpan<char> path);
}
