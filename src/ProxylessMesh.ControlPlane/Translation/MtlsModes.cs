using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// What a workload accepts, by Istio's precedence: its port in the policy with a selector, that policy, the namespace, the mesh; UNSET
/// passes on to the next. Of several policies of one width the older counts. A selector in the root namespace selects nothing, as in
/// Istio.
/// </summary>
/// <param name="Mode">For every port that has no mode of its own; never UNSET.</param>
/// <param name="PerPort">The ports that the policy with a selector names; never UNSET.</param>
internal sealed record MtlsModes(MtlsMode Mode, ImmutableSortedDictionary<int, MtlsMode> PerPort)
{
    /// <summary>The modes of one workload.</summary>
    public static MtlsModes Of(ManifestSet manifests, Workload workload)
    {
        PeerAuthenticationManifest? mesh = null, ofNamespace = null, ofWorkload = null;
        foreach (var policy in manifests.PeerAuthentications)
        {
            var isRoot = policy.Namespace == HostNames.RootNamespace;
            if (policy.Selector.IsEmpty && isRoot)
            {
                mesh ??= policy;
            }
            else if (policy.Selector.IsEmpty && policy.Namespace == workload.Namespace)
            {
                ofNamespace ??= policy;
            }
            else if (!isRoot && policy.Namespace == workload.Namespace && policy.Selector.Selects(workload.Labels))
            {
                ofWorkload ??= policy;
            }
        }

        var mode = NarrowestSet(ofWorkload?.Mode, ofNamespace?.Mode, mesh?.Mode);
        return new MtlsModes(mode, ofWorkload?.PortLevel.ToImmutableSortedDictionary(port => port.Key, port => NarrowestSet(port.Value, mode)) ?? ImmutableSortedDictionary<int, MtlsMode>.Empty);
    }

    /// <summary>The mode of one port.</summary>
    public MtlsMode For(int port) => PerPort.TryGetValue(port, out var mode) ? mode : Mode;

    private static MtlsMode NarrowestSet(params ReadOnlySpan<MtlsMode?> narrowestFirst)
    {
        foreach (var mode in narrowestFirst)
        {
            if (mode is { } set and not MtlsMode.Unset)
            {
                return set;
            }
        }

        return MtlsMode.Permissive;
    }
}
