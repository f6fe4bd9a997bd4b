using Microsoft.Extensions.Logging;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// The change of the root without a lost call, in three steps: the new root goes into every bundle; when everybody trusts it, it signs,
/// and certificates by the old key are renewed early; when none is left, the old root goes. Each step that is too early is refused with
/// who is missing, unless forced. A restart in between changes nothing.
/// </summary>
internal sealed partial class RootRotation(CertificateAuthority authority, FleetTrust fleet, AuditLog audit, ILogger<RootRotation> logger)
{
    private const int Named = 5;

    private readonly Lock _gate = new();

    public CaKeys Keys => authority.Keys;

    public FleetReport Fleet => fleet.Look();

    /// <summary>Step 1.</summary>
    /// <param name="certificates">A company's certificates in PEM; without them, a root of our own is made.</param>
    /// <param name="key">Their key in PEM; without it, that of the last request.</param>
    /// <exception cref="MeshControlPlaneException">A rotation is under way, or they may not be the CA.</exception>
    public void Add(string? certificates, string? key)
    {
        lock (_gate)
        {
            if (Keys.Stage != RotationStage.None)
            {
                throw new MeshControlPlaneException($"A rotation is under way ({Keys.Stage.ToString().ToLowerInvariant()}). End it with 'mesh ca rotate' first.");
            }

            var next = certificates is null ? authority.MakeRoot() : authority.Import(certificates, key);
            if (next.Hash == Keys.Active.Hash)
            {
                next.Dispose();
                throw new MeshControlPlaneException("This certificate signs already. Give the new one.");
            }

            authority.Add(next);
            Tell("root-added", next, forced: false, missing: 0);
        }
    }

    /// <summary>Step 2.</summary>
    /// <exception cref="MeshControlPlaneException">There is no new root, or somebody does not trust it yet.</exception>
    public void Switch(bool isForced)
    {
        lock (_gate)
        {
            if (Keys.Stage != RotationStage.Added)
            {
                throw new MeshControlPlaneException(Keys.Stage == RotationStage.Switched ? "The new root signs already. Next is 'mesh ca rotate --stage finish'." : "There is no new root. Begin with 'mesh ca rotate --stage add'.");
            }

            var missing = Fleet.Members.Where(static member => !member.TrustsNewest).ToList();
            if (missing.Count > 0 && !isForced)
            {
                throw TooEarly(missing, "do(es) not trust the new root yet", "calls between them and whoever gets a certificate by it would fail");
            }

            authority.Switch();
            Tell("root-switched", Keys.Active, isForced, missing.Count);
        }
    }

    /// <summary>Step 3.</summary>
    /// <exception cref="MeshControlPlaneException">The new root does not sign yet, or certificates by the old one are in use.</exception>
    public void Finish(bool isForced)
    {
        lock (_gate)
        {
            if (Keys.Stage != RotationStage.Switched)
            {
                throw new MeshControlPlaneException(Keys.Stage == RotationStage.Added ? "The new root does not sign yet. Next is 'mesh ca rotate --stage switch'." : "No rotation is under way.");
            }

            var old = Keys.Other!;
            var missing = Fleet.Members.Where(static member => !member.IsByActive).ToList();
            if (missing.Count > 0 && !isForced)
            {
                throw TooEarly(missing, "still has (have) a certificate by the old key", "everybody would refuse them");
            }

            authority.Finish();
            Tell("root-removed", old, isForced, missing.Count);
        }
    }

    private static MeshControlPlaneException TooEarly(List<FleetMember> missing, string what, string harm)
    {
        var names = string.Join("; ", missing.Take(Named).Select(static member => $"{member.Id} ({(member.IsConnected ? "connected" : "not connected")}, certificate until {member.ExpiresAt:u})"));
        var more = missing.Count > Named ? $"; and {missing.Count - Named} more" : "";
        return new MeshControlPlaneException($"{missing.Count} workload(s) {what}: {names}{more}. Wait until they are back or their certificates have expired ('mesh ca show'), or go on with --force: {harm}.");
    }

    private void Tell(string name, MeshAuthority about, bool forced, int missing)
    {
        audit.Write(audit.Now(name) with { Authority = about.Hash, ExpiresAt = about.ExpiresAt, Reason = forced && missing > 0 ? $"forced, {missing} workload(s) not ready" : null });
        LogStep(name, about.Hash, forced && missing > 0 ? missing : 0);
    }

    [LoggerMessage(6512, LogLevel.Information, "Rotation of the CA: {Step}, SHA-256 {Hash}; workloads that were not ready and passed over: {PassedOver}.")]
    private partial void LogStep(string step, string hash, int passedOver);
}
