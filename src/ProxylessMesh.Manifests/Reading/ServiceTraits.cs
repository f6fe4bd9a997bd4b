using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>What a Service says beside its ports and selector: carried out, without effect in a mesh for a reason, or refused.</summary>
internal static class ServiceTraits
{
    public static ServiceManifest Read(YamlMap spec, ServiceManifest service)
    {
        // Virtual addresses and how they are made: calls go to endpoints by name.
        spec.Ignore("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy");

        // Ways in from outside: Kubernetes' own, and the same with and without a mesh.
        spec.Ignore("externalIPs", "externalTrafficPolicy", "healthCheckNodePort", "loadBalancerClass", "loadBalancerIP", "loadBalancerSourceRanges", "allocateLoadBalancerNodePorts");
        return service with
        {
            ExternalName = ReadType(spec),
            PublishesNotReadyAddresses = spec.Field("publishNotReadyAddresses")?.Boolean() ?? false,
            HasClientAffinity = ReadAffinity(spec),
            PrefersClose = ReadDistribution(spec),
        };
    }

    private static string ReadType(YamlMap spec)
    {
        var type = spec.Field("type");
        var isExternal = type?.Choice<bool>([("ClusterIP", false), ("NodePort", false), ("LoadBalancer", false), ("ExternalName", true)]) ?? false;
        if (type?.Node is ScalarNode { Text: "NodePort" or "LoadBalancer" })
        {
            type.Value.Warn("the way in from outside is not of the mesh; inside it is as ClusterIP", "Nothing, if Kubernetes opens it");
        }

        if (isExternal)
        {
            return spec.Required("externalName", "Write the DNS name that the service stands for")?.Text(TextRules.Host)?.TrimEnd('.') ?? "";
        }

        spec.Field("externalName")?.Fail("it is for 'type: ExternalName'", "Write that type, or remove it");
        return "";
    }

    private static bool ReadAffinity(YamlMap spec)
    {
        var isByClient = spec.Field("sessionAffinity")?.Choice<bool>([("None", false), ("ClientIP", true)]) ?? false;
        if (spec.Aside("sessionAffinityConfig") is { } config)
        {
            config.Warn("callers stay with their endpoint while it is there, however long they are silent", "Remove it");
        }

        return isByClient;
    }

    private static bool ReadDistribution(YamlMap spec)
    {
        if (spec.Field("internalTrafficPolicy")?.Choice<bool>([("Cluster", false), ("Local", true)]) == true)
        {
            spec.Field("internalTrafficPolicy")?.Fail("the mesh does not know on which machine a workload runs", "Write 'Cluster', or remove it");
        }

        var field = spec.Field("trafficDistribution");
        if (field?.Node is ScalarNode { Text: "PreferSameNode" })
        {
            field.Value.Fail("the mesh does not know on which machine a workload runs", "Write 'PreferSameZone'");
            return false;
        }

        return field?.Choice<bool>([("PreferClose", true), ("PreferSameZone", true)]) ?? false;
    }
}
