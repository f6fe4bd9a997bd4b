using System.Diagnostics.CodeAnalysis;

namespace ProxylessMesh.Xds.Matching;

/// <summary>What a matcher may ask of a request. Implemented by one struct per side, so calls are direct and box nothing.</summary>
internal interface IMatchInput
{
    /// <summary>The path without its query, as the application sees it.</summary>
    ReadOnlySpan<char> Path { get; }

    /// <summary>What stands behind <c>?</c>, without it; empty where there is none.</summary>
    ReadOnlySpan<char> Query { get; }

    string Method { get; }

    /// <summary><c>http</c> or <c>https</c>, as the caller wrote it; empty where there is none.</summary>
    string Scheme { get; }

    /// <summary>Host, and port where it is not the scheme's own.</summary>
    string Authority { get; }

    /// <summary>A header by its name in lower case; several values are joined by a comma. Pseudo-headers are not asked here.</summary>
    bool TryGetHeader(string name, [NotNullWhen(true)] out string? value);
}
