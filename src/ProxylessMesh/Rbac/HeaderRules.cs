using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Rbac;

/// <summary>
/// Conditions on headers, the method and the host among them. Where a match leads towards a denial, what the application would take for the
/// same counts as the same: routing ignores the case of methods, a host may come with a port or a dot at its end, and of a header with
/// several values the application may read any one.
/// </summary>
internal static class HeaderRules
{
    public static RbacRule Header(HeaderMatcher matcher, bool keepsOut)
    {
        // The inversion of a header that must not match: the match itself is what would let the call pass.
        var isBroad = keepsOut != matcher.Invert;
        if (matcher.Name == ":path" && matcher.Value is { } path)
        {
            var rule = PathRules.Text(path, isBroad);
            return matcher.Invert ? RbacRule.Not(rule) : rule;
        }

        if (!isBroad || matcher.Value is not { } value)
        {
            return new HeaderRule(matcher);
        }

        return matcher.Name switch
        {
            ":method" => new HeaderRule(matcher with { Value = value.IgnoringCase() }),
            ":authority" => Inverted(new HostRule(value.IgnoringCase()), matcher.Invert),
            [':', ..] => new HeaderRule(matcher),
            _ when matcher.Invert => new HeaderRule(matcher),
            _ => new AnyValueRule(matcher, value),
        };
    }

    private static RbacRule Inverted(RbacRule rule, bool inverts) => inverts ? RbacRule.Not(rule) : rule;

    private sealed class HeaderRule(HeaderMatcher matcher) : RbacRule
    {
        public override bool Matches(in RbacInput input) => matcher.Matches(input);
    }

    private sealed class AnyValueRule(HeaderMatcher matcher, StringMatcher value) : RbacRule
    {
        public override bool Matches(in RbacInput input)
        {
            var values = input.HeaderValues(matcher.Name);
            if (values.Count <= 1)
            {
                return matcher.Matches(input);
            }

            foreach (var one in values)
            {
                if (value.Matches(one))
                {
                    return true;
                }
            }

            return matcher.Matches(input);
        }
    }

    private sealed class HostRule(StringMatcher host) : RbacRule
    {
        public override bool Matches(in RbacInput input)
        {
            ReadOnlySpan<char> authority = input.Authority;
            if (host.Matches(authority))
            {
                return true;
            }

            // Behind the last colon stands a port, unless it is one of an IPv6 address.
            var colon = authority.LastIndexOf(':');
            var name = colon < 0 || authority.LastIndexOf(']') > colon ? authority : authority[..colon];
            return host.Matches(name) || host.Matches(name.TrimEnd('.'));
        }
    }
}
