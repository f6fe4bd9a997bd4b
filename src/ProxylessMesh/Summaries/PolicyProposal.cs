using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Authentication;
using ProxylessMesh.Rbac;
using ProxylessMesh.Snapshots;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Xds.Resources;
using Answer = ProxylessMesh.Protos.V1.CallSummary.Types.Verdict;

namespace ProxylessMesh.Summaries;

/// <summary>
/// What recorded calls would come to under another policy. The engine is the one that decides calls; it is built twice, once with
/// everything that is not recorded taken in the call's favour and once against it. Where both agree, that is the answer; where they do
/// not, it depends on what nobody knows, and that is said instead of guessed.
/// </summary>
internal sealed class PolicyProposal
{
    /// <summary>What stands in place of a policy where the mode of the port decides.</summary>
    public const string ModePolicy = "PeerAuthentication";

    private readonly HttpConnectionConfig? _tls;
    private readonly HttpConnectionConfig? _plaintext;
    private readonly FrozenSet<string> _changed;
    private readonly Dictionary<RecordedFacts, (RbacEngine Favourable, RbacEngine Adverse, IReadOnlyDictionary<string, string> Missing)> _engines = [];

    public PolicyProposal(ListenerConfig listener, IEnumerable<string> changedPolicies)
    {
        _tls = InboundCompiler.Connections(listener, tls: true);
        _plaintext = InboundCompiler.Connections(listener, tls: false);
        _changed = changedPolicies.ToFrozenSet(StringComparer.Ordinal);
    }

    /// <param name="key">The calls.</param>
    /// <param name="entry">What they have in common besides.</param>
    /// <param name="isOfToday">They were decided by the policies that the proposal would change.</param>
    public RecordedVerdict Judge(in CallKey key, CallEntry entry, bool isOfToday)
    {
        if (key.Outcome == CallOutcome.Probe)
        {
            return new RecordedVerdict(Answer.Allowed);
        }

        if (!key.IsTls && _plaintext is null)
        {
            return new RecordedVerdict(Answer.Denied, ModePolicy);
        }

        // Where mesh TLS would end, the callers of the mesh would come without it and prove nothing any more.
        var connections = key.IsTls ? _tls ?? _plaintext : _plaintext;
        if (connections is null)
        {
            return new RecordedVerdict(Answer.Denied, ModePolicy);
        }

        var facts = RecordedFacts.Of(key, entry, isOfToday);
        if (!_engines.TryGetValue(facts, out var engines))
        {
            var rules = new RecordedRules(facts, _changed, connections.TrustedHops > 0);
            engines = _engines[facts] = (RbacCompiler.Compile(rules.Rewrite(connections.Filters, favourable: true)), RbacCompiler.Compile(rules.Rewrite(connections.Filters, favourable: false)), rules.Missing);
        }

        return Judge(Input(key, entry, keepsIdentity: !key.IsTls || _tls is not null), engines.Favourable, engines.Adverse, engines.Missing);
    }

    private static RecordedVerdict Judge(in RbacInput input, RbacEngine favourable, RbacEngine adverse, IReadOnlyDictionary<string, string> missing)
    {
        var best = favourable.Decide(input);
        if (!best.Allowed)
        {
            return new RecordedVerdict(Answer.Denied, best.Policy);
        }

        var worst = adverse.Decide(input);
        return worst.Allowed
            ? new RecordedVerdict(Answer.Allowed, worst.Policy)
            : new RecordedVerdict(Answer.Unknown, worst.Policy, worst.Policy is not null ? missing.GetValueOrDefault(worst.Policy) : string.Join(", ", missing.Values.Distinct()));
    }

    // What is not known has been decided in the rules already, so anything may stand in its place here.
    private static RbacInput Input(in CallKey key, CallEntry entry, bool keepsIdentity)
    {
        var http = new DefaultHttpContext();
        http.Request.Method = key.Method ?? "";
        http.Request.Path = key.Path is ['/', ..] path ? new PathString(path) : default;
        http.Request.Headers.Host = key.Host ?? "";
        http.Request.Scheme = key.IsTls ? "https" : "http";
        var remote = key.Address ?? entry.RemoteAddress;
        return new RbacInput(http.Request, new MeshPeer(
            keepsIdentity && key.Caller is not null ? SpiffeId.Parse(key.Caller) : null,
            remote is null ? null : new System.Net.IPEndPoint(remote, 0),
            new System.Net.IPEndPoint(entry.LocalAddress ?? System.Net.IPAddress.None, key.Port),
            entry.ServerName));
    }
}

/// <summary>What calls would come to.</summary>
/// <param name="Answer">Allowed, denied, or that it cannot be told.</param>
/// <param name="Policy">The policy that would decide; null: none would match.</param>
/// <param name="Missing">What it depends on that is not recorded.</param>
internal readonly record struct RecordedVerdict(Answer Answer, string? Policy = null, string? Missing = null);
