using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>How the fleet stands to the authorities: who trusts the newest root, and whose certificate is still by an old key.</summary>
internal sealed class FleetTrust(CertificateAuthority authority, TrustWatches watches, LeafLedger ledger, RevokedIdentities revoked)
{
    /// <summary>Looks now.</summary>
    public FleetReport Look()
    {
        var keys = authority.Keys;
        var newest = Convert.ToHexStringLower(keys.Newest.RootHash.Span);
        var members = new Dictionary<string, FleetMember>(StringComparer.Ordinal);
        foreach (var leaf in ledger.InUse().Where(leaf => !revoked.Contains(SpiffeId.Parse(leaf.Id))))
        {
            members[leaf.Serial] = new FleetMember(leaf.Id, leaf.Serial, leaf.ExpiresAt, leaf.NewestRoot == newest, leaf.Authority == keys.Active.Hash, IsConnected: false);
        }

        foreach (var watcher in watches.Watchers)
        {
            var leaf = ledger.FindLast(watcher.Serial);
            var trusts = watcher.InForce?.Bundles.TryGet(authority.TrustDomain, out var bundle) == true && bundle.Has(keys.Newest.Root.RawDataMemory.Span);
            var serial = leaf?.Serial ?? watcher.Serial;
            members[serial] = members.TryGetValue(serial, out var member)
                ? member with { TrustsNewest = member.TrustsNewest || trusts, IsConnected = true }
                : new FleetMember(watcher.Caller.ToString(), serial, leaf?.ExpiresAt, trusts, leaf is null || leaf.Authority == keys.Active.Hash, IsConnected: true);
        }

        return new FleetReport([.. members.Values.OrderBy(static member => member.Id, StringComparer.Ordinal)]);
    }
}

/// <summary>A certificate in use, or a workload that is connected.</summary>
/// <param name="Id">Its SPIFFE ID.</param>
/// <param name="Serial">The serial number of its certificate.</param>
/// <param name="ExpiresAt">When that ends, if it is known.</param>
/// <param name="TrustsNewest">Whether it has the newest root in force.</param>
/// <param name="IsByActive">Whether its certificate is by the key that signs now.</param>
/// <param name="IsConnected">Whether it follows the bundles at this moment.</param>
internal sealed record FleetMember(string Id, string Serial, DateTimeOffset? ExpiresAt, bool TrustsNewest, bool IsByActive, bool IsConnected);

/// <summary>The fleet at one moment.</summary>
internal sealed record FleetReport(IReadOnlyList<FleetMember> Members)
{
    public int Trusting => Members.Count(static member => member.TrustsNewest);

    public int ByActive => Members.Count(static member => member.IsByActive);
}
