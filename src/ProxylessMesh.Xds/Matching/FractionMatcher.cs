namespace ProxylessMesh.Xds.Matching;

/// <summary>True for a share of the requests: <c>RuntimeFractionalPercent</c> by its default value.</summary>
/// <param name="PerMillion">From 0 (never) to 1,000,000 (always).</param>
internal readonly record struct FractionMatcher(int PerMillion)
{
    public const int Always = 1_000_000;

    public bool Matches() => PerMillion >= Always || (PerMillion > 0 && Random.Shared.Next(Always) < PerMillion);
}
