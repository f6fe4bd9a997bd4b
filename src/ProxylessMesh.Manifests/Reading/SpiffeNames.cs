using System.Text.RegularExpressions;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Names of the SPIFFE-ID standard (§2).</summary>
internal static partial class SpiffeNames
{
    private const int MaxIdLength = 2048;

    public static Mistake? TrustDomain(string text)
        => DomainSyntax().IsMatch(text) ? null : new("it is no trust domain", "Write 1 to 255 lower-case letters, digits, '.', '-' or '_', without 'spiffe://'");

    /// <summary>An ID with a path, as a workload has.</summary>
    public static Mistake? WorkloadId(string text)
        => text.Length <= MaxIdLength && IdSyntax().IsMatch(text) && !text["spiffe://".Length..].Split('/').Skip(1).Any(static segment => segment is "." or "..")
            ? null
            : new("it is no SPIFFE ID of a workload", "Write 'spiffe://', the trust domain and a path, such as 'spiffe://partner.test/ns/spire/sa/server'");

    /// <summary>One segment of an ID's path.</summary>
    public static Mistake? Segment(string text)
        => SegmentSyntax().IsMatch(text) && text is not ("." or "..") ? null : new("it cannot stand in a SPIFFE ID", "Write letters, digits, '.', '-' or '_'");

    [GeneratedRegex(@"\A[a-z0-9._-]{1,255}\z")]
    private static partial Regex DomainSyntax();

    [GeneratedRegex(@"\Aspiffe://[a-z0-9._-]{1,255}(?:/[a-zA-Z0-9._-]+)+\z", RegexOptions.NonBacktracking)]
    private static partial Regex IdSyntax();

    [GeneratedRegex(@"\A[a-zA-Z0-9._-]{1,253}\z")]
    private static partial Regex SegmentSyntax();
}
