using System.Collections.Immutable;
using System.Globalization;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary>Finds the identities of a process: those of every WorkloadIdentity whose selectors all hold. Pure.</summary>
internal static class ProcessIdentities
{
    /// <summary>In reading order, each once: the first is the default.</summary>
    public static ImmutableArray<ProcessIdentity> Of(ProcessFacts process, ManifestSet manifests, TrustDomain trustDomain)
    {
        var found = ImmutableArray.CreateBuilder<ProcessIdentity>();
        foreach (var manifest in manifests.WorkloadIdentities)
        {
            if (manifest.Namespace == ControlPlaneIdentity.Namespace || manifest.Selectors.IsEmpty || !manifest.Selectors.All(selector => Is(process, selector)))
            {
                continue;
            }

            var id = SpiffeId.ForServiceAccount(trustDomain, manifest.Namespace, manifest.ServiceAccount);
            if (!found.Any(other => other.Id == id))
            {
                found.Add(new ProcessIdentity(id, manifest.Hint));
            }
        }

        return found.ToImmutable();
    }

    private static bool Is(ProcessFacts process, ProcessSelector selector)
    {
        var fact = selector.Trait switch
        {
            ProcessTrait.UserId => process.UserId.ToString(CultureInfo.InvariantCulture),
            ProcessTrait.GroupId => process.GroupId.ToString(CultureInfo.InvariantCulture),
            ProcessTrait.Path => process.Path,
            ProcessTrait.SystemdUnit => process.Unit,
            _ => null,
        };
        return string.Equals(fact, selector.Value, StringComparison.Ordinal);
    }
}

/// <summary>An identity that a process has.</summary>
/// <param name="Id">The SPIFFE ID.</param>
/// <param name="Hint">What it is for, where there are several; may be empty.</param>
internal sealed record ProcessIdentity(SpiffeId Id, string Hint);
