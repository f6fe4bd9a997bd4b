using System.Collections.Immutable;
using System.Globalization;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>FaultExperiment</c>, a kind of ours: no standard kind ends by itself.</summary>
internal static class FaultExperimentReader
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(24);

    private static readonly string[] Faults = ["delay", "abort", "exception", "cut", "bandwidth"];

    private static (string Word, ExperimentFailureReason Value)[] Reasons =>
    [
        ("ConnectionRefused", ExperimentFailureReason.ConnectionRefused), ("NameResolution", ExperimentFailureReason.NameResolution), ("Tls", ExperimentFailureReason.Tls),
        ("ResponseEnded", ExperimentFailureReason.ResponseEnded), ("Timeout", ExperimentFailureReason.Timeout),
    ];

    public static FaultExperimentManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'targetRef', a fault and 'ttl' below it")?.Map() is not { } spec)
        {
            return null;
        }

        var (service, port) = Target(spec);
        var experiment = new FaultExperimentManifest
        {
            Name = header.Name,
            Host = HostNames.Full(service, header.Namespace),
            Port = port,
            From = spec.List("from", Callers),
            Headers = spec.Map("match") is { } match ? Headers(match) : ImmutableSortedDictionary<string, StringMatch?>.Empty,
            Delay = spec.Map("delay") is { } delay ? Delay(delay) : null,
            Abort = spec.Map("abort") is { } abort ? Abort(abort) : null,
            Failure = spec.Map("exception") is { } failure ? Failure(failure) : null,
            Cut = spec.Map("cut") is { } cut ? Cut(cut) : null,
            Bandwidth = spec.Map("bandwidth") is { } bandwidth ? Bandwidth(bandwidth) : null,
            MaxActiveFaults = spec.Integer("maxActiveFaults", 1, int.MaxValue),
            Ttl = Ttl(spec),
            StartsAt = spec.Field("startsAt") is { } startsAt ? Moment(startsAt) : null,
        };
        if (!Faults.Any(spec.Has))
        {
            spec.Fail("it does nothing", $"Write one of {string.Join(", ", Faults)}");
        }

        spec.End();
        return experiment;
    }

    // Faults on another namespace's service would be that namespace's to write.
    private static (string Service, int? Port) Target(YamlMap spec)
    {
        if (spec.Required("targetRef", "Write 'targetRef:' with 'kind: Service' and 'name' below it")?.Map() is not { } target)
        {
            return ("", null);
        }

        target.Field("group")?.Choice<bool>([("", true)]);
        target.Required("kind", "Write 'kind: Service'")?.Choice<bool>([("Service", true)]);
        var name = target.RequiredText("name", TextRules.DnsLabel, "Write the name of a Service of this namespace");
        var port = target.Integer("port", 1, 65535);
        target.End();
        return (name, port);
    }

    private static ExperimentCallers Callers(YamlMap map)
    {
        var callers = new ExperimentCallers
        {
            Namespace = map.Text("namespace", TextRules.DnsLabel),
            ServiceAccount = map.Text("serviceAccount", TextRules.DnsName),
            Labels = map.TextMap("labels", TextRules.LabelKey, TextRules.LabelValue),
        };
        if (callers is { Namespace: null, ServiceAccount: null, Labels.IsEmpty: true })
        {
            map.Fail("it names nobody", "Write 'namespace', 'serviceAccount' or 'labels', or remove 'from' for everybody");
        }

        map.End();
        return callers;
    }

    private static ImmutableSortedDictionary<string, StringMatch?> Headers(YamlMap match)
    {
        var headers = match.TextMap("headers", TextRules.HeaderName, StringMatches.ReadOrPresent);
        if (headers.IsEmpty)
        {
            match.Fail("it asks for nothing", "Write 'headers', or remove 'match' for every call");
        }

        match.End();
        return headers.ToImmutableSortedDictionary(static header => HeaderNames.Lower(header.Key), static header => header.Value);
    }

    private static FaultDelay Delay(YamlMap map)
    {
        var delay = new FaultDelay(map.Required("fixed", "Write a duration such as '500ms'")?.Duration(DurationSyntax.Istio, TimeSpan.FromMilliseconds(1)) ?? default, Percentage(map));
        map.End();
        return delay;
    }

    private static FaultAbort Abort(YamlMap map)
    {
        if (map.Has("httpStatus") == map.Has("grpcStatus"))
        {
            map.Fail("it needs exactly one of httpStatus and grpcStatus", "Write 'httpStatus: 503' or 'grpcStatus: UNAVAILABLE'");
        }

        var abort = new FaultAbort(map.Integer("httpStatus", 200, 599), map.Field("grpcStatus")?.Choice<int>(VirtualServiceFaultReader.GrpcStatusNames), Percentage(map));
        map.End();
        return abort;
    }

    private static ExperimentFailure Failure(YamlMap map)
    {
        var reason = map.Required("reason", $"Write one of {string.Join(", ", Reasons.Select(static reason => reason.Word))}")?.Choice<ExperimentFailureReason>(Reasons);
        var failure = new ExperimentFailure(reason ?? default, Percentage(map));
        map.End();
        return failure;
    }

    private static ExperimentCut Cut(YamlMap map)
    {
        var cut = new ExperimentCut(map.Required("afterBytes", "Write after how many bytes of the body")?.Integer(0, int.MaxValue) ?? 0, Percentage(map));
        map.End();
        return cut;
    }

    private static ExperimentBandwidth Bandwidth(YamlMap map)
    {
        var bandwidth = new ExperimentBandwidth(map.Required("kibPerSecond", "Write how many units of 1024 bytes come each second")?.Integer(1, int.MaxValue) ?? 1, Percentage(map));
        map.End();
        return bandwidth;
    }

    // To be said, so that nobody hits every call by leaving it out.
    private static double Percentage(YamlMap map)
    {
        var field = map.Required("percentage", "Write how many of the calls, 0.0001 to 100");
        return field?.Number(0.0001, 100) ?? 0;
    }

    private static TimeSpan Ttl(YamlMap spec)
    {
        var field = spec.Required("ttl", "Write how long it lasts, such as '15m', at most 24h: an experiment must end by itself");
        var ttl = field?.Duration(DurationSyntax.Istio, Shortest) ?? Shortest;
        if (ttl > Longest)
        {
            field?.Fail("it is out of range", "Write a duration from 1s to 24h");
        }

        return ttl;
    }

    private static DateTimeOffset? Moment(YamlField field)
    {
        if (field.Text() is not { } text)
        {
            return null;
        }

        string[] forms = ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];
        if (DateTimeOffset.TryParseExact(text, forms, CultureInfo.InvariantCulture, DateTimeStyles.None, out var moment) && (text[^1] == 'Z' || text[^6] is '+' or '-'))
        {
            return moment.ToUniversalTime();
        }

        field.Fail("it is no moment in time", "Write date, time and zone, such as '2026-01-31T14:00:00Z'");
        return null;
    }
}
