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

        var delay = map.Required("fixedDelay", "Write a duration such as '500ms'")?.Duration(DurationSyntax.Istio, TimeSpan.FromMilliseconds(1));
        var percentage = ReadPercentage(map);
        map.NotYet("percent", "exponentialDelay");
        map.End();
        return delay is { } fixedDelay ? new FaultDelay(fixedDelay, percentage) : null;
    }

    private static FaultAbort? ReadAbort(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        if (map.Has("httpStatus") == map.Has("grpcStatus"))
        {
            map.Fail("it needs exactly one of httpStatus and grpcStatus", "Write 'httpStatus: 503' or 'grpcStatus: UNAVAILABLE'");
        }

        var abort = new FaultAbort(map.Integer("httpStatus", 200, 599), map.Field("grpcStatus")?.Choice<int>(GrpcStatusNames), ReadPercentage(map));
        map.NotYet("http2Error");
        map.End();
        return abort;
    }

    // Not written: every call, as Istio documents.
    private static double ReadPercentage(YamlMap owner)
    {
        if (owner.Map("percentage") is not { } map)
        {
            return 100;
        }

        var percentage = map.Required("value", "Write a number from 0 to 100")?.Number(0, 100) ?? 0;
        map.End();
        return percentage;
    }

    private static (string Word, int Value)[] GrpcStatusNames =>
    [
        ("OK", 0), ("CANCELLED", 1), ("UNKNOWN", 2), ("INVALID_ARGUMENT", 3), ("DEADLINE_EXCEEDED", 4), ("NOT_FOUND", 5), ("ALREADY_EXISTS", 6),
        ("PERMISSION_DENIED", 7), ("RESOURCE_EXHAUSTED", 8), ("FAILED_PRECONDITION", 9), ("ABORTED", 10), ("OUT_OF_RANGE", 11), ("UNIMPLEMENTED", 12),
        ("INTERNAL", 13), ("UNAVAILABLE", 14), ("DATA_LOSS", 15), ("UNAUTHENTICATED", 16),
    ];
}
