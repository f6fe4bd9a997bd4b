using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>
/// Reads <c>targetRef</c> and <c>targetRefs</c> of Istio's policies: services, whose workloads the policy is for; or gateways, which this
/// mesh does not have, so that the policy is checked and has no effect.
/// </summary>
internal static class PolicyTargets
{
    private const string GatewayGroup = "gateway.networking.k8s.io";

    /// <summary>Whether the policy is for workloads, and which services it names.</summary>
    public static (bool IsForMesh, ImmutableArray<PolicyTarget> Targets) Read(YamlMap spec)
    {
        var written = ((string[])["targetRef", "targetRefs"]).Where(spec.Has).ToArray();
        if (written.Length == 0)
        {
            return (true, []);
        }

        if (spec.Has("selector") || written.Length > 1)
        {
            spec.Field(written[^1])?.Fail($"it stands beside '{(spec.Has("selector") ? "selector" : written[0])}'", "Keep one of selector and targetRefs");
        }

        List<PolicyTarget?> all = [];
        if (spec.Has("targetRef") && spec.Map("targetRef") is { } single)
        {
            all.Add(ReadTarget(single));
        }

        if (spec.Has("targetRefs"))
        {
            all.AddRange(spec.List("targetRefs", ReadTarget));
        }

        ImmutableArray<PolicyTarget> services = [.. all.OfType<PolicyTarget>()];
        if (services.IsEmpty)
        {
            spec.Field(written[0])?.Warn("it is for gateways only, and this mesh has none: it has no effect here", "Name a Service, or write a 'selector' for workloads");
        }

        return (!services.IsEmpty, services);
    }

    // Null: a gateway, or a mistake.
    private static PolicyTarget? ReadTarget(YamlMap map)
    {
        var kind = map.RequiredText("kind", TextRules.NotEmpty, "Write 'Service'");
        var group = map.Text("group") ?? "";
        var name = map.RequiredText("name", TextRules.DnsName, "Write the name of the Service");
        if (map.Has("namespace") && map.Text("namespace") is { Length: > 0 })
        {
            map.Field("namespace")?.Fail("a policy is for its own namespace", "Remove it");
        }

        PolicyTarget? target = null;
        switch (group, kind)
        {
            case (GatewayGroup, "Gateway" or "GatewayClass") or (_, ""):
                break;
            case ("" or "core", "Service"):
                target = new PolicyTarget(ManifestKind.Service, name);
                break;
            case ("networking.istio.io", "ServiceEntry"):
                target = new PolicyTarget(ManifestKind.ServiceEntry, name);
                break;
            default:
                map.Field("kind")?.Fail("no policy is for this kind", "Write 'Service', 'ServiceEntry' with group 'networking.istio.io', or a 'selector' for workloads");
                break;
        }

        map.End();
        return target;
    }
}
