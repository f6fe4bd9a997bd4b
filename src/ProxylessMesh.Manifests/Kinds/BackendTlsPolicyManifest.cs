using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>TLS as of a web server towards a Service's backends (Gateway API <c>BackendTLSPolicy</c>), in place of the mesh's own.</summary>
public sealed record BackendTlsPolicyManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.BackendTlsPolicy;

    /// <summary>The Services of the policy's namespace that it is for. Targets of other kinds, which nothing here is, are left out.</summary>
    public ImmutableArray<BackendTlsTarget> Targets { get; init; } = [];

    /// <summary>The name asked for in the handshake, and that the certificate must be for unless <see cref="SubjectAltNames"/> say otherwise.</summary>
    public string HostName { get; init; } = "";

    /// <summary>ConfigMaps of the namespace whose <c>ca.crt</c> holds roots; with none, the roots of the operating system (<c>wellKnownCACertificates: System</c>).</summary>
    public ImmutableArray<string> CaConfigMaps { get; init; } = [];

    /// <summary>The roots are named in a way that nothing here can resolve: calls fail, as the standard asks, and are never sent unprotected.</summary>
    public bool HasUnknownRoots { get; init; }

    /// <summary>The certificate must be for one of these; empty: for <see cref="HostName"/>.</summary>
    public ImmutableArray<BackendTlsName> SubjectAltNames { get; init; } = [];
}

/// <summary>A Service, or one port of it.</summary>
/// <param name="Name">Name of the Service.</param>
/// <param name="PortName">The port by its name; null: all.</param>
public sealed record BackendTlsTarget(string Name, string? PortName);

/// <summary>A name that a certificate may be for.</summary>
/// <param name="Value">A host name, perhaps with <c>*.</c> in front, or a URI.</param>
/// <param name="IsUri">A URI.</param>
public sealed record BackendTlsName(string Value, bool IsUri);
