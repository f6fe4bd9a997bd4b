namespace ProxylessMesh.Client.Outbound;

/// <summary>Content headers of one body for another that stands in for it.</summary>
internal static class ContentHeaders
{
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
