namespace ProxylessMesh.Manifests.Reading;

/// <summary>
/// Reads <c>targetRef</c> and <c>targetRefs</c> of Istio's policies: gateways, which this mesh does not have, so that the policy is checked
/// and has no effect; or services behind a waypoint, which it does not have either, and where the policy would have to hold for someone else.
/// </summary>
internal static class PolicyTargets
{
    private const string GatewayGroup = "gateway.networking.k8s.io";

    /// <summary>True: the policy is for workloads.</summary>
    public static bool Read(YamlMap spec)
    {
        var written = ((string[])["targetRef", "targetRefs"]).Where(spec.Has).ToArray();
        if (written.Length == 0)
        {
            return true;
        }

        if (spec.Has("selector") || written.Length > 1)
        {
            spec.Field(written[^1])?.Fail($"it stands beside '{(spec.Has("selector") ? "selector" : written[0])}'", "Keep one of selector and targetRefs");
        }

        if (spec.Has("targetRef") && spec.Map("targetRef") is { } single)
        {
            ReadTarget(single);
        }

        if (spec.Has("targetRefs"))
        {
            _ = spec.List("targetRefs", ReadTarget);
        }

        spec.Field(written[0])?.Warn("it is for gateways only, and this mesh has none: it has no effect here", "Write a 'selector' for workloads");
        return false;
    }

    private static bool ReadTarget(YamlMap map)
    {
        var kind = map.RequiredText("kind", TextRules.NotEmpty, "Write 'Gateway'");
        var group = map.Text("group") ?? "";
        map.RequiredText("name", TextRules.DnsName, "Write the name of the gateway");
        if (map.Has("namespace") && map.Text("namespace") is { Length: > 0 })
        {
            map.Field("namespace")?.Fail("a policy is for its own namespace", "Remove it");
        }

        switch (group, kind)
        {
            case (GatewayGroup, "Gateway" or "GatewayClass") or (_, ""):
                break;
            case ("" or "core", "Service") or ("networking.istio.io", "ServiceEntry"):
                map.Field("kind")?.Fail("policies of a service are for waypoint proxies, and this mesh has none", "Write a 'selector' for its workloads instead");
                break;
            default:
                map.Field("kind")?.Fail("no policy is for this kind", $"Write 'Gateway' with group '{GatewayGroup}', or a 'selector' for workloads");
                break;
        }

        map.End();
        return true;
    }
}
