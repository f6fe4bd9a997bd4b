using System.Net;

namespace ProxylessMesh.Summaries;

/// <summary>
/// What makes calls alike. Texts that the caller chose are bounded, and the query and header values are never part of it: both may
/// carry secrets. Null: not known, because many kinds of calls are counted under this key.
/// </summary>
internal readonly record struct CallKey
{
    private const int MaxMethod = 16;
    private const int MaxPath = 256;
    private const int MaxHost = 255;

    /// <summary>The SPIFFE ID; null: the caller proved none.</summary>
    public string? Caller { get; init; }

    /// <summary>Where a caller without an ID is; for others the address is no part of the key.</summary>
    public IPAddress? Address { get; init; }

    public bool IsTls { get; init; }

    public string? Method { get; init; }

    /// <summary>As Kestrel decoded it.</summary>
    public string? Path { get; init; }

    /// <summary>The route template that took the call; null where none did or none is known.</summary>
    public string? Endpoint { get; init; }

    public string? Host { get; init; }

    /// <summary>The port that Kestrel listens on.</summary>
    public int Port { get; init; }

    /// <summary>Which of the policies that the port has had decided.</summary>
    public int Revision { get; init; }

    public CallOutcome Outcome { get; init; }

    /// <summary>The policy that decided; null: none matched.</summary>
    public string? Policy { get; init; }

    /// <summary>Whose part of the memory it uses up.</summary>
    public string Share => Caller ?? "";

    /// <summary>
    /// The same for every path of the endpoint; null where the path does not begin as the template does, or is written so that it could be read
    /// as another: such a path stays by itself.
    /// </summary>
    public CallKey? Folded => Endpoint is not null && Path is not null && Path.AsSpan().StartsWith(Literal(Endpoint), StringComparison.Ordinal) && IsPlain(Path) ? this with { Path = null } : null;

    /// <summary>The same for everything that this caller does with this outcome.</summary>
    public CallKey Rest => this with { Address = null, Method = null, Path = null, Endpoint = null, Host = null };

    /// <summary>With the caller's texts bounded: what is too long is not kept, not even in part.</summary>
    public CallKey Bounded() => this with
    {
        Method = Method?.Length <= MaxMethod ? Method : null,
        Path = Path?.Length <= MaxPath ? Path : null,
        Host = Host?.Length <= MaxHost ? Host : null,
    };

    /// <summary>What every path of a template begins with: the text before its first parameter.</summary>
    public static ReadOnlySpan<char> Literal(string template)
    {
        var parameter = template.IndexOf('{', StringComparison.Ordinal);
        return parameter < 0 ? template : template.AsSpan(0, parameter);
    }

    private static bool IsPlain(ReadOnlySpan<char> path)
        => !path.ContainsAny('%', '\\') && !path.Contains("//", StringComparison.Ordinal) && !path.Contains("/.", StringComparison.Ordinal);

    // The rest of the key adds little, and each part costs every call.
    public override int GetHashCode() => HashCode.Combine(Path, Caller, Port, Endpoint, Outcome);
}

/// <summary>What became of a call.</summary>
internal enum CallOutcome
{
    Allowed,
    Denied,

    /// <summary>Let in by <c>Mesh:Inbound:ProbePaths</c>, whatever the policies and the mode.</summary>
    Probe,
}
