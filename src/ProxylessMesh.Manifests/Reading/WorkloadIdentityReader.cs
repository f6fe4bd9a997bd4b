using System.Collections.Immutable;
using System.Globalization;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>WorkloadIdentity</c>, a kind of ours; its selectors are SPIRE's.</summary>
internal static class WorkloadIdentityReader
{
    private const string Known = "Write unix:uid:NUMBER, unix:gid:NUMBER, unix:path:/PROGRAM or systemd:id:UNIT";

    private static readonly (string Prefix, ProcessTrait Trait)[] Prefixes =
        [("unix:uid:", ProcessTrait.UserId), ("unix:gid:", ProcessTrait.GroupId), ("unix:path:", ProcessTrait.Path), ("systemd:id:", ProcessTrait.SystemdUnit)];

    public static WorkloadIdentityManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'serviceAccount' and 'selectors' below it")?.Map() is not { } spec)
        {
            return null;
        }

        if (header.Namespace == HostNames.RootNamespace)
        {
            document.Fail($"the identities of '{HostNames.RootNamespace}' are the control plane's own", "Write the workload's namespace below 'metadata'");
        }

        var manifest = new WorkloadIdentityManifest
        {
            Name = header.Name,
            ServiceAccount = spec.RequiredText("serviceAccount", SpiffeNames.Segment, "Write the service account that the process is"),
            Selectors = Selectors(spec.Required("selectors", Known)),
            Hint = spec.Text("hint", TextRules.ObjectName) ?? "",
        };
        spec.End();
        return manifest;
    }

    private static ImmutableArray<ProcessSelector> Selectors(YamlField? field)
    {
        if (field is not { } list)
        {
            return [];
        }

        var selectors = list.Items().Select(Selector).OfType<ProcessSelector>().ToImmutableArray();
        if (list.Node is ListNode { Items.Length: 0 })
        {
            list.Fail("every process would be this workload", Known);
        }

        return selectors;
    }

    private static ProcessSelector? Selector(YamlField field)
    {
        if (field.Text() is not { } text)
        {
            return null;
        }

        foreach (var (prefix, trait) in Prefixes)
        {
            if (text.StartsWith(prefix, StringComparison.Ordinal))
            {
                if (Value(trait, text[prefix.Length..]) is { } value)
                {
                    return new ProcessSelector(trait, value);
                }

                break;
            }
        }

        field.Fail("it selects no process", Known);
        return null;
    }

    private static string? Value(ProcessTrait trait, string text) => trait switch
    {
        ProcessTrait.UserId or ProcessTrait.GroupId => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id.ToString(CultureInfo.InvariantCulture) : null,
        ProcessTrait.Path => text.StartsWith('/') && text.Length > 1 ? text : null,
        _ => text.Length > 0 && !text.Contains('/', StringComparison.Ordinal) ? text : null,
    };
}
