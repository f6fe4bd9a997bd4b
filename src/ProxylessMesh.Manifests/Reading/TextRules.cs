using System.Buffers;
using System.Net;
using System.Text.RegularExpressions;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Says what is wrong with a text, or null.</summary>
internal delegate Mistake? TextRule(string text);

/// <summary>What is wrong and what to write instead; neither ends with a full stop.</summary>
internal readonly record struct Mistake(string Problem, string Cure);

/// <summary>What names, headers, paths and expressions may look like.</summary>
internal static class TextRules
{
    private const string LowerCase = "abcdefghijklmnopqrstuvwxyz0123456789";
    private const int MaxRegexLength = 1024;

    private static readonly SearchValues<char> Label = SearchValues.Create(LowerCase + "-");
    private static readonly SearchValues<char> LabelName = SearchValues.Create(LowerCase + "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.");
    private static readonly SearchValues<char> Token = SearchValues.Create(LowerCase + "ABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-.^_`|~");
    private static readonly SearchValues<char> PathCharacters = SearchValues.Create(LowerCase + "ABCDEFGHIJKLMNOPQRSTUVWXYZ-/._~!$&'()*+,;=:@%");

    /// <summary>RFC 1123 label: the name of a namespace or subset.</summary>
    public static Mistake? DnsLabel(string text)
        => IsDnsLabel(text) ? null : new("it is not a DNS label", "Use 1 to 63 lower-case letters, digits and '-', with a letter or digit at both ends");

    /// <summary>Name of a workload's port (RFC 6335): not to be confused with a number.</summary>
    public static Mistake? PortName(string text)
        => text.Length <= 15 && IsDnsLabel(text) && text.Any(char.IsAsciiLetter)
            ? null
            : new("it is neither a port number nor the name of a port", "Write a number without quotes, or at most 15 lower-case letters, digits and '-' with a letter among them");

    /// <summary>RFC 1123 subdomain: the name of most things.</summary>
    public static Mistake? DnsName(string text)
        => text.Length is > 0 and <= 253 && text.Split('.').All(IsDnsLabel)
            ? null
            : new("it is not a DNS name", "Use at most 253 lower-case letters, digits, '-' and '.', with a letter or digit at both ends of each part");

    /// <summary>A host, <c>*</c>, or <c>*.suffix</c>.</summary>
    public static Mistake? HostOrWildcard(string text)
        => text == "*" ? null : Host(text.StartsWith("*.", StringComparison.Ordinal) ? text[2..] : text);

    /// <summary>A host, an address, or a wildcard as Istio has them: <c>*.suffix</c>, also <c>*part.suffix</c>.</summary>
    public static Mistake? HostPattern(string text)
    {
        if (text == "*" || IPAddress.TryParse(text, out _))
        {
            return null;
        }

        var rest = text.StartsWith("*-", StringComparison.Ordinal) ? text[2..] : text.TrimStart('*') is var bare && text.Length - bare.Length <= 1 ? bare : "";
        return Host(text.StartsWith("*.", StringComparison.Ordinal) ? text[2..] : rest)
            ?? (text.Split('.')[^1].All(char.IsAsciiDigit) ? new("its last part is a number, as in no domain", "Write a name, or an IP address") : null);
    }

    /// <summary>As <see cref="HostPattern"/>, or a name by which gateways tell clusters apart (<c>outbound_.80_._.catalog.shop…</c>).</summary>
    public static Mistake? GatewayHostPattern(string text)
        => text.StartsWith("outbound_.", StringComparison.Ordinal) && text.Split('.').All(part => part.Length is > 0 and <= 63 && !part.AsSpan().ContainsAnyExcept(LabelName)) ? null : HostPattern(text);

    /// <summary>A host name in any case, without port.</summary>
    public static Mistake? Host(string text)
        => text.Length is > 0 and <= 253 && text.TrimEnd('.').Split('.').All(static label => IsDnsLabel(label.ToLowerInvariant()))
            ? null
            : new("it is not a host name", "Write a service such as 'catalog', 'catalog.shop' or 'catalog.shop.svc.cluster.local', without scheme and port");

    /// <summary>A host name in lower case without wildcard (Gateway API's PreciseHostname).</summary>
    public static Mistake? PreciseHostname(string text)
        => text.Length is > 0 and <= 253 && text.Split('.').All(IsDnsLabel) ? null : new("it is not a host name", "Write a host such as 'shop.example', in lower case, without scheme, port and wildcard");

    /// <summary>The same, or one with <c>*.</c> in front (Gateway API's Hostname).</summary>
    public static Mistake? GatewayHostname(string text) => PreciseHostname(text.StartsWith("*.", StringComparison.Ordinal) ? text[2..] : text);

    /// <summary>API group: empty for Kubernetes' own kinds, else a DNS name.</summary>
    public static Mistake? ApiGroup(string text) => text.Length == 0 ? null : DnsName(text);

    /// <summary>Kind of an object.</summary>
    public static Mistake? ApiKind(string text)
        => text.Length is > 0 and <= 63 && char.IsAsciiLetter(text[0]) && text[^1] != '-' && text.All(static character => char.IsAsciiLetterOrDigit(character) || character == '-')
            ? null
            : new("it is not a kind", "Write a kind such as 'Service'");

    /// <summary>Name of an object of a kind that is not known here.</summary>
    public static Mistake? ObjectName(string text) => text.Length is > 0 and <= 253 ? null : new("it is not a name", "Write 1 to 253 characters");

    public static Mistake? NotEmpty(string text) => text.Length > 0 ? null : new("it is empty", "Write a value or remove the entry");

    /// <summary>RFC 9110 field name.</summary>
    public static Mistake? HeaderName(string text)
        => text.Length is > 0 and <= 256 && !text.AsSpan().ContainsAnyExcept(Token)
            ? null
            : new("it is not a header name", "Use letters, digits and '-'");

    /// <summary>RFC 9110 field value.</summary>
    public static Mistake? HeaderValue(string text)
        => text.Length <= 4096 && !text.Any(static character => char.IsControl(character) && character != '\t')
            ? null
            : new("it is not a header value", "Use at most 4096 characters, without line breaks and control characters");

    /// <summary>RFC 9110 method.</summary>
    public static Mistake? Method(string text)
        => text.Length is > 0 and <= 64 && !text.AsSpan().ContainsAnyExcept(Token) ? null : new("it is not a method", "Write GET, POST or another method");

    /// <summary>Key of a label: <c>app</c> or <c>example.com/app</c>.</summary>
    public static Mistake? LabelKey(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return IsLabelName(text[(slash + 1)..]) && (slash < 0 || DnsName(text[..slash]) is null)
            ? null
            : new($"'{ReadingErrors.Show(text)}' is not a label key", "Use 1 to 63 letters, digits, '-', '_' and '.', if need be after a DNS name and '/'");
    }

    public static Mistake? LabelValue(string text)
        => text.Length == 0 || IsLabelName(text)
            ? null
            : new("it is not a label value", "Use at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends");

    /// <summary>An expression that the data plane can run in linear time.</summary>
    public static Mistake? Expression(string text)
    {
        if (text.Length is 0 or > MaxRegexLength)
        {
            return new(text.Length == 0 ? "the expression is empty" : $"the expression is longer than {MaxRegexLength} characters", "Write an RE2 expression for the whole value");
        }

        try
        {
            _ = new Regex($@"\A(?:{text})\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            return null;
        }
        catch (RegexParseException e)
        {
            return new($"the expression does not compile at character {Math.Max(0, e.Offset - 5) + 1} ({e.Error})", "Write an RE2 expression for the whole value");
        }
        catch (NotSupportedException)
        {
            return new("the expression needs backtracking or grows too large", "Write it without lookarounds, back references and large repetitions (RE2 has none)");
        }
    }

    /// <summary>A path as Gateway API asks of Exact and PathPrefix.</summary>
    public static Mistake? GatewayPath(string text)
    {
        if (text.Length is 0 or > 1024 || text[0] != '/')
        {
            return new("it does not begin with '/' or is longer than 1024", "Write an absolute path such as '/v1'");
        }

        if (text.AsSpan().ContainsAnyExcept(PathCharacters) || !PercentsAreEscapes(text))
        {
            return new("it has characters that a path cannot have", "Escape them with %XX; leave out the query");
        }

        string[] forbidden = ["//", "/./", "/../", "%2f", "%2F"];
        var found = Array.Find(forbidden, part => text.Contains(part, StringComparison.Ordinal))
            ?? Array.Find(["/..", "/."], part => text.EndsWith(part, StringComparison.Ordinal));
        return found is null ? null : new($"it contains '{found}', which never matches a normalized path", "Write the path in its normal form");
    }

    private static bool PercentsAreEscapes(string text)
    {
        for (var i = text.IndexOf('%', StringComparison.Ordinal); i >= 0; i = text.IndexOf('%', i + 1))
        {
            if (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2]))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsDnsLabel(string text)
        => text.Length is > 0 and <= 63 && text[0] != '-' && text[^1] != '-' && !text.AsSpan().ContainsAnyExcept(Label);

    private static bool IsLabelName(string text)
        => text.Length is > 0 and <= 63 && char.IsAsciiLetterOrDigit(text[0]) && char.IsAsciiLetterOrDigit(text[^1]) && !text.AsSpan().ContainsAnyExcept(LabelName);
}
