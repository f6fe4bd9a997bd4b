using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Istio's <c>exportTo</c>: the namespaces whose clients see a manifest.</summary>
internal static class ExportTo
{
    /// <summary>Everybody: the default.</summary>
    public const string Everybody = "*";

    /// <summary>Nobody: only a ServiceEntry may say so.</summary>
    public const string Nobody = "~";

    private const string Own = ".";

    /// <summary>Namespaces, with <c>.</c> as <paramref name="ownNamespace"/>; or <c>*</c> alone; or, where allowed, <c>~</c> alone.</summary>
    public static ImmutableArray<string> Read(YamlMap spec, string ownNamespace, bool mayBeNobody = false)
    {
        if (spec.Field("exportTo") is not { } field)
        {
            return [Everybody];
        }

        var namespaces = ImmutableArray.CreateBuilder<string>();
        foreach (var item in field.Items())
        {
            if (item.Text(text => text is Own or Everybody || (mayBeNobody && text == Nobody) ? null : TextRules.DnsLabel(text)) is not { } text)
            {
                continue;
            }

            var name = text == Own ? ownNamespace : text;
            if (namespaces.Contains(name))
            {
                item.Fail(name == text ? "the namespace is named twice" : $"'.' is this namespace, '{ownNamespace}', which is named too", "Name it once");
            }

            namespaces.Add(name);
        }

        foreach (var alone in (string[])[Everybody, Nobody])
        {
            if (namespaces.Count > 1 && namespaces.Contains(alone))
            {
                field.Fail($"'{alone}' stands beside others", alone == Everybody ? "Keep '*' alone, or name the namespaces" : "Keep '~' alone, or remove it");
            }
        }

        return namespaces.Count == 0 ? [Everybody] : namespaces.ToImmutable();
    }
}
