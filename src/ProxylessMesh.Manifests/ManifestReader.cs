using System.Collections.Immutable;
using ProxylessMesh.Manifests.Reading;
using ProxylessMesh.Manifests.Validation;

namespace ProxylessMesh.Manifests;

/// <summary>Turns files of YAML into manifests, or into all the mistakes in them at once. Never throws for what a file contains.</summary>
public static class ManifestReader
{
    private static readonly KindReader[] Readers =
    [
        new(ManifestKind.Service, [], ServiceReader.Read),
        new(ManifestKind.Namespace, [], NamespaceReader.Read),
        new(ManifestKind.HttpRoute, ["gateway.networking.k8s.io/v1beta1"], HttpRouteReader.Read),
        new(ManifestKind.ConfigMap, [], ConfigMapReader.Read),
        new(ManifestKind.GrpcRoute, [], GrpcRouteReader.Read),
        new(ManifestKind.ReferenceGrant, ["gateway.networking.k8s.io/v1beta1"], ReferenceGrantReader.Read),
        new(ManifestKind.BackendTlsPolicy, ["gateway.networking.k8s.io/v1alpha3"], BackendTlsPolicyReader.Read),
        new(ManifestKind.AuthorizationPolicy, ["security.istio.io/v1beta1"], AuthorizationPolicyReader.Read),
        new(ManifestKind.PeerAuthentication, ["security.istio.io/v1beta1"], PeerAuthenticationReader.Read),
        new(ManifestKind.RequestAuthentication, ["security.istio.io/v1beta1"], RequestAuthenticationReader.Read),
        new(ManifestKind.DestinationRule, ["networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"], DestinationRuleReader.Read),
        new(ManifestKind.VirtualService, ["networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"], VirtualServiceReader.Read),
        new(ManifestKind.Sidecar, ["networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"], SidecarReader.Read),
        new(ManifestKind.ServiceEntry, ["networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"], ServiceEntryReader.Read),
        new(ManifestKind.WorkloadEntry, ["networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"], WorkloadEntryReader.Read),
        new(ManifestKind.MeshTrafficPolicy, [], MeshTrafficPolicyReader.Read),
        new(ManifestKind.InboundLimits, [], InboundLimitsReader.Read),
        new(ManifestKind.FaultExperiment, [], FaultExperimentReader.Read),
        new(ManifestKind.MeshConfig, [], MeshConfigReader.Read),
        new(ManifestKind.WorkloadIdentity, [], WorkloadIdentityReader.Read),
        new(ManifestKind.FederatedTrustDomain, [], FederatedTrustDomainReader.Read),
    ];

    private static readonly string[] KindsNotYet =
    [
        "TCPRoute", "TLSRoute", "UDPRoute", "Gateway", "GatewayClass", "XBackendTrafficPolicy",
        "WorkloadGroup", "EnvoyFilter", "ProxyConfig", "Telemetry", "WasmPlugin",
        "ServiceAccount", "EndpointSlice", "Endpoints", "List",
    ];

    /// <summary>Reads one file and checks its manifests against each other.</summary>
    public static ManifestReading Read(string text, string fileName) => Read([new ManifestFile(fileName, text)]);

    /// <summary>Reads files, in the order of their names, and checks all manifests against each other.</summary>
    public static ManifestReading Read(IEnumerable<ManifestFile> files) => Read(files, null);

    internal static ManifestReading Read(IEnumerable<ManifestFile> files, Action<string, bool>? fieldAsked)
    {
        ArgumentNullException.ThrowIfNull(files);
        var documents = new List<ReadDocument>();
        var findings = new List<ManifestError>();
        foreach (var file in files.OrderBy(file => file.Name, StringComparer.Ordinal))
        {
            var errors = new ReadingErrors(file.Name) { FieldAsked = fieldAsked };
            foreach (var root in YamlDocuments.Read(file.Text, errors))
            {
                if (ReadOne(root, file.Name, documents.Count, errors) is { } document)
                {
                    documents.Add(document);
                }
            }

            findings.AddRange(errors.Found);
        }

        documents = ByAge(documents);
        findings.AddRange(CrossChecks.Run(documents));
        var valid = new ManifestSet(documents.Where(document => document.IsValid).Select(document => document.Manifest));
        return new ManifestReading(
            valid,
            [.. findings.OrderBy(finding => finding.File, StringComparer.Ordinal).ThenBy(finding => finding.Line).ThenBy(finding => finding.Column)]);
    }

    // A file that has no creation time was written after those that a server gave one.
    private static List<ReadDocument> ByAge(List<ReadDocument> documents)
    {
        if (!documents.Exists(static document => document.CreatedAt is not null))
        {
            return documents;
        }

        var sorted = documents.OrderBy(static document => document.CreatedAt ?? DateTimeOffset.MaxValue).ToList();
        for (var order = 0; order < sorted.Count; order++)
        {
            sorted[order].PlaceAt(order);
        }

        return sorted;
    }

    private static ReadDocument? ReadOne(YamlNode root, string file, int order, ReadingErrors errors)
    {
        errors.Subject = "";
        var errorsBefore = errors.ErrorCount;
        if (new YamlField(root, "", errors).Map() is not { } map || FindReader(map) is not { } reader || ManifestHeader.Read(map, reader.Kind) is not { } header)
        {
            return null;
        }

        if (reader.Read(map, header) is not { } manifest)
        {
            return null;
        }

        map.Ignore("status");
        map.End();
        manifest = manifest with
        {
            Namespace = header.Namespace,
            Labels = header.Labels,
            Annotations = header.Annotations,
            Order = order,
            Source = new ManifestSource(file, root.At.Line),
        };
        return new ReadDocument(manifest, map.Node, file) { CreatedAt = header.CreatedAt, IsValid = errors.ErrorCount == errorsBefore };
    }

    private static KindReader? FindReader(YamlMap map)
    {
        var apiVersion = map.Required("apiVersion", "Begin the document with 'apiVersion:' and 'kind:'");
        var kind = map.Required("kind", $"Write one of {string.Join(", ", Readers.Select(reader => reader.Kind.Name))}");
        if (apiVersion?.Text() is not { } version || kind?.Text() is not { } word)
        {
            return null;
        }

        var names = Readers.Select(reader => reader.Kind.Name).ToArray();
        if (Array.Find(Readers, reader => reader.Kind.Name == word) is not { } found)
        {
            var nearest = NearestWord.To(word, names);
            kind.Value.Fail(
                KindsNotYet.Contains(word) ? "this kind is not supported yet" : "unknown kind",
                nearest is null || KindsNotYet.Contains(word) ? $"Use one of {string.Join(", ", names)}" : $"Write '{nearest}'");
            return null;
        }

        if (version != found.Kind.ApiVersion && !found.OlderVersions.Contains(version))
        {
            apiVersion.Value.Fail($"{word} has another apiVersion", $"Write '{found.Kind.ApiVersion}'");
            return null;
        }

        return found;
    }

    private sealed record KindReader(ManifestKind Kind, string[] OlderVersions, Func<YamlMap, ManifestHeader, Manifest?> Read);
}
