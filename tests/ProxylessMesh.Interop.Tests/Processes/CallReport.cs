using System.Text.Json;

namespace ProxylessMesh.Interop.Tests.Processes;

/// <summary>The JSON object that the peers' clients print after their calls.</summary>
internal sealed record CallReport
{
    private static readonly JsonSerializerOptions _options = new(JsonSerializerDefaults.Web) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public int Calls { get; init; }

    public int Ok { get; init; }

    /// <summary>Answers by the backend's <c>hostname</c> header.</summary>
    public Dictionary<string, int> Backends { get; init; } = [];

    public Dictionary<string, int>? Errors { get; init; }

    /// <summary>SPIFFE IDs that backends proved to the client.</summary>
    public Dictionary<string, int>? ServerIds { get; init; }

    /// <summary>SPIFFE IDs of the caller as backends saw it.</summary>
    public Dictionary<string, int>? ClientIds { get; init; }

    public static CallReport Parse(string output)
    {
        var line = output.Split('\n').LastOrDefault(line => line.StartsWith('{'));
        Assert.True(line is not null, $"The peer printed no report:\n{output}");
        return JsonSerializer.Deserialize<CallReport>(line, _options)!;
    }

    /// <summary>Every call was answered.</summary>
    public CallReport Complete()
    {
        Assert.True(Ok == Calls, $"{Calls - Ok} of {Calls} calls failed: {JsonSerializer.Serialize(Errors)}");
        return this;
    }

    /// <summary>The share of a backend, within four standard deviations of what was asked.</summary>
    public void HasShare(string backend, double share)
    {
        var got = Backends.GetValueOrDefault(backend) / (double)Calls;
        Assert.InRange(got, share - Tolerance(share), share + Tolerance(share));
    }

    private double Tolerance(double share) => 4 * Math.Sqrt(share * (1 - share) / Calls);
}
