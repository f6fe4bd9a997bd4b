namespace ProxylessMesh.Manifests.Reading;

/// <summary>Header names in the form in which HTTP/2 sends them.</summary>
internal static class HeaderNames
{
#pragma warning disable CA1308 // HTTP/2 asks for lower case (RFC 9113 §8.2).
    public static string Lower(string name) => name.ToLowerInvariant();
#pragma warning restore CA1308
}
