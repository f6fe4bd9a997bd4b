using System.Globalization;

namespace ProxylessMesh.Client.Outbound;

/// <summary>Content headers of one body for another that stands in for it.</summary>
internal static class ContentHeaders
{
    /// <summary>The body is known to have no byte.</summary>
    public static bool SayEmpty(HttpContent content)
        // As the header came: the parsed value is stored as an object, and written as text again when headers are copied.
        => content.Headers.NonValidated.TryGetValues("Content-Length", out var values) && long.TryParse(values.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            ? length == 0
            : content.Headers.ContentLength == 0;

    public static void Copy(HttpContent from, HttpContent to)
    {
        // Asking for the length makes a content that knows it say so.
        var length = from.Headers.ContentLength;
        foreach (var (name, values) in from.Headers.NonValidated)
        {
            to.Headers.TryAddWithoutValidation(name, values);
        }

        if (length is not null && to.Headers.ContentLength is null)
        {
            to.Headers.ContentLength = length;
        }
    }
}
