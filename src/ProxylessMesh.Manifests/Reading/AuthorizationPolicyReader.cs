using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Istio's <c>AuthorizationPolicy</c>.</summary>
internal static class AuthorizationPolicyReader
{
    private const string DryRunAnnotation = "istio.io/dry-run";

    // Go's strconv.ParseBool, by which Istio reads the annotation.
    private static readonly string[] True = ["1", "t", "T", "true", "TRUE", "True"];
    private static readonly string[] False = ["0", "f", "F", "false", "FALSE", "False"];

    private static (string Word, AuthorizationAction Action)[] Actions =>
        [("ALLOW", AuthorizationAction.Allow), ("DENY", AuthorizationAction.Deny), ("AUDIT", AuthorizationAction.Audit), ("CUSTOM", AuthorizationAction.Custom)];

    public static AuthorizationPolicyManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:'; '{}' after it lets nobody in")?.Map() is not { } spec)
        {
            return null;
        }

        var (isForMesh, targets) = PolicyTargets.Read(spec);
        var action = spec.Field("action")?.Choice<AuthorizationAction>(Actions) ?? AuthorizationAction.Allow;
        var policy = new AuthorizationPolicyManifest
        {
            Name = header.Name,
            Selector = Selectors.Read(spec),
            IsForMesh = isForMesh,
            Targets = targets,
            Action = action,
            Provider = Provider(spec, action),
            IsDryRun = DryRun(document, header, action),
            Rules = spec.List("rules", rule => AuthorizationRuleReader.Read(rule, action, header.Namespace)),
        };
        if (policy.Rules.IsEmpty && action is (AuthorizationAction.Deny or AuthorizationAction.Custom))
        {
            spec.Fail($"a {(action == AuthorizationAction.Deny ? "DENY policy without rules never denies" : "CUSTOM policy without rules never asks about")} anything", "Add 'rules'; '- {}' among them matches every call");
        }
        else if (policy.Rules.IsEmpty && action == AuthorizationAction.Audit)
        {
            spec.Warn("an AUDIT policy without rules records nothing", "Add 'rules'; '- {}' among them matches every call");
        }

        spec.End();
        return policy;
    }

    private static string Provider(YamlMap spec, AuthorizationAction action)
    {
        if (action != AuthorizationAction.Custom)
        {
            spec.Aside("provider")?.Fail("only a CUSTOM policy asks somebody", "Write 'action: CUSTOM', or remove it");
            return "";
        }

        if (spec.Required("provider", "Write 'provider:' with the 'name' of one of MeshConfig's extensionProviders")?.Map() is not { } provider)
        {
            return "";
        }

        var name = provider.RequiredText("name", TextRules.NotEmpty, "Write the name of one of MeshConfig's extensionProviders");
        provider.End();
        return name;
    }

    private static bool DryRun(YamlMap document, ManifestHeader header, AuthorizationAction action)
    {
        if (!header.Annotations.TryGetValue(DryRunAnnotation, out var text))
        {
            return false;
        }

        if (!True.Contains(text) && !False.Contains(text))
        {
            document.Fail($"the annotation {DryRunAnnotation} is '{ReadingErrors.Show(text)}'", "Write \"true\" or \"false\"");
        }
        else if (True.Contains(text) && action is not (AuthorizationAction.Allow or AuthorizationAction.Deny))
        {
            document.Fail($"the annotation {DryRunAnnotation} is for ALLOW and DENY", "Remove the annotation, or change the action");
        }

        return True.Contains(text);
    }
}
