using Shop.Roles;

namespace Shop.Load;

/// <summary>One call of the load, finished.</summary>
/// <param name="IsOrder">A POST; otherwise a GET.</param>
/// <param name="Answer">What came back; <see langword="null"/>: the call is lost.</param>
/// <param name="Error">Why it is lost.</param>
/// <param name="Took">From the first byte to the last.</param>
/// <param name="FinishedAt">Timestamp of the clock.</param>
internal sealed record CallRecord(bool IsOrder, StorefrontAnswer? Answer, string? Error, TimeSpan Took, long FinishedAt);
