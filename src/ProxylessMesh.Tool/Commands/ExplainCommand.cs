using System.CommandLine;
using System.Globalization;
using ProxylessMesh.Manifests;
using ProxylessMesh.Tool.Explain;
using ProxylessMesh.Tool.Output;

namespace ProxylessMesh.Tool.Commands;

/// <summary><c>mesh explain route</c>: where a call would go, offline. The answer is no when nothing takes it.</summary>
internal static class ExplainCommand
{
    private static readonly Argument<string> Url = new("url") { Description = "What is called: http://HOST[:PORT]/PATH, or grpc://HOST[:PORT]/SERVICE/METHOD." };
    private static readonly Option<string[]> Manifests = new("--manifests", "-f") { Description = "A folder of manifests or a file. May be given more than once.", Required = true };
    private static readonly Option<string> From = new("--from") { Description = "The calling workload, NAMESPACE/SERVICE.", Required = true };
    private static readonly Option<string[]> Label = new("--label") { Description = "A label of the caller besides 'app', key=value. May be given more than once." };
    private static readonly Option<string> Method = new("--method", "-X") { Description = "HTTP method.", DefaultValueFactory = static _ => "GET" };
    private static readonly Option<string[]> Header = new("--header", "-H") { Description = "A header, 'name: value'. May be given more than once." };
    private static readonly Option<bool> Grpc = new("--grpc") { Description = "A gRPC call." };
    private static readonly Option<OutputFormat> Output = new("--output", "-o") { Description = "table, json or yaml." };

    public static Command Create()
    {
        var route = new Command("route", "Which rule takes a call, where it goes and what happens on the way, and why other rules do not take it.") { Url, Manifests, From, Label, Method, Header, Grpc, Output };
        route.SetAction(RunAsync);
        return new Command("explain", "Say why the mesh decides as it does.") { route };
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var reading = ManifestReader.Read(await ManifestFiles.ReadAsync(parsed.GetValue(Manifests)!, cancellationToken));
        if (!reading.IsValid)
        {
            Printer.Errors(reading.Errors.Select(ControlPlane.Admin.ManifestErrorAnswer.From));
            throw new RefusedException("The manifests are not valid: nothing can be said about calls.");
        }

        var url = parsed.GetValue(Url)!;
        var (service, @namespace) = JoinOptions.Workload(parsed.GetValue(From)!);
        var verdict = Explain(new RouteQuestion
        {
            Manifests = reading.Manifests,
            Service = service,
            Namespace = @namespace,
            Labels = (parsed.GetValue(Label) ?? []).Select(JoinOptions.Pair).ToDictionary(StringComparer.Ordinal),
            Method = new HttpMethod(parsed.GetValue(Method)!),
            Url = CallCommand.ParseUrl(url),
            Headers = [.. (parsed.GetValue(Header) ?? []).Select(CallCommand.ParseHeader)],
            IsGrpc = parsed.GetValue(Grpc) || url.StartsWith("grpc://", StringComparison.OrdinalIgnoreCase),
        });
        if (parsed.GetValue(Output) is not OutputFormat.Table and var format)
        {
            Printer.Data(verdict, RouteVerdictJson.Default.RouteVerdict, format);
        }
        else
        {
            Print(verdict);
        }

        return verdict.Rule is null ? ExitCodes.No : ExitCodes.Ok;
    }

    private static RouteVerdict Explain(RouteQuestion question)
    {
        try
        {
            return RouteExplainer.Explain(question);
        }
        catch (FormatException refused)
        {
            throw new RefusedException(refused.Message);
        }
    }

    private static void Print(RouteVerdict verdict)
    {
        Printer.Line(verdict.Rule is null ? verdict.Reason ?? "" : $"Rule '{verdict.Rule}' of {verdict.Routes}{(verdict.Reason is null ? "" : ": " + verdict.Reason)}");
        if (!verdict.Backends.IsEmpty)
        {
            Printer.Table("Goes to", ["Service", "Subset", "Port", "Weight", "Cluster", ""], verdict.Backends.Select(static backend => new[]
            {
                backend.Namespace is null ? backend.Name : $"{backend.Name}.{backend.Namespace}", backend.Subset ?? "", Text(backend.Port), Text(backend.Weight), backend.Cluster, backend.Error ?? "",
            }));
        }

        var what = What(verdict).ToList();
        if (what.Count > 0)
        {
            Printer.Table("On the way", ["What", "Value"], what);
        }

        if (!verdict.Others.IsEmpty)
        {
            Printer.Table("Rules that do not take it", ["Rule", "Why"], verdict.Others.Select(static other => new[] { other.Rule, other.Why }));
        }
    }

    private static IEnumerable<string[]> What(RouteVerdict verdict)
    {
        (string Name, string? Value)[] facts =
        [
            ("takes", verdict.Percent is { } percent ? $"{Text(percent)} % of these calls" : null),
            ("redirect", verdict.Redirect is { } redirect ? $"{Text(redirect.Status)} {redirect.Location}" : null),
            ("answer", verdict.DirectResponse is { } direct ? $"{Text(direct.Status)} {direct.Body}" : null),
            ("host", verdict.Host),
            ("path", verdict.Path),
            ("timeout", verdict.Timeout),
            ("retries", verdict.Retries is { } retries ? $"{Text(retries.Attempts)} on {retries.On}{(retries.PerTryTimeout is null ? "" : $", each at most {retries.PerTryTimeout}")}" : null),
            ("delay", verdict.Fault is { Delay: { } delay } ? $"{delay} for {Text(verdict.Fault.DelayPercent)} %" : null),
            ("abort", verdict.Fault is { AbortPercent: { } share } fault ? $"{(fault.AbortStatus is { } status ? Text(status) : $"gRPC {Text(fault.AbortGrpcStatus)}")} for {Text(share)} %" : null),
        ];
        return facts.Where(static fact => fact.Value is not null).Select(static fact => new[] { fact.Name, fact.Value! })
            .Concat(verdict.Mirrors.Select(static mirror => new[] { "mirror", $"{mirror.Cluster}, {Text(mirror.Percent)} %" }))
            .Concat(verdict.RequestHeaders.Select(static header => new[] { "header " + header.Key, header.Value }));
    }

    private static string Text(IFormattable? value) => value?.ToString(null, CultureInfo.InvariantCulture) ?? "";
}
