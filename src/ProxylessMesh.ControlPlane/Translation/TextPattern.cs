using Envoy.Type.Matcher.V3;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>The values of an AuthorizationPolicy: exact, <c>prefix*</c> or <c>*suffix</c>. A star elsewhere is a star.</summary>
internal static class TextPattern
{
    /// <param name="value">Not the lone <c>*</c>: what "present" means differs by field.</param>
    /// <param name="before">Stands before every text that is matched.</param>
    public static StringMatcher Matcher(string value, string before = "")
    {
        if (value.EndsWith('*'))
        {
            return new StringMatcher { Prefix = before + value[..^1] };
        }

        return value.StartsWith('*') ? new StringMatcher { Suffix = value[1..] } : new StringMatcher { Exact = before + value };
    }
}
