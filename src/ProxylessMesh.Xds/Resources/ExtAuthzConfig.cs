using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

/// <summary><c>envoy.filters.http.ext_authz</c>.</summary>
internal sealed record ExtAuthzFilterConfig(string Name, ExtAuthzConfig Authorizer) : HttpFilterConfig(Name);

/// <summary>A valid <c>ExtAuthz</c>: who is asked about a request, and what holds without an answer.</summary>
internal sealed record ExtAuthzConfig
{
    /// <summary>Host and port, as a name of the mesh.</summary>
    public required string Authority { get; init; }

    public TimeSpan Timeout { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Without an answer the request passes.</summary>
    public bool FailureModeAllow { get; init; }

    /// <summary>Without an answer; 400-599.</summary>
    public int StatusOnError { get; init; } = 403;

    /// <summary>Null: the question is without the body.</summary>
    public ExtAuthzBodyConfig? Body { get; init; }

    /// <summary>Only requests of which earlier filters wrote this; null: all.</summary>
    public MetadataMatcher? EnabledBy { get; init; }

    /// <summary>The question has the name that the caller asked for in the TLS handshake.</summary>
    public bool IncludesTlsSession { get; init; }
}

/// <summary>How much of a body is part of the question.</summary>
/// <param name="MaxBytes">The most.</param>
/// <param name="AllowsPartial">A longer body is cut; otherwise its request is answered with 413.</param>
/// <param name="AsBytes">As bytes, and not as UTF-8 text.</param>
internal sealed record ExtAuthzBodyConfig(int MaxBytes, bool AllowsPartial, bool AsBytes);
