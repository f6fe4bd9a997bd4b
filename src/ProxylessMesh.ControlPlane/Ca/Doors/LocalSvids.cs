using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using ProxylessMesh.Spiffe;
using WorkloadApi;

namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary>
/// The certificates that one stream of the Workload API holds: made here with their keys, which the specification wants, kept nowhere else, and made
/// anew around the half of their lifetime. For one caller at a time.
/// </summary>
internal sealed class LocalSvids(SvidIssuer issuer, TimeProvider time)
{
    private readonly Dictionary<SpiffeId, Held> _held = [];

    /// <summary>The certificates of these identities, without bundles; those of others are forgotten. What the CA refuses is left out.</summary>
    public IReadOnlyList<X509SVID> Of(ImmutableArray<ProcessIdentity> identities)
    {
        var now = time.GetUtcNow();
        foreach (var gone in _held.Keys.Except(identities.Select(static identity => identity.Id)).ToList())
        {
            _held.Remove(gone);
        }

        var svids = new List<X509SVID>(identities.Length);
        foreach (var (id, hint) in identities)
        {
            if (!_held.TryGetValue(id, out var held) || held.RenewAt <= now)
            {
                if (Issue(id, now) is not { } issued)
                {
                    continue;
                }

                _held[id] = held = issued;
            }

            var svid = held.Svid.Clone();
            svid.Hint = hint;
            svids.Add(svid);
        }

        return svids;
    }

    /// <summary>When the first of them is to be made anew.</summary>
    public DateTimeOffset NextRenewal => _held.Count > 0 ? _held.Values.Min(static held => held.RenewAt) : DateTimeOffset.MaxValue;

    private Held? Issue(SpiffeId id, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        try
        {
            using var issued = issuer.Issue(id, SigningRequest.Of(key), null, new IssuanceProof("unix"));
            var svid = new X509SVID { SpiffeId = id.ToString(), X509Svid = Join(issued.Chain), X509SvidKey = ByteString.CopyFrom(key.ExportPkcs8PrivateKey()) };
            return new Held(svid, SvidRotation.RenewAt(now, issued.ExpiresAt, Random.Shared.NextDouble()));
        }
        catch (IssuanceRefusedException)
        {
            // Logged and in the audit log already.
            return null;
        }
    }

    /// <summary>Certificates as the Workload API sends them: DER, one after the other.</summary>
    public static ByteString Join(IEnumerable<X509Certificate2> certificates) => ByteString.CopyFrom([.. certificates.SelectMany(static certificate => certificate.RawData)]);

    private sealed record Held(X509SVID Svid, DateTimeOffset RenewAt);
}
