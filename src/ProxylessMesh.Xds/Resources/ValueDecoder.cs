using System.Net;
using Envoy.Config.Core.V3;
using Envoy.Type.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

/// <summary>The small values that occur everywhere: durations, fractions, addresses, <c>Any</c>.</summary>
internal static class ValueDecoder
{
    // Limits of google.protobuf.Duration.
    private const long MaxDurationSeconds = 315_576_000_000;
    private const int MaxDurationNanos = 999_999_999;

    // Timers of .NET end at 49 days; nobody waits that long, so a longer time is as good as this one.
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(40);

    /// <summary>A duration of zero or more; null where it is not set, or bad and reported.</summary>
    public static TimeSpan? Duration(Duration? value, string field, DecodeErrors errors)
    {
        if (value is null)
        {
            return null;
        }

        if (Math.Abs((decimal)value.Seconds) > MaxDurationSeconds || value.Nanos is < -MaxDurationNanos or > MaxDurationNanos)
        {
            errors.Add(field, $"{value.Seconds}s {value.Nanos}ns", "is outside the range of a duration");
            return null;
        }

        if (value.Seconds < 0 || value.Nanos < 0)
        {
            errors.Add(field, Text(value), "must be >= 0");
            return null;
        }

        if (value.Seconds >= LongestTimer.TotalSeconds)
        {
            return LongestTimer;
        }

        // Rounded up: 10 ns must not become 0, which means "no limit" in many fields.
        return TimeSpan.FromTicks((value.Seconds * TimeSpan.TicksPerSecond) + ((value.Nanos + 99) / 100));
    }

    /// <summary>A duration above zero; null where it is not set, or bad and reported.</summary>
    public static TimeSpan? PositiveDuration(Duration? value, string field, DecodeErrors errors)
    {
        var duration = Duration(value, field, errors);
        if (duration == TimeSpan.Zero)
        {
            errors.Add(field, "0s", "must be > 0");
            return null;
        }

        return duration;
    }

    /// <summary>A share per million; above 100 % counts as always, as in Envoy.</summary>
    public static int PerMillion(FractionalPercent? value, string field, DecodeErrors errors)
    {
        if (value is null)
        {
            return 0;
        }

        var scale = Scale(value);
        if (scale == 0)
        {
            errors.Add(field + ".denominator", (int)value.Denominator, "must be HUNDRED, TEN_THOUSAND or MILLION");
        }

        return (int)Math.Min(value.Numerator * (long)scale, FractionMatcher.Always);
    }

    /// <summary>How many millionths one part of the numerator is; 0 for a denominator that is not known.</summary>
    public static int Scale(FractionalPercent value)
        => value.Denominator switch
        {
            FractionalPercent.Types.DenominatorType.Hundred => 10_000,
            FractionalPercent.Types.DenominatorType.TenThousand => 100,
            FractionalPercent.Types.DenominatorType.Million => 1,
            _ => 0,
        };

    /// <summary>A percentage from 0 to 100, as <c>envoy.type.v3.Percent</c>.</summary>
    public static double Percent(Percent? value, double fallback, string field, DecodeErrors errors)
    {
        if (value is null)
        {
            return fallback;
        }

        if (value.Value is >= 0 and <= 100)
        {
            return value.Value;
        }

        errors.Add(field, value.Value, "must be 0 to 100");
        return fallback;
    }

    /// <summary>A percentage of at most 100; <paramref name="fallback"/> where it is not set.</summary>
    public static uint Percent(uint? value, uint fallback, string field, DecodeErrors errors)
    {
        if (value > 100)
        {
            errors.Add(field, value, "must be <= 100");
            return fallback;
        }

        return value ?? fallback;
    }

    /// <summary>An IP address with a port; names are not addresses.</summary>
    public static IPEndPoint? Address(Address? value, string field, DecodeErrors errors)
    {
        if (value?.SocketAddress is not { } socket)
        {
            errors.Add(field, value?.AddressCase.ToString() ?? "unset", "must be a socket_address");
            return null;
        }

        if (!IPAddress.TryParse(socket.Address, out var ip))
        {
            errors.Add(field + ".socket_address.address", socket.Address, "must be an IP address");
            return null;
        }

        if (socket.PortSpecifierCase != Envoy.Config.Core.V3.SocketAddress.PortSpecifierOneofCase.PortValue || socket.PortValue > IPEndPoint.MaxPort)
        {
            errors.Add(field + ".socket_address.port_value", socket.PortValue, "must be a port number, 0 to 65535");
            return null;
        }

        return new IPEndPoint(ip, (int)socket.PortValue);
    }

    /// <summary>An address range; bits beyond the prefix are cleared, as Envoy does.</summary>
    public static IPNetwork? Network(CidrRange? value, string field, DecodeErrors errors)
    {
        if (!IPAddress.TryParse(value?.AddressPrefix ?? "", out var address))
        {
            errors.Add(field + ".address_prefix", value?.AddressPrefix, "must be an IP address");
            return null;
        }

        var bytes = address.GetAddressBytes();
        var length = value?.PrefixLen ?? 0;
        if (length > bytes.Length * 8)
        {
            errors.Add(field + ".prefix_len", length, $"must be <= {bytes.Length * 8} for {address}");
            return null;
        }

        for (var i = 0; i < bytes.Length; i++)
        {
            var bits = Math.Clamp((int)length - (i * 8), 0, 8);
            bytes[i] &= (byte)(0xFF << (8 - bits));
        }

        return new IPNetwork(new IPAddress(bytes), (int)length);
    }

    /// <summary>Only <c>ads</c> and <c>self</c> are sources that this client has (gRFC A27).</summary>
    public static void CheckSource(ConfigSource? source, string field, DecodeErrors errors)
    {
        if (source?.Ads is null && source?.Self is null)
        {
            errors.Add(field, source?.ConfigSourceSpecifierCase.ToString() ?? "unset", "must be ads or self");
        }
    }

    /// <summary>What is inside of an <c>Any</c> of a known type; null after bytes that do not parse, which are reported.</summary>
    public static T? Unpack<T>(Any any, MessageParser<T> parser, DecodeErrors errors)
        where T : class, IMessage<T>
    {
        if (WireParser.TryParse(parser, any.Value, out var message, out var error))
        {
            return message;
        }

        errors.Add($"does not parse as {any.TypeUrl}: {error}");
        return null;
    }

    /// <summary>
    /// Whether a message, or one inside it, has fields that this version does not know. Asked where a field that is not
    /// understood must not be ignored: in what decides who gets in.
    /// </summary>
    public static bool HasUnknownFields<T>(T message, MessageParser<T> parser)
        where T : IMessage<T>
        => parser.WithDiscardUnknownFields(true).ParseFrom(message.ToByteString()).CalculateSize() != message.CalculateSize();

    private static string Text(Duration value)
    {
        var seconds = value.Seconds + (value.Nanos / 1_000_000_000m);
        return seconds.ToString("0.#########", System.Globalization.CultureInfo.InvariantCulture) + "s";
    }
}
