using System.Collections.Frozen;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>The filters that write something about a request for later ones, by the names under which they write (Envoy's dynamic metadata).</summary>
internal static class FilterNames
{
    public const string Rbac = "envoy.filters.http.rbac";

    public static readonly FrozenSet<string> Writing = FrozenSet.ToFrozenSet([TokenTranslator.Filter, Rbac, "envoy.filters.http.ext_authz"], StringComparer.Ordinal);
}
