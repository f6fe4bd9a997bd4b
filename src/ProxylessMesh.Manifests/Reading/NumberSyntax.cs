using System.Buffers;
using System.Globalization;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>What YAML takes for a number when it stands without quotes.</summary>
internal static class NumberSyntax
{
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    public static bool IsNumber(string text)
        => text.Length > 0
            && (char.IsAsciiDigit(text[0]) || text[0] is '-' or '+' or '.')
            && (IsInteger(text) || TryParseDecimal(text, out _) || IsPrefixed(text) || text is ".inf" or "-.inf" or ".nan");

    public static bool TryParseDecimal(string text, out double value)
        => double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out value)
            && double.IsFinite(value);

    private static bool IsInteger(string text)
    {
        var digits = text.AsSpan(text[0] is '-' or '+' ? 1 : 0);
        return digits.Length > 0 && !digits.ContainsAnyExceptInRange('0', '9');
    }

    private static bool IsPrefixed(string text)
        => text.Length > 2 && text[0] == '0'
            && (text[1] is 'x' && !text.AsSpan(2).ContainsAnyExcept(HexDigits)
                || text[1] is 'o' && !text.AsSpan(2).ContainsAnyExceptInRange('0', '7')
                || text[1] is 'b' && !text.AsSpan(2).ContainsAnyExceptInRange('0', '1'));
}
