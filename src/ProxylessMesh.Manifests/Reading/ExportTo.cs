namespace ProxylessMesh.Manifests.Reading;

/// <summary>Istio's <c>exportTo</c>: only its default, every namespace, is carried out.</summary>
internal static class ExportTo
{
    public static void Read(YamlMap spec)
    {
        if (spec.Field("exportTo") is { Node: not ListNode { Items: [ScalarNode { Text: "*" }] } } field)
        {
            field.Fail("limiting who sees this is not supported yet", "Write '[\"*\"]', or remove the field");
        }
    }
}
