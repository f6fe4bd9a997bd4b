using System.Collections.Immutable;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// The names of the mesh's own trust domain: its name, and those by which MeshConfig says that it is known besides. A policy that names
/// one of them means all. <c>cluster.local</c> in a policy is the own one too, whatever it is called (as Istio).
/// </summary>
internal sealed class TrustDomainNames(TrustDomain own, ImmutableArray<string> aliases)
{
    private const string Alias = "cluster.local";

    private readonly ImmutableArray<string> _all = [.. aliases.Prepend(own.ToString()).Distinct(StringComparer.Ordinal)];

    /// <summary>The trust domains that one in a policy stands for; <c>*</c> at an end stands for any text.</summary>
    public ImmutableArray<string> Meant(string name) => name == Alias || _all.Contains(name) || _all.Any(known => Covers(name, known)) ? With(name) : [name];

    // What is not the mesh's own stays: "*.example" is also for the trust domains of others.
    private ImmutableArray<string> With(string name) => name.Contains('*', StringComparison.Ordinal) ? [name, .. _all.Where(known => !Covers(name, known))] : _all;

    private static bool Covers(string pattern, string name)
        => (pattern.StartsWith('*') && name.EndsWith(pattern[1..], StringComparison.Ordinal)) || (pattern.EndsWith('*') && name.StartsWith(pattern[..^1], StringComparison.Ordinal));
}
