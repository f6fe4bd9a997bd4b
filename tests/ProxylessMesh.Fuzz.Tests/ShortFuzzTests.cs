namespace ProxylessMesh.Fuzz.Tests;

/// <summary>A short run of every target, the same inputs each time. The long one: <c>dotnet run -c Release --project tests/ProxylessMesh.Fuzz -- --count 1000000</c>.</summary>
public sealed class ShortFuzzTests
{
    private const int Inputs = 3000;

    public static TheoryData<string> Targets => [.. FuzzTargets.All.Select(static target => target.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Nothing_comes_out_but_what_is_documented(string name)
    {
        var target = FuzzTargets.All.Single(target => target.Name == name);

        var result = new FuzzRun(target, seed: 20261123).Run(Inputs / target.Cost);

        TestContext.Current.TestOutputHelper!.WriteLine(result.ToString());
        Assert.True(result.Finding is null, result.ToString());
        Assert.True(result.Refused > 0, $"No input was refused: {result}");
    }

    [Fact]
    public void A_decoder_that_throws_is_found()
    {
        var target = new FuzzTarget("bad", ["good"u8.ToArray()], static bytes => bytes is not [(byte)'g', ..] ? throw new InvalidOperationException("found") : true);

        Assert.Contains("found", new FuzzRun(target, seed: 1).Run(10_000).Finding);
    }

    [Fact]
    public void A_decoder_that_takes_too_much_memory_is_found()
    {
        var target = new FuzzTarget("greedy", ["good"u8.ToArray()], static bytes => bytes is [(byte)'g', ..] || new byte[FuzzRun.MaxBytesPerInput + 1].Length > 0);

        Assert.Contains("MiB", new FuzzRun(target, seed: 1).Run(10_000).Finding);
    }

    [Fact]
    public void A_seed_that_is_refused_is_found()
        => Assert.Contains("seed", new FuzzRun(new FuzzTarget("strict", ["good"u8.ToArray()], static _ => false), seed: 1).Run(1).Finding);
}
