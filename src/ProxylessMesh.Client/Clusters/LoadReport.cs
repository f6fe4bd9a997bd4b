using System.Buffers.Text;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using Google.Protobuf;
using Xds.Data.Orca.V3;

namespace ProxylessMesh.Client.Clusters;

/// <summary>What an endpoint said of its load with an answer (ORCA, gRFC A51): in the trailers of gRPC, in the headers of HTTP (Envoy).</summary>
/// <param name="Utilization">Of the application where it says so, else of the processor; share of 1.</param>
/// <param name="CallsPerSecond">Served by the endpoint.</param>
/// <param name="ErrorsPerSecond">Of them failed.</param>
internal readonly record struct LoadReport(double Utilization, double CallsPerSecond, double ErrorsPerSecond)
{
    private const string BinaryHeader = "endpoint-load-metrics-bin";
    private const string Header = "endpoint-load-metrics";

    // More is no report of load.
    private const int MaxLength = 16 * 1024;

    /// <returns>False where there is no report, or one that cannot be read: it is then as if there was none.</returns>
    public static bool TryRead(HttpHeaders headers, out LoadReport report)
    {
        report = default;
        if (headers.NonValidated.TryGetValues(BinaryHeader, out var binary))
        {
            return TryReadBinary(binary.ToString(), out report);
        }

        if (!headers.NonValidated.TryGetValues(Header, out var values) || values.ToString() is not { Length: > 5 and <= MaxLength } text)
        {
            return false;
        }

        var body = text[5..];
        return text.StartsWith("TEXT ", StringComparison.Ordinal) ? TryReadText(body, out report)
            : text.StartsWith("JSON ", StringComparison.Ordinal) ? TryReadJson(body, out report)
            : text.StartsWith("BIN ", StringComparison.Ordinal) && TryReadBinary(text[4..], out report);
    }

    private static bool TryReadBinary(string text, out LoadReport report)
    {
        report = default;

        // gRPC leaves the padding out.
        var padded = text.Trim().TrimEnd('=');
        padded = padded.PadRight((padded.Length + 3) / 4 * 4, '=');
        if (padded.Length is 0 or > MaxLength || !Base64.IsValid(padded))
        {
            return false;
        }

        try
        {
            var wire = OrcaLoadReport.Parser.ParseFrom(Convert.FromBase64String(padded));
            return Of(wire.CpuUtilization, wire.ApplicationUtilization, wire.RpsFractional, wire.Rps, wire.Eps, out report);
        }
        catch (InvalidProtocolBufferException)
        {
            return false;
        }
    }

    private static bool TryReadText(string text, out LoadReport report)
    {
        report = default;
        var values = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var split = part.IndexOf('=', StringComparison.Ordinal);
            if (split <= 0 || !double.TryParse(part.AsSpan(split + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || !values.TryAdd(part[..split].Trim(), value))
            {
                return false;
            }
        }

        return Of(values, out report);
    }

    private static bool TryReadJson(string text, out LoadReport report)
    {
        report = default;
        try
        {
            using var json = JsonDocument.Parse(text);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
            {
                return false;
            }

            var values = new Dictionary<string, double>(StringComparer.Ordinal);
            foreach (var property in json.RootElement.EnumerateObject())
            {
                if (Number(property.Value) is { } number)
                {
                    values[JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name)] = number;
                }
            }

            return Of(values, out report);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    // Protobuf's JSON writes 64-bit integers as strings.
    private static double? Number(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => value.GetDouble(),
        JsonValueKind.String when double.TryParse(value.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        _ => null,
    };

    private static bool Of(Dictionary<string, double> values, out LoadReport report)
        => Of(
            values.GetValueOrDefault("cpu_utilization"),
            values.GetValueOrDefault("application_utilization"),
            values.GetValueOrDefault("rps_fractional"),
            values.GetValueOrDefault("rps"),
            values.GetValueOrDefault("eps"),
            out report);

    private static bool Of(double processor, double application, double callsPerSecond, double wholeCallsPerSecond, double errorsPerSecond, out LoadReport report)
    {
        report = new LoadReport(application > 0 ? application : processor, callsPerSecond > 0 ? callsPerSecond : wholeCallsPerSecond, errorsPerSecond);
        return double.IsFinite(report.Utilization) && double.IsFinite(report.CallsPerSecond) && double.IsFinite(errorsPerSecond)
            && report is { Utilization: >= 0, CallsPerSecond: >= 0, ErrorsPerSecond: >= 0 };
    }
}
