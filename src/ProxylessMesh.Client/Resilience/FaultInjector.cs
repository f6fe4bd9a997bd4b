using System.Globalization;
using System.Net.Sockets;
using System.Security.Authentication;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Resilience;

/// <summary>
/// Carries out what a fault filter asks, for a share of the calls and once per call, before any attempt (gRFC A33, Envoy's HTTP fault
/// filter, and ours): a delay, then an exception or an abort, or an answer whose body is slow or breaks.
/// </summary>
internal sealed class FaultInjector(TimeProvider time, MeshMeter meter)
{
    private long _active;

    /// <summary>Faults under way.</summary>
    public long Active => Volatile.Read(ref _active);

    /// <summary>Waits if the call drew a delay, and tells what else it drew.</summary>
    /// <typeparam name="TRequest">How matchers see the call.</typeparam>
    /// <exception cref="HttpRequestException">The call drew it.</exception>
    /// <exception cref="TaskCanceledException">The call drew it, or was cancelled.</exception>
    public async ValueTask<InjectedFault> InjectAsync<TRequest>(FaultConfig fault, TRequest request, CancellationToken cancellationToken)
        where TRequest : struct, IMatchInput
    {
        if (!Applies(fault, request))
        {
            return default;
        }

        if (DelayOf(fault, request) is { } delay && TryBegin(fault))
        {
            meter.FaultInjected("delay");
            try
            {
                await Task.Delay(delay, time, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                Release();
            }
        }

        if (fault.Exception is { } kind && fault.ExceptionFraction.Matches() && TryOnce(fault))
        {
            meter.FaultInjected("exception");
            throw ExceptionOf(kind);
        }

        var abort = AbortOf(fault, request);
        if (!abort.IsNone && TryOnce(fault))
        {
            meter.FaultInjected("abort");
            return abort;
        }

        return default;
    }

    /// <summary>Draws what happens to the body of the call's answer; null: nothing.</summary>
    /// <typeparam name="TRequest">How matchers see the call.</typeparam>
    /// <returns>Counts as under way until it is released.</returns>
    public ResponseFault? DrawResponse<TRequest>(FaultConfig fault, in TRequest request)
        where TRequest : struct, IMatchInput
    {
        var rate = fault.ResponseBytesPerSecond is { } limit && fault.ResponseFraction.Matches() ? limit : default(long?);
        var cut = fault.CutAfterBytes is { } bytes && fault.CutFraction.Matches() ? bytes : default(long?);
        if ((rate ?? cut) is null || !Applies(fault, request) || !TryBegin(fault))
        {
            return null;
        }

        if (rate is not null)
        {
            meter.FaultInjected("bandwidth");
        }

        if (cut is not null)
        {
            meter.FaultInjected("cut");
        }

        return new ResponseFault(rate, cut, time, Release);
    }

    private bool Applies<TRequest>(FaultConfig fault, in TRequest request)
        where TRequest : struct, IMatchInput
    {
        if (fault.Until is { } end && time.GetUtcNow() >= end)
        {
            return false;
        }

        foreach (var header in fault.Headers)
        {
            if (!header.Matches(request))
            {
                return false;
            }
        }

        return true;
    }

    private static TimeSpan? DelayOf<TRequest>(FaultConfig fault, in TRequest request)
        where TRequest : struct, IMatchInput
    {
        if (!fault.DelayByHeader)
        {
            return fault.DelayFraction.Matches() ? fault.Delay : null;
        }

        return Number(request, "x-envoy-fault-delay-request") is { } milliseconds and > 0
            && Share(fault.DelayFraction, fault.DelayHeaderScale, request, "x-envoy-fault-delay-request-percentage").Matches()
            ? TimeSpan.FromMilliseconds(milliseconds)
            : null;
    }

    private static InjectedFault AbortOf<TRequest>(FaultConfig fault, in TRequest request)
        where TRequest : struct, IMatchInput
    {
        if (!fault.AbortByHeader)
        {
            return fault.AbortFraction.Matches() ? new InjectedFault(fault.AbortHttpStatus, fault.AbortGrpcStatus) : default;
        }

        var http = Number(request, "x-envoy-fault-abort-request") is { } status and >= 200 and <= 599 ? status : default(int?);
        var grpc = Number(request, "x-envoy-fault-abort-grpc-request") is { } code and <= 16 ? code : default(int?);
        return (http ?? grpc) is not null && Share(fault.AbortFraction, fault.AbortHeaderScale, request, "x-envoy-fault-abort-request-percentage").Matches()
            ? new InjectedFault(http, grpc)
            : default;
    }

    // A call may ask for less than the config allows, never for more (gRFC A33).
    private static FractionMatcher Share<TRequest>(FractionMatcher configured, int scale, in TRequest request, string header)
        where TRequest : struct, IMatchInput
        => Number(request, header) is { } asked ? new FractionMatcher((int)Math.Min(configured.PerMillion, (long)asked * scale)) : configured;

    private static int? Number<TRequest>(in TRequest request, string header)
        where TRequest : struct, IMatchInput
        => request.TryGetHeader(header, out var text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static Exception ExceptionOf(FaultException kind) => kind switch
    {
        FaultException.ConnectionRefused => new HttpRequestException(
            HttpRequestError.ConnectionError, "Connection refused (injected by the mesh).", new SocketException((int)SocketError.ConnectionRefused)),
        FaultException.NameResolution => new HttpRequestException(
            HttpRequestError.NameResolutionError, "The name does not resolve (injected by the mesh).", new SocketException((int)SocketError.HostNotFound)),
        FaultException.Tls => new HttpRequestException(
            HttpRequestError.SecureConnectionError, "The TLS handshake failed (injected by the mesh).", new AuthenticationException("injected by the mesh")),
        FaultException.ResponseEnded => new HttpRequestException(
            HttpRequestError.ResponseEnded, "The response ended too early (injected by the mesh).", new HttpIOException(HttpRequestError.ResponseEnded, "injected by the mesh")),
        _ => new TaskCanceledException("The call timed out (injected by the mesh).", new TimeoutException("injected by the mesh")),
    };

    // For what is over as soon as it happens.
    private bool TryOnce(FaultConfig fault)
    {
        if (!TryBegin(fault))
        {
            return false;
        }

        Release();
        return true;
    }

    private bool TryBegin(FaultConfig fault)
    {
        if (Interlocked.Increment(ref _active) <= (fault.MaxActiveFaults ?? long.MaxValue))
        {
            return true;
        }

        Release();
        return false;
    }

    private void Release() => Interlocked.Decrement(ref _active);
}

/// <summary>The status that a call is aborted with: HTTP's, gRPC's, or none.</summary>
internal readonly record struct InjectedFault(int? HttpStatus, int? GrpcStatus)
{
    public bool IsNone => (HttpStatus ?? GrpcStatus) is null;
}
