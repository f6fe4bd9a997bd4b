using System.Net;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Rbac;

/// <summary>
/// One compiled condition of a policy. Permissions and principals compile to the same few kinds: whether a rule asks about the call
/// or about the caller makes no difference once it runs.
/// </summary>
internal abstract class RbacRule
{
    public static readonly RbacRule Always = new AlwaysRule();

    public static readonly RbacRule Never = new NotRule(Always);

    public abstract bool Matches(in RbacInput input);

    /// <summary>True when all are; an empty list cannot be written on the wire.</summary>
    public static RbacRule All(RbacRule[] rules) => rules.Length == 1 ? rules[0] : new AllRule(rules);

    /// <summary>True when one is; false for an empty list.</summary>
    public static RbacRule One(RbacRule[] rules) => rules.Length == 1 ? rules[0] : Array.IndexOf(rules, Always) >= 0 ? Always : new OneRule(rules);

    public static RbacRule Not(RbacRule rule) => new NotRule(rule);

    public static RbacRule Peer(StringMatcher? name) => new PeerRule(name);

    public static RbacRule RemoteAddress(IPNetwork network) => new RemoteAddressRule(network);

    public static RbacRule CallerAddress(IPNetwork network) => new CallerAddressRule(network);

    public static RbacRule LocalAddress(IPNetwork network) => new LocalAddressRule(network);

    public static RbacRule LocalPorts(int start, int end) => new LocalPortsRule(start, end);

    public static RbacRule ServerName(StringMatcher matcher) => new ServerNameRule(matcher);

    private sealed class AlwaysRule : RbacRule
    {
        public override bool Matches(in RbacInput input) => true;
    }

    private sealed class AllRule(RbacRule[] rules) : RbacRule
    {
        public override bool Matches(in RbacInput input)
        {
            foreach (var rule in rules)
            {
                if (!rule.Matches(input))
                {
                    return false;
                }
            }

            return true;
        }
    }

    private sealed class OneRule(RbacRule[] rules) : RbacRule
    {
        public override bool Matches(in RbacInput input)
        {
            foreach (var rule in rules)
            {
                if (rule.Matches(input))
                {
                    return true;
                }
            }

            return false;
        }
    }

    private sealed class NotRule(RbacRule rule) : RbacRule
    {
        public override bool Matches(in RbacInput input) => !rule.Matches(input);
    }

    // A41 compares URI SANs, then DNS SANs, then the subject. An SVID has exactly one URI SAN and that is the identity: the other
    // names of a certificate are not proved to mean anything here, so they are not asked.
    private sealed class PeerRule(StringMatcher? name) : RbacRule
    {
        public override bool Matches(in RbacInput input) => input.PeerId is { } id && (name is null || name.Matches(id));
    }

    private sealed class RemoteAddressRule(IPNetwork network) : RbacRule
    {
        public override bool Matches(in RbacInput input) => input.RemoteAddress is { } address && network.Contains(address);
    }

    private sealed class CallerAddressRule(IPNetwork network) : RbacRule
    {
        public override bool Matches(in RbacInput input) => input.CallerAddress is { } address && network.Contains(address);
    }

    private sealed class LocalAddressRule(IPNetwork network) : RbacRule
    {
        public override bool Matches(in RbacInput input) => input.LocalAddress is { } address && network.Contains(address);
    }

    private sealed class LocalPortsRule(int start, int end) : RbacRule
    {
        public override bool Matches(in RbacInput input) => input.LocalPort >= start && input.LocalPort < end;
    }

    private sealed class ServerNameRule(StringMatcher matcher) : RbacRule
    {
        public override bool Matches(in RbacInput input) => matcher.Matches(input.ServerName);
    }
}
