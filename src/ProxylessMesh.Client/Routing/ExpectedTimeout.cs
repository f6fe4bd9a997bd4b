using System.Globalization;

namespace ProxylessMesh.Client.Routing;

/// <summary>
/// The value of <c>x-envoy-expected-rq-timeout-ms</c>: whole milliseconds, rounded up. The text of a route's whole limit is made once:
/// nearly every first attempt sends it.
/// </summary>
internal sealed class ExpectedTimeout(TimeSpan limit)
{
    public const string HeaderName = "x-envoy-expected-rq-timeout-ms";

    private readonly long _wholeMilliseconds = Milliseconds(limit);
    private readonly string _whole = Format(limit);

    public string Of(TimeSpan rest) => Milliseconds(rest) == _wholeMilliseconds ? _whole : Format(rest);

    public static string Format(TimeSpan rest) => Milliseconds(rest).ToString(CultureInfo.InvariantCulture);

    private static long Milliseconds(TimeSpan time) => (long)Math.Ceiling(time.TotalMilliseconds);
}
