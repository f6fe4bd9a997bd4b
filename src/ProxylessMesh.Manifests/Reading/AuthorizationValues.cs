namespace ProxylessMesh.Manifests.Reading;

/// <summary>What the values of an AuthorizationPolicy may look like.</summary>
internal static class AuthorizationValues
{
    /// <summary>Exact, <c>prefix*</c>, <c>*suffix</c>, or <c>*</c>.</summary>
    public static Mistake? Pattern(string text)
    {
        if (text.Length == 0)
        {
            return TextRules.NotEmpty(text);
        }

        // Istio compares such a value letter by letter, the star included, which never does what its writer hopes.
        return (text.Length > 2 && text.AsSpan(1, text.Length - 2).Contains('*')) || (text.Length > 1 && text[0] == '*' && text[^1] == '*')
            ? new("a '*' stands in the middle or at both ends", "Put one '*' at the beginning or at the end")
            : null;
    }

    /// <summary>A pattern of a path, or a template of one.</summary>
    public static Mistake? Path(string text)
    {
        if (text.Contains('?', StringComparison.Ordinal))
        {
            return new("it has a query, and paths are compared without", "Remove everything from '?' on");
        }

        return text.AsSpan().ContainsAny('{', '}') ? PathTemplates.Check(text) : Pattern(text);
    }

    public static Mistake? Port(string text)
        => PortNumbers.Parse(text) is null ? new("it is not a port", "Write a number from 1 to 65535 in quotes") : null;

    public static Mistake? Network(string text)
        => Addresses.ParseNetwork(text) is null ? new("it is not an address or network", "Write '10.0.0.1' or '10.0.0.0/8'") : null;

    /// <summary><c>name</c> or <c>namespace/name</c>.</summary>
    public static Mistake? Account(string text)
        => text.Split('/') is { Length: <= 2 } parts && parts.All(part => TextRules.DnsName(part) is null)
            ? null
            : new("it is not a service account", "Write 'name', or 'namespace/name'");

    /// <summary>With its namespace, which is the policy's where it names none.</summary>
    public static string FullAccount(string text, string ns) => text.Contains('/', StringComparison.Ordinal) ? text : $"{ns}/{text}";
}
