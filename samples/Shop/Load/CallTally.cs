using Shop.Roles;

namespace Shop.Load;

/// <summary>Figures of some calls.</summary>
internal sealed class CallTally(IReadOnlyList<CallRecord> calls)
{
    public int Calls => calls.Count;

    public int Lost => calls.Count(call => call.Answer is null);

    public int Orders => calls.Count(call => call.IsOrder);

    public IEnumerable<StorefrontAnswer> Answers => calls.Select(call => call.Answer).OfType<StorefrontAnswer>();

    /// <summary>The different reasons of lost calls, the most frequent first.</summary>
    public IEnumerable<string> Errors => calls.Select(call => call.Error).OfType<string>().CountBy(error => error)
        .OrderByDescending(error => error.Value).Select(error => $"{error.Value} x {error.Key}");

    public IReadOnlyDictionary<string, int> ByCatalogInstance => Count(Answers.Select(answer => answer.Catalog.Instance));

    public IReadOnlyDictionary<string, int> ByCatalogVersion => Count(Answers.Select(answer => answer.Catalog.Version));

    public IReadOnlyDictionary<string, int> ByPricingInstance => Count(Answers.Select(answer => answer.PricingInstance).OfType<string>());

    /// <summary>The latency that the given share of the calls stayed below.</summary>
    public TimeSpan Percentile(double share)
    {
        var sorted = calls.Select(call => call.Took).Order().ToList();
        return sorted.Count == 0 ? TimeSpan.Zero : sorted[Math.Min(sorted.Count - 1, (int)(share * sorted.Count))];
    }

    /// <summary>The calls that were routed by this state of the canary file.</summary>
    public CallTally OfRelease(string release) => new([.. calls.Where(call => call.Answer?.Catalog.Release == release)]);

    private static SortedDictionary<string, int> Count(IEnumerable<string> names)
        => new(names.CountBy(name => name).ToDictionary(), StringComparer.Ordinal);
}
