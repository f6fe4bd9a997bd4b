using System.Buffers;

namespace ProxylessMesh.Spiffe;

/// <summary>The grammar of SPIFFE-ID §2, on spans: no allocation, no exception.</summary>
internal static class SpiffeIdSyntax
{
    /// <summary>Longest SPIFFE ID in bytes (SPIFFE-ID §2.3).</summary>
    public const int MaxIdLength = 2048;

    public const int MaxTrustDomainLength = 255;

    public const string Scheme = "spiffe://";

    private static readonly SearchValues<char> TrustDomainChars = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789.-_");

    private static readonly SearchValues<char> PathChars = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");

    public static bool IsTrustDomain(ReadOnlySpan<char> name)
        => name.Length is > 0 and <= MaxTrustDomainLength && !name.ContainsAnyExcept(TrustDomainChars);

    /// <summary>Empty, or <c>/</c> and segments that are not empty, <c>.</c> or <c>..</c>.</summary>
    public static bool IsPath(ReadOnlySpan<char> path)
    {
        if (path.IsEmpty)
        {
            return true;
        }

        if (path[0] != '/')
        {
            return false;
        }

        path = path[1..];
        foreach (var range in path.Split('/'))
        {
            if (!IsSegment(path[range]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>One part of a path, without slashes.</summary>
    public static bool IsSegment(ReadOnlySpan<char> segment) => !segment.IsEmpty && segment is not ("." or "..") && !segment.ContainsAnyExcept(PathChars);
}
