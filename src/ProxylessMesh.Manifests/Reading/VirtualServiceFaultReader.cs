using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>fault</c> of a VirtualService's route.</summary>
internal static class VirtualServiceFaultReader
{
    public static VirtualServiceFault? Read(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        if (!map.Has("delay") && !map.Has("abort"))
        {
            map.Fail("it has neither a delay nor an abort", "Write 'delay:', 'abort:' or both");
        }

        var fault = new VirtualServiceFault { Delay = ReadDelay(map.Map("delay")), Abort = ReadAbort(map.Map("abort")) };
        map.End();
        return fault;
    }

    private static FaultDelay? ReadDelay(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        if (map.Has("exponentialDelay"))
        {
            map.Field("exponentialDelay")?.Fail("Istio has the field, but carries it out nowhere", "Write 'fixedDelay'");
        }

        var delay = map.Required("fixedDelay", "Write a duration such as '500ms'")?.Duration(DurationSyntax.Istio, TimeSpan.FromMilliseconds(1));
        double? percent = null;
        if (map.Has("percent") && map.Field("percent") is { } old)
        {
            old.Warn("the field is deprecated", "Write 'percentage: { value: … }'");
            percent = old.Integer(0, 100);
        }

        var percentage = ReadPercentage(map) ?? percent;
        WarnOfNone(map, percentage, "delayed");
        map.End();
        return delay is { } fixedDelay ? new FaultDelay(fixedDelay, percentage ?? 0) : null;
    }

    private static FaultAbort? ReadAbort(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        if (map.Has("http2Error"))
        {
            map.Field("http2Error")?.Fail("Istio has the field, but carries it out nowhere", "Write 'httpStatus' or 'grpcStatus'");
        }
        else if (map.Has("httpStatus") == map.Has("grpcStatus"))
        {
            map.Fail("it needs exactly one of httpStatus and grpcStatus", "Write 'httpStatus: 503' or 'grpcStatus: UNAVAILABLE'");
        }

        var percentage = ReadPercentage(map);
        WarnOfNone(map, percentage, "aborted");
        var abort = new FaultAbort(map.Integer("httpStatus", 200, 599), map.Field("grpcStatus")?.Choice<int>(GrpcStatusNames), percentage ?? 0);
        map.End();
        return abort;
    }

    private static double? ReadPercentage(YamlMap map) => Percentages.Read(map, "percentage");

    // Older pages of Istio's documents say "all" here; what it hands to its proxies says none, and so do its newer pages.
    private static void WarnOfNone(YamlMap map, double? percentage, string done)
    {
        if (percentage is null && !map.Has("percentage") && !map.Has("percent"))
        {
            map.Errors.Add(map.Node.At, map.Path, null, $"it has no percentage, so no call is {done}, as in Istio", "Write 'percentage: { value: 100 }' for all calls", ManifestErrorSeverity.Warning);
        }
    }

    internal static (string Word, int Value)[] GrpcStatusNames =>
    [
        ("OK", 0), ("CANCELLED", 1), ("UNKNOWN", 2), ("INVALID_ARGUMENT", 3), ("DEADLINE_EXCEEDED", 4), ("NOT_FOUND", 5), ("ALREADY_EXISTS", 6),
        ("PERMISSION_DENIED", 7), ("RESOURCE_EXHAUSTED", 8), ("FAILED_PRECONDITION", 9), ("ABORTED", 10), ("OUT_OF_RANGE", 11), ("UNIMPLEMENTED", 12),
        ("INTERNAL", 13), ("UNAVAILABLE", 14), ("DATA_LOSS", 15), ("UNAUTHENTICATED", 16),
    ];
}
