using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Rbac;

/// <summary>Conditions on what filters before wrote about a request.</summary>
internal static class MetadataRules
{
    public static RbacRule Of(MetadataMatcher matcher) => new MetadataRule(matcher);

    private sealed class MetadataRule(MetadataMatcher matcher) : RbacRule
    {
        public override bool Matches(in RbacInput input) => matcher.Matches(input.Metadata(matcher.Filter));
    }
}
