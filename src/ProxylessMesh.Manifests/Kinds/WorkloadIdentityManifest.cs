using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>
/// Which processes of the control plane's machine get the identity of a service account of this namespace from the SPIFFE Workload API.
/// A process may be several.
/// </summary>
public sealed record WorkloadIdentityManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.WorkloadIdentity;

    /// <summary>The account; with the namespace it makes the SPIFFE ID.</summary>
    public required string ServiceAccount { get; init; }

    /// <summary>What the process must be. All of them; at least one.</summary>
    public required ImmutableArray<ProcessSelector> Selectors { get; init; }

    /// <summary>What the identity is for, where a process has several; may be empty.</summary>
    public string Hint { get; init; } = "";
}

/// <summary>One thing that a process must be.</summary>
/// <param name="Trait">Of what.</param>
/// <param name="Value">Compared ordinally; a number in its shortest form for <see cref="ProcessTrait.UserId"/> and <see cref="ProcessTrait.GroupId"/>.</param>
public sealed record ProcessSelector(ProcessTrait Trait, string Value);

/// <summary>What is known of a process by the kernel's word alone.</summary>
public enum ProcessTrait
{
    /// <summary><c>unix:uid:</c>, its effective user when it connected.</summary>
    UserId,

    /// <summary><c>unix:gid:</c>, its effective group when it connected.</summary>
    GroupId,

    /// <summary><c>unix:path:</c>, the file that it runs.</summary>
    Path,

    /// <summary><c>systemd:id:</c>, the unit that it belongs to.</summary>
    SystemdUnit,
}
