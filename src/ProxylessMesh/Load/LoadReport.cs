using System.Globalization;
using Google.Protobuf;
using Xds.Data.Orca.V3;

namespace ProxylessMesh.Load;

/// <summary>One measurement, and its two forms on the wire. Utilizations are shares of 1.</summary>
internal sealed class LoadReport
{
    /// <summary>Of HTTP answers (Envoy's text form) and, with <c>-bin</c>, of gRPC trailers (gRFC A51).</summary>
    public const string HeaderName = "endpoint-load-metrics";

    /// <summary>Base64 of an <c>OrcaLoadReport</c>.</summary>
    public const string TrailerName = "endpoint-load-metrics-bin";

    private string? _text;
    private string? _binary;

    /// <summary>The clock's timestamp.</summary>
    public required long MeasuredAt { get; init; }

    public double Processor { get; init; }

    public double Memory { get; init; }

    /// <summary>0 or more; above 1 when overloaded.</summary>
    public double Application { get; init; }

    public double CallsPerSecond { get; init; }

    public double ErrorsPerSecond { get; init; }

    public double GcPauseShare { get; init; }

    public double ThreadPoolQueue { get; init; }

    public long Running { get; init; }

    /// <summary>Made once.</summary>
    public string Text => _text ??= string.Create(
        CultureInfo.InvariantCulture,
        $"TEXT cpu_utilization={Processor:0.####},mem_utilization={Memory:0.####},application_utilization={Application:0.####},rps_fractional={CallsPerSecond:0.##},eps={ErrorsPerSecond:0.##},named_metrics.gc_pause={GcPauseShare:0.####},named_metrics.thread_pool_queue={ThreadPoolQueue:0.####},named_metrics.in_flight={Running}");

    /// <summary>Made once.</summary>
    public string Binary => _binary ??= Convert.ToBase64String(new OrcaLoadReport
    {
        CpuUtilization = Processor,
        MemUtilization = Memory,
        ApplicationUtilization = Application,
        RpsFractional = CallsPerSecond,
        Eps = ErrorsPerSecond,
        NamedMetrics = { ["gc_pause"] = GcPauseShare, ["thread_pool_queue"] = ThreadPoolQueue, ["in_flight"] = Running },
    }.ToByteArray());
}
