using Envoy.Extensions.Filters.Http.Fault.V3;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests.Kinds;
using WireAbort = Envoy.Extensions.Filters.Http.Fault.V3.FaultAbort;
using WireDelay = Envoy.Extensions.Filters.Common.Fault.V3.FaultDelay;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Faults of a route, as its override of the fault filter.</summary>
internal static class FaultTranslator
{
    /// <summary>Every call is answered with 500: Gateway API's answer where a rule leads nowhere. Unlike a direct response, gRPC clients take it.</summary>
    public static HTTPFault Nowhere => new() { Abort = new WireAbort { HttpStatus = 500, Percentage = Percentage(100) } };

    /// <summary>The same for a GRPCRoute: UNAVAILABLE.</summary>
    public static HTTPFault NowhereGrpc => new() { Abort = new WireAbort { GrpcStatus = 14, Percentage = Percentage(100) } };

    public static HTTPFault Translate(VirtualServiceFault fault) => new()
    {
        Delay = fault.Delay is { } delay
            ? new WireDelay { FixedDelay = delay.FixedDelay.ToDuration(), Percentage = Percentage(delay.Percentage) }
            : null,
        Abort = fault.Abort is { } abort ? Abort(abort) : null,
    };

    private static WireAbort Abort(ProxylessMesh.Manifests.Kinds.FaultAbort abort)
    {
        var wire = new WireAbort { Percentage = Percentage(abort.Percentage) };
        if (abort.GrpcStatus is { } status)
        {
            wire.GrpcStatus = (uint)status;
        }
        else
        {
            wire.HttpStatus = (uint)(abort.HttpStatus ?? 503);
        }

        return wire;
    }

    /// <summary>0-100, in millionths.</summary>
    public static FractionalPercent Percentage(double percentage) => new()
    {
        Numerator = (uint)Math.Round(percentage * 10_000),
        Denominator = FractionalPercent.Types.DenominatorType.Million,
    };
}
