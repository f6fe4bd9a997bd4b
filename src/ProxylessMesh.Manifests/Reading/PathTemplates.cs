using System.Buffers;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Istio's path templates: whole segments may be <c>{*}</c>, one segment, or, as the last of them, <c>{**}</c>, any number.</summary>
internal static class PathTemplates
{
    private static readonly SearchValues<char> Literal = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%!$&'()+,;:@=");

    public static Mistake? Check(string text)
    {
        if (!text.StartsWith('/'))
        {
            return new("a template does not begin with '/'", "Write a path from the root");
        }

        var hasRest = false;
        foreach (var segment in text[1..].Split('/'))
        {
            var isOperator = segment is "{*}" or "{**}";
            if (isOperator && hasRest)
            {
                return new("an operator stands behind '{**}'", "Put '{**}' last, or use '{*}'");
            }

            hasRest |= segment == "{**}";
            if (!isOperator && segment.AsSpan().ContainsAnyExcept(Literal))
            {
                return new($"'{ReadingErrors.Show(segment)}' is no segment of a template", "Write '{*}' for one segment, '{**}' for any number, or plain characters");
            }
        }

        return null;
    }
}
