using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Authorization;

/// <summary>
/// Brings the path of a request into the form that the policy of its port asks for, before rules look at it. The application gets the same
/// path: what is matched is what it will see.
/// </summary>
/// <remarks>
/// Kestrel has decoded all escapes but <c>%2F</c> and has resolved dot segments already. What is left to do is what Envoy does and Kestrel
/// does not: backslashes, neighbouring slashes, escaped slashes.
/// </remarks>
internal static class RequestPath
{
    /// <summary>False: the path can be read in two ways, and the policy asks to refuse it.</summary>
    public static bool Prepare(HttpContext context, PathOptions options)
    {
        var path = context.Request.Path.Value;
        if (string.IsNullOrEmpty(path) || options == default)
        {
            return true;
        }

        if (options.EscapedSlashes == EscapedSlashes.Reject && IsAmbiguous(path, context))
        {
            return false;
        }

        var form = path;
        if (options.EscapedSlashes == EscapedSlashes.Unescape)
        {
            form = PathNormalization.UnescapeSlashes(form);
        }

        if (options.Normalizes && (form.Contains('\\', StringComparison.Ordinal) || !ReferenceEquals(form, path)))
        {
            form = ResolveDots(form.Replace('\\', '/'));
        }

        if (options.MergesSlashes)
        {
            form = MergeSlashes(form);
        }

        if (!ReferenceEquals(form, path))
        {
            context.Request.Path = new PathString(form);
        }

        return true;
    }

    // A decoded backslash may have come as itself or as %5C; "//" is an empty segment, which some merge and some do not; a percent sign that
    // is left was written %25 and would be decoded by whoever decodes again.
    private static bool IsAmbiguous(string path, HttpContext context)
        => path.AsSpan().ContainsAny('\\', '%')
            || path.Contains("//", StringComparison.Ordinal)
            || path.Contains('\0', StringComparison.Ordinal)
            || context.Features.Get<IHttpRequestFeature>()?.RawTarget is { } raw && HasDotEscapes(raw);

    // "%2e" is a dot that somebody hid; there is no other reason to write it so.
    private static bool HasDotEscapes(string raw)
    {
        var query = raw.IndexOf('?', StringComparison.Ordinal);
        return (query < 0 ? raw.AsSpan() : raw.AsSpan(0, query)).Contains("%2e", StringComparison.OrdinalIgnoreCase);
    }

    // The text is decoded, so segments are compared as they stand: to look for "%2e" here would decode twice.
    private static string ResolveDots(string path)
    {
        if (!path.Contains("/.", StringComparison.Ordinal))
        {
            return path;
        }

        var segments = new List<string>();
        var parts = path.Split('/');
        for (var i = 1; i < parts.Length; i++)
        {
            if (parts[i] == ".." && segments.Count > 0)
            {
                segments.RemoveAt(segments.Count - 1);
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

    // In a path that is decoded a '?' is a letter, so Envoy's operation on written paths does not fit.
    private static string MergeSlashes(string path)
    {
        while (path.Contains("//", StringComparison.Ordinal))
        {
            path = path.Replace("//", "/", StringComparison.Ordinal);
        }

        return path;
    }
}
