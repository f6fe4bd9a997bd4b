using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Outbound;
using ProxylessMesh.Client.Routing;
using ProxylessMesh.Client.Snapshots;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Manifests;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Tool.Explain;

/// <summary>
/// Says where a call goes by the code that sends it: the compiled routes choose the rule and change the path, host and headers. Nothing
/// is sent.
/// </summary>
internal static class RouteExplainer
{
    /// <exception cref="FormatException">The data plane refuses what the control plane makes of the manifests.</exception>
    public static RouteVerdict Explain(RouteQuestion question)
    {
        if (!HostKey.TryGet(question.Url, out var key))
        {
            return new RouteVerdict { Reason = $"'{question.Url}' is an IP address or this machine: the mesh is not asked, the call goes out untouched." };
        }

        if (RouteConfigs.For(question, key.Authority) is not { } config)
        {
            return new RouteVerdict { Reason = $"The mesh knows no '{key.Authority}' that a caller in '{question.Namespace}' can see: the call goes out untouched, or is refused where Mesh:Outbound:UnknownHosts says so." };
        }

        using var request = Request(question);
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var endpoints = new EndpointTable(
            static (_, _, _) => throw new InvalidOperationException("An explanation sends nothing."),
            TimeProvider.System,
            new MeshMeter(services.GetRequiredService<IMeterFactory>()),
            NullLogger<EndpointTable>.Instance);
        var compiler = new SnapshotCompiler(endpoints, TimeProvider.System);
        var table = compiler.Compile(config);
        try
        {
            return Explain(question, config, table, request, key.Authority);
        }
        finally
        {
            compiler.Release(table);
        }
    }

    private static RouteVerdict Explain(RouteQuestion question, XdsConfig config, RouteTable table, HttpRequestMessage request, string authority)
    {
        var input = new HttpRequestInput(request, question.Url, authority);
        var others = ImmutableArray.CreateBuilder<OtherRule>();
        for (var i = 0; i < table.Rules.Length; i++)
        {
            var rule = table.Rules[i];

            // A rule for a share of the calls would answer by chance; the share is told instead.
            if (MatchReason.WhyNot(rule.Match, input) is { } reason)
            {
                others.Add(new OtherRule(rule.Name, reason));
                continue;
            }

            if (rule.Match.Fraction is { PerMillion: 0 })
            {
                others.Add(new OtherRule(rule.Name, "it takes 0 % of the calls"));
                continue;
            }

            var host = VirtualHostMatcher.Find(config.Routes.VirtualHosts, config.Name)!;
            return Describe(question, rule, host.Routes[i], host, request, authority) with { Routes = config.Routes.Name, Others = others.ToImmutable() };
        }

        return new RouteVerdict { Reason = "No rule matches: the call is answered 404 (gRPC: UNIMPLEMENTED or UNAVAILABLE).", Routes = config.Routes.Name, Others = others.ToImmutable() };
    }

    private static RouteVerdict Describe(RouteQuestion question, RouteRule rule, RouteRuleConfig config, VirtualHostConfig host, HttpRequestMessage request, string authority)
    {
        var verdict = new RouteVerdict
        {
            Rule = rule.Name,
            Reason = rule.Error,
            Percent = rule.Match.Fraction is { PerMillion: < FractionMatcher.Always } fraction ? Percent(fraction) : null,
        };
        if (rule.Answer is { } answer)
        {
            return answer.Location(question.Url, request.Headers.Host ?? authority) is { } location
                ? verdict with { Redirect = new RedirectVerdict(answer.Status, location) }
                : verdict with { DirectResponse = new DirectResponseVerdict(answer.Status, Encoding.UTF8.GetString(answer.Body.Span)) };
        }

        if (rule.Clusters is not { } clusters || config.Action is not ForwardActionConfig forward)
        {
            return verdict;
        }

        var sides = clusters.Targets.ToArray().Select((target, index) => (Target: target, forward.Clusters[index].Weight, Sent: Sent(target, request, question.Url, authority))).ToList();
        var first = sides.Find(static side => side.Weight > 0);
        return verdict with
        {
            Backends = [.. sides.Select(side => Backend(side.Target, side.Weight, side.Sent.Headers.SequenceEqual(first.Sent.Headers) ? null : side.Sent.Headers))],
            Path = first.Sent.Path,
            Host = first.Sent.Host,
            RequestHeaders = first.Sent.Headers,
            Timeout = Seconds(question.IsGrpc ? rule.GrpcTimeout : rule.HttpTimeout),
            Retries = (forward.Retry ?? host.Retry) is { } retry ? new RetryVerdict(retry.MaxRetries, retry.On.ToString(), Seconds(retry.PerTryTimeout)) : null,
            Fault = first.Target.Fault is { } fault ? Fault(fault) : null,
            Mirrors = [.. rule.Mirrors.Select(static mirror => new MirrorVerdict(mirror.Name, Percent(mirror.Fraction)))],
        };
    }

    // As a call is prepared: header changes, then the rewrites.
    private static (string Path, string Host, SortedDictionary<string, string> Headers) Sent(RouteTarget target, HttpRequestMessage request, Uri url, string authority)
    {
        var restore = new HeaderRestore();
        target.Headers?.Apply(request, restore);
        var host = target.HostRewrite is { } rewrite ? rewrite.Literal ?? "(the endpoint's own)" : request.Headers.Host ?? authority;
#pragma warning disable CA1308 // Header names are shown in lower case, as HTTP/2 sends them.
        var headers = new SortedDictionary<string, string>(request.Headers.NonValidated.Where(static header => header.Key != "Host").ToDictionary(static header => header.Key.ToLowerInvariant(), static header => string.Join(',', header.Value.AsEnumerable())), StringComparer.Ordinal);
#pragma warning restore CA1308
        restore.Undo(request);
        return (target.PathRewrite?.Apply(url) ?? url.PathAndQuery, host, headers);
    }

    private static HttpRequestMessage Request(RouteQuestion question)
    {
        var request = new HttpRequestMessage(question.IsGrpc ? HttpMethod.Post : question.Method, question.Url);
        foreach (var (name, value) in question.Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                (request.Content ??= new ByteArrayContent([])).Headers.TryAddWithoutValidation(name, value);
            }
        }

        if (question.IsGrpc)
        {
            (request.Content ??= new ByteArrayContent([])).Headers.TryAddWithoutValidation("content-type", "application/grpc");
        }

        return request;
    }

    private static BackendVerdict Backend(RouteTarget target, uint weight, SortedDictionary<string, string>? headers)
    {
        var parts = target.Name.Split('|') is ["outbound", var number, var named, var server] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed)
            ? (Host: server, Port: (int?)parsed, Subset: named.Length > 0 ? named : null)
            : (Host: target.Name, Port: null, Subset: null);
        var isService = HostNames.TryParse(parts.Host, out var service, out var @namespace);
        return new BackendVerdict(isService ? service : parts.Host, weight, target.Name, target.Error)
        {
            Namespace = isService ? @namespace : null,
            Subset = parts.Subset,
            Port = parts.Port,
            RequestHeaders = headers,
        };
    }

    private static FaultVerdict Fault(FaultConfig fault) => new()
    {
        Delay = Seconds(fault.Delay),
        DelayPercent = fault.Delay is null ? null : Percent(fault.DelayFraction),
        AbortStatus = fault.AbortHttpStatus,
        AbortGrpcStatus = fault.AbortGrpcStatus,
        AbortPercent = (fault.AbortHttpStatus ?? fault.AbortGrpcStatus) is null ? null : Percent(fault.AbortFraction),
    };

    private static double Percent(FractionMatcher fraction) => fraction.PerMillion / 10_000.0;

    private static string? Seconds(TimeSpan? time) => time is { } length && length > TimeSpan.Zero ? length.TotalSeconds.ToString("0.#########", CultureInfo.InvariantCulture) + "s" : null;
}
