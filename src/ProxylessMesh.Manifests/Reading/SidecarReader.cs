using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Istio's <c>Sidecar</c>.</summary>
internal static class SidecarReader
{
    public static SidecarManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'egress:' below it")?.Map() is not { } spec)
        {
            return null;
        }

        if (spec.IsEmpty || (spec.Has("workloadSelector") && spec.Node.Entries.Length == 1))
        {
            spec.Fail("it says nothing", "Write 'egress:' with the hosts that may be seen, or 'outboundTrafficPolicy:'");
        }

        var sidecar = new SidecarManifest
        {
            Name = header.Name,
            Selector = ReadSelector(spec, header),
            Egress = SidecarEgressReader.Read(spec, header.Namespace),
            Ingress = SidecarIngressReader.Read(spec),
        };
        if (spec.Has("inboundConnectionPool"))
        {
            spec.Field("inboundConnectionPool")?.Fail("no proxy stands in front of the application whose connections this could limit", "Write an InboundLimits for the workload");
        }

        sidecar = ReadPolicy(sidecar, spec.Map("outboundTrafficPolicy"), header);
        spec.End();
        return sidecar;
    }

    private static ImmutableSortedDictionary<string, string> ReadSelector(YamlMap spec, ManifestHeader header)
    {
        if (spec.Map("workloadSelector") is not { } selector)
        {
            return LabelSet.Empty;
        }

        var labels = selector.TextMap("labels", TextRules.LabelKey, TextRules.LabelValue);
        if (labels.IsEmpty)
        {
            selector.Errors.Add(
                selector.Node.At, selector.Path, null, "it names no labels and so selects every workload", "Write 'labels', or remove the selector", ManifestErrorSeverity.Warning);
        }
        else if (header.Namespace == HostNames.RootNamespace)
        {
            selector.Fail($"a Sidecar of '{HostNames.RootNamespace}' is for every namespace and cannot select workloads", "Remove the selector, or move the Sidecar to the workloads' namespace");
        }

        selector.End();
        return labels;
    }

    private static SidecarManifest ReadPolicy(SidecarManifest sidecar, YamlMap? map, ManifestHeader header)
    {
        if (map is null)
        {
            return sidecar;
        }

        // The first word of the enumeration is what an empty policy means.
        var isRegistryOnly = map.Field("mode")?.Choice<bool>([("REGISTRY_ONLY", true), ("ALLOW_ANY", false)]) ?? true;
        VirtualServiceDestination? proxy = null;
        if (map.Map("egressProxy") is { } destination)
        {
            if (isRegistryOnly)
            {
                destination.Fail("with REGISTRY_ONLY no call to an unknown host goes anywhere", "Write 'mode: ALLOW_ANY', or remove it");
            }

            proxy = VirtualServiceDestinations.ReadOne(destination, header.Namespace, needsPort: true);
        }

        map.End();
        return sidecar with { IsRegistryOnly = isRegistryOnly, EgressProxy = proxy };
    }
}
