using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Gateway API's <c>BackendTLSPolicy</c>.</summary>
internal static class BackendTlsPolicyReader
{
    private const int MaxTargets = 16;
    private const int MaxCertificateRefs = 8;
    private const int MaxNames = 5;

    public static BackendTlsPolicyManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'targetRefs:' and 'validation:' below it")?.Map() is not { } spec)
        {
            return null;
        }

        var policy = new BackendTlsPolicyManifest { Name = header.Name, Targets = ReadTargets(spec) };
        if (spec.Required("validation", "Write 'validation:' with 'hostname' and the roots below it")?.Map() is { } validation)
        {
            policy = ReadValidation(validation, policy);
        }

        spec.NotYet("options");
        spec.End();
        return policy;
    }

    private static ImmutableArray<BackendTlsTarget> ReadTargets(YamlMap spec)
    {
        var targets = spec.List("targetRefs", map =>
        {
            var group = map.RequiredText("group", TextRules.ApiGroup, "Write 'group: \"\"' for a Service");
            var kind = map.RequiredText("kind", TextRules.ApiKind, "Write 'kind: Service'");
            var name = map.RequiredText("name", TextRules.ObjectName, "Write the Service's name");
            var target = (Group: group, Kind: kind, Name: name, Section: map.Text("sectionName", TextRules.DnsName));
            map.End();
            if ((group.Length > 0 || kind != "Service") && kind.Length > 0)
            {
                map.Warn($"nothing here is a {kind} of group '{group}', so the policy has no effect on it (TargetNotFound)", "Write 'group: \"\"' and 'kind: Service'");
            }

            return target;
        });
        if (spec.Required("targetRefs", "Write the Services that the policy is for") is { Node: ListNode { Items.Length: 0 or > MaxTargets } list } field)
        {
            field.Fail($"it has {list.Items.Length} entries", $"Write 1 to {MaxTargets}");
        }

        foreach (var same in targets.Where(target => target.Name.Length > 0).GroupBy(target => (target.Group, target.Kind, target.Name)).Where(group => group.Count() > 1))
        {
            if (same.Any(target => target.Section is null) || same.DistinctBy(target => target.Section).Count() < same.Count())
            {
                spec.Field("targetRefs")?.Fail($"{same.Key.Kind} {same.Key.Name} is named more than once without different 'sectionName'", "Name it once, or give each reference its own port");
            }
        }

        return [.. targets.Where(target => target is { Group: "", Kind: "Service" }).Select(target => new BackendTlsTarget(target.Name, target.Section))];
    }

    private static BackendTlsPolicyManifest ReadValidation(YamlMap map, BackendTlsPolicyManifest policy)
    {
        var references = map.List("caCertificateRefs", reference =>
        {
            var read = (
                Group: reference.RequiredText("group", TextRules.ApiGroup, "Write 'group: \"\"' for a ConfigMap"),
                Kind: reference.RequiredText("kind", TextRules.ApiKind, "Write 'kind: ConfigMap'"),
                Name: reference.RequiredText("name", TextRules.ObjectName, "Write the ConfigMap's name"));
            reference.End();
            if (read.Kind.Length > 0 && read is not { Group: "", Kind: "ConfigMap" })
            {
                reference.Warn($"nothing here knows roots of kind '{read.Kind}' (InvalidKind); with no others, calls to the targets fail", "Put the roots into a ConfigMap under 'ca.crt'");
            }

            return read;
        });
        if (references.Length > MaxCertificateRefs)
        {
            map.Field("caCertificateRefs")?.Fail($"there are more than {MaxCertificateRefs} references", "Put several roots into one ConfigMap");
        }

        var wellKnown = map.Text("wellKnownCACertificates", WellKnown);
        if (references.IsEmpty == !map.Has("wellKnownCACertificates"))
        {
            map.Fail(
                references.IsEmpty ? "it does not say which roots count" : "roots are named in two ways", "Write either 'caCertificateRefs' or 'wellKnownCACertificates: System'");
        }
        else if (wellKnown is not (null or "System"))
        {
            map.Field("wellKnownCACertificates")?.Warn("nothing here knows these roots, so calls to the targets fail (Invalid)", "Write 'System', or the roots with 'caCertificateRefs'");
        }

        var configMaps = references.Where(reference => reference is { Group: "", Kind: "ConfigMap" }).Select(reference => reference.Name).ToImmutableArray();
        policy = policy with
        {
            HostName = map.RequiredText("hostname", TextRules.PreciseHostname, "Write the name that the backends' certificates are for"),
            CaConfigMaps = configMaps,
            HasUnknownRoots = wellKnown != "System" && configMaps.IsEmpty,
            SubjectAltNames = map.List("subjectAltNames", ReadName),
        };
        if (policy.SubjectAltNames.Length > MaxNames)
        {
            map.Field("subjectAltNames")?.Fail($"there are more than {MaxNames} names", "Write fewer");
        }

        map.End();
        return policy;
    }

    private static BackendTlsName ReadName(YamlMap map)
    {
        var isUri = map.Required("type", "Write 'Hostname' or 'URI'")?.Choice<bool>([("Hostname", false), ("URI", true)]) ?? false;
        var (own, other) = isUri ? ("uri", "hostname") : ("hostname", "uri");
        map.Field(other)?.Fail($"the type is {(isUri ? "URI" : "Hostname")}", $"Write '{own}'");
        var value = map.RequiredText(own, isUri ? AbsoluteUri : TextRules.GatewayHostname, "Write the name");
        map.End();
        return new BackendTlsName(value, isUri);
    }

    private static Mistake? AbsoluteUri(string text)
        => text.Length <= 253 && text.IndexOf("://", StringComparison.Ordinal) is > 0 and var end && !text.AsSpan(0, end).ContainsAny(":/?#")
            ? null
            : new("it is not an absolute URI", "Write a URI such as 'spiffe://mesh.example/ns/shop/sa/catalog'");

    // 'System', or a name of an implementation's own: a domain and a path.
    private static Mistake? WellKnown(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return text == "System" || (text.Length <= 253 && slash > 0 && slash < text.Length - 1 && TextRules.DnsName(text[..slash]) is null)
            ? null
            : new("it names no roots", "Write 'System'");
    }
}
