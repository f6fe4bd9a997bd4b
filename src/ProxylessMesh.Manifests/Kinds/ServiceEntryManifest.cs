using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>Hosts that the mesh knows beside its own services: of the world outside, or inside without joining (Istio <c>ServiceEntry</c>).</summary>
public sealed record ServiceEntryManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.ServiceEntry;

    /// <summary>DNS names in lower case, or wildcards such as <c>*.example.com</c>.</summary>
    public ImmutableArray<string> Hosts { get; init; } = [];

    /// <summary>Virtual addresses or ranges of the hosts. Calls go by name here, so they have no effect.</summary>
    public ImmutableArray<string> Addresses { get; init; } = [];

    /// <summary>Names and numbers are unique; may be empty, then nothing is known to call.</summary>
    public ImmutableArray<ServiceEntryPort> Ports { get; init; } = [];

    /// <summary>Part of the mesh: its endpoints may take mesh TLS.</summary>
    public bool IsMeshInternal { get; init; }

    /// <summary>How endpoints are found.</summary>
    public ServiceEntryResolution Resolution { get; init; }

    /// <summary>Its endpoints; empty where they are selected, or are the host itself.</summary>
    public ImmutableArray<EntryEndpoint> Endpoints { get; init; } = [];

    /// <summary>The workloads and WorkloadEntries of its namespace with these labels; null: it selects none.</summary>
    public ImmutableSortedDictionary<string, string>? WorkloadSelector { get; init; }

    /// <summary>The namespaces whose clients see it; <c>*</c>: all; <c>~</c>: none.</summary>
    public ImmutableArray<string> ExportTo { get; init; } = ["*"];

    /// <summary>Names of which the peer must prove one; empty: the host's.</summary>
    public ImmutableArray<string> SubjectAltNames { get; init; } = [];

    /// <summary>Whether clients of <paramref name="namespace"/> may see it.</summary>
    public bool IsVisibleIn(string @namespace) => ExportTo.Contains("*") || ExportTo.Contains(@namespace);
}

/// <summary>How the endpoints of a ServiceEntry are found.</summary>
public enum ServiceEntryResolution
{
    /// <summary>The name that is called, looked up by the client.</summary>
    None,

    /// <summary>The addresses of the endpoints.</summary>
    Static,

    /// <summary>The endpoints' names, or the host's own; each address is an endpoint.</summary>
    Dns,

    /// <summary>The same, but all addresses of the name are one endpoint.</summary>
    DnsRoundRobin,

    /// <summary>For wildcards: the name that is called.</summary>
    DynamicDns,
}

/// <summary>A port of a ServiceEntry.</summary>
public sealed record ServiceEntryPort
{
    /// <summary>The port that callers name.</summary>
    public required int Number { get; init; }

    /// <summary>Unique in the entry.</summary>
    public required string Name { get; init; }

    /// <summary><c>HTTP</c>, <c>HTTP2</c>, <c>GRPC</c>, <c>HTTPS</c>, <c>TLS</c>, …, in capitals; empty: not said.</summary>
    public string Protocol { get; init; } = "";

    /// <summary>The port of the endpoint; null: the same.</summary>
    public int? TargetPort { get; init; }
}

/// <summary>Something that serves without having joined (Istio <c>WorkloadEntry</c>, and <c>endpoints</c> of a ServiceEntry).</summary>
public sealed record EntryEndpoint
{
    /// <summary>An IP address or a DNS name; empty: nothing that can be reached.</summary>
    public required string Address { get; init; }

    /// <summary>Its ports by the names of the ServiceEntry's.</summary>
    public ImmutableSortedDictionary<string, int> Ports { get; init; } = ImmutableSortedDictionary.Create<string, int>(StringComparer.Ordinal);

    /// <summary>What selectors and subsets see.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; init; } = LabelSet.Empty;

    /// <summary><c>region/zone/subzone</c>; parts may be missing.</summary>
    public string Locality { get; init; } = "";

    /// <summary>Its share beside the others.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>The account whose identity it proves; empty: <c>default</c>.</summary>
    public string ServiceAccount { get; init; } = "";

    /// <summary>It takes mesh TLS: the label <c>security.istio.io/tlsMode</c> is <c>istio</c>.</summary>
    public bool TakesMeshTls => Labels.TryGetValue("security.istio.io/tlsMode", out var mode) && mode == "istio";
}

/// <summary>One workload that has not joined (Istio <c>WorkloadEntry</c>).</summary>
public sealed record WorkloadEntryManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.WorkloadEntry;

    /// <summary>Where and what it is.</summary>
    public required EntryEndpoint Endpoint { get; init; }
}
