using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Envoy.Config.Rbac.V3;
using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>One <c>to.operation</c>: all of its fields must match, and of a field's values one.</summary>
internal static class PermissionTranslator
{
    public static Permission Translate(AuthorizationOperation operation)
    {
        var rules = new Permission.Types.Set();
        Add(rules, operation.Hosts, operation.NotHosts, Host);
        Add(rules, operation.Ports, operation.NotPorts, port => new Permission { DestinationPort = (uint)port });
        Add(rules, operation.Methods, operation.NotMethods, Method);
        Add(rules, operation.Paths, operation.NotPaths, Path);
        return rules.Rules.Count == 0 ? new Permission { Any = true } : new Permission { AndRules = rules };
    }

    /// <summary>One of the values, and none of the others, added to what must hold.</summary>
    public static void Add<T>(Permission.Types.Set rules, ImmutableArray<T> values, ImmutableArray<T> notValues, Func<T, Permission> translate)
    {
        if (!values.IsEmpty)
        {
            rules.Rules.Add(AnyOf(values, translate));
        }

        if (!notValues.IsEmpty)
        {
            rules.Rules.Add(new Permission { NotRule = AnyOf(notValues, translate) });
        }
    }

    private static Permission AnyOf<T>(ImmutableArray<T> values, Func<T, Permission> translate)
        => new() { OrRules = new Permission.Types.Set { Rules = { values.Select(translate) } } };

    private static Permission Host(string value) => Header(":authority", value, ignoreCase: true);

    private static Permission Method(string value) => Header(":method", value, ignoreCase: false);

    private static Permission Path(string value)
        => value == "*" ? new Permission { Any = true } : new Permission { UrlPath = new PathMatcher { Path = value.Contains('{', StringComparison.Ordinal) ? Template(value) : TextPattern.Matcher(value) } };

    // Envoy's templates: '{*}' is one segment, '{**}' any number of them.
    private static StringMatcher Template(string value)
        => new()
        {
            SafeRegex = MatchTranslator.Regex(Regex.Escape(value)
                .Replace(@"\{\*\*}", @"[A-Za-z0-9\-._~%!$&'()+,;:@=/]*", StringComparison.Ordinal)
                .Replace(@"\{\*}", @"[A-Za-z0-9\-._~%!$&'()+,;:@=]+", StringComparison.Ordinal)),
        };

    private static Permission Header(string name, string value, bool ignoreCase)
    {
        var header = new HeaderMatcher { Name = name };
        if (value == "*")
        {
            header.PresentMatch = true;
            return new Permission { Header = header };
        }

        header.StringMatch = TextPattern.Matcher(value);
        header.StringMatch.IgnoreCase = ignoreCase;
        return new Permission { Header = header };
    }
}
