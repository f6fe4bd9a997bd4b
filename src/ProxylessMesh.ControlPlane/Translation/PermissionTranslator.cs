using System.Text.RegularExpressions;
using Envoy.Config.Core.V3;
using Envoy.Config.Rbac.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Path.Match.UriTemplate.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>One <c>to.operation</c>: all of its fields must match, and of a field's values one.</summary>
internal static class PermissionTranslator
{
    public static Permission Translate(AuthorizationOperation operation, RuleScope scope)
    {
        var rules = new Permission.Types.Set();
        scope.Add(rules, operation.Hosts, operation.NotHosts, value => Host(value, scope));
        scope.Add(rules, operation.Ports, operation.NotPorts, static port => new Permission { DestinationPort = (uint)port });
        scope.Add(rules, operation.Methods, operation.NotMethods, value => Method(value, scope));
        scope.Add(rules, operation.Paths, operation.NotPaths, value => Path(value, scope));
        return rules.Rules.Count == 0 ? new Permission { Any = true } : new Permission { AndRules = rules };
    }

    private static Permission? Host(string value, RuleScope scope) => scope.KnowsHttp ? Header(":authority", value, ignoreCase: true) : null;

    private static Permission? Method(string value, RuleScope scope) => scope.KnowsHttp ? Header(":method", value, ignoreCase: false) : null;

    private static Permission? Path(string value, RuleScope scope)
    {
        if (!scope.KnowsHttp)
        {
            return null;
        }

        if (value == "*")
        {
            return new Permission { Any = true };
        }

        return value.Contains('{', StringComparison.Ordinal) && scope.KnowsTemplates
            ? Template(value)
            : new Permission { UrlPath = new PathMatcher { Path = value.Contains('{', StringComparison.Ordinal) ? TemplateExpression(value) : TextPattern.Matcher(value) } };
    }

    // Envoy's templates write '*' and '**' without the braces.
    private static Permission Template(string value) => new()
    {
        UriTemplate = new TypedExtensionConfig
        {
            Name = "envoy.path.match.uri_template.uri_template_matcher",
            TypedConfig = Any.Pack(new UriTemplateMatchConfig { PathTemplate = value.Replace("{**}", "**", StringComparison.Ordinal).Replace("{*}", "*", StringComparison.Ordinal) }),
        },
    };

    // For servers that know no templates.
    private static StringMatcher TemplateExpression(string value)
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
