using ProxylessMesh.Manifests.Reading;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class DurationsTests
{
    [Theory]
    [InlineData("0s", 0)]
    [InlineData("500ms", 500)]
    [InlineData("1m30s", 90_000)]
    [InlineData("1h1m1s1ms", 3_661_001)]
    [InlineData("30s1m", 90_000)]
    [InlineData("99999h", 359_996_400_000)]
    public void Gateway_durations(string text, long milliseconds)
        => Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), Durations.Parse(text, DurationSyntax.GatewayApi));

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData("1.5s")]
    [InlineData("-1s")]
    [InlineData("1 s")]
    [InlineData("100us")]
    [InlineData("100000s")]
    [InlineData("1s1s1s1s1s")]
    [InlineData("1S")]
    public void Not_gateway_durations(string text) => Assert.Null(Durations.Parse(text, DurationSyntax.GatewayApi));

    [Theory]
    [InlineData("0", 0)]
    [InlineData("0s", 0)]
    [InlineData("1.5s", 1500)]
    [InlineData(".5s", 500)]
    [InlineData("1h30m", 5_400_000)]
    [InlineData("1000us", 1)]
    [InlineData("0.250s", 250)]
    public void Istio_durations(string text, long milliseconds)
        => Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), Durations.Parse(text, DurationSyntax.Istio));

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("1..5s")]
    [InlineData("1d")]
    [InlineData("-1s")]
    [InlineData("1e3s")]
    [InlineData("2.000000005s")]
    [InlineData("0.5ms")]
    [InlineData("99999999999999999999h")]
    public void Not_istio_durations(string text) => Assert.Null(Durations.Parse(text, DurationSyntax.Istio));
}
