using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ProxylessMesh.Tool.Calls;
using ProxylessMesh.Tool.Output;

namespace ProxylessMesh.Tool.Commands;

/// <summary><c>mesh call</c>: a call through the data plane as a given workload, with what was decided about it. The answer is no when a call fails.</summary>
internal static class CallCommand
{
    private static readonly Argument<string> Url = new("url") { Description = "What to call, as an application of the workload would: http://HOST[:PORT]/PATH, or grpc://HOST[:PORT]/SERVICE/METHOD." };
    private static readonly Option<string> From = new("--from") { Description = "The calling workload, NAMESPACE/SERVICE.", Required = true };
    private static readonly Option<string> Method = new("--method", "-X") { Description = "HTTP method.", DefaultValueFactory = static _ => "GET" };
    private static readonly Option<string[]> Header = new("--header", "-H") { Description = "A header, 'name: value'. May be given more than once." };
    private static readonly Option<string?> Data = new("--data", "-d") { Description = "The body." };
    private static readonly Option<int> Count = new("--count", "-n") { Description = "How many calls; more than one prints how the answers are distributed.", DefaultValueFactory = static _ => 1 };
    private static readonly Option<bool> Grpc = new("--grpc") { Description = "A gRPC call with one message: empty, or the body as a text field." };
    private static readonly Option<OutputFormat> Output = new("--output", "-o") { Description = "table, json or yaml." };

    public static Command Create()
    {
        var command = new Command("call", "Call through the data plane as a workload and show what was decided.") { Url, From, Method, Header, Data, Count, Grpc, Output }.WithJoinOptions();
        command.SetAction(RunAsync);
        return command;
    }

    /// <summary>Takes 'name: value' apart.</summary>
    internal static KeyValuePair<string, string> ParseHeader(string text)
        => text.IndexOf(':', 1) is var colon and > 0
            ? new(text[..colon].Trim(), text[(colon + 1)..].Trim())
            : throw new UsageException($"'{text}' is no header. Write 'name: value'.");

    /// <summary>The address of a call; <c>grpc://</c> is <c>http://</c>.</summary>
    internal static Uri ParseUrl(string text)
    {
        var url = text.StartsWith("grpc://", StringComparison.OrdinalIgnoreCase) ? "http" + text[4..] : text;
        return Uri.TryCreate(url.Contains("://", StringComparison.Ordinal) ? url : "http://" + url, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? uri
            : throw new UsageException($"'{text}' is no address. It looks like http://catalog/items.");
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var text = parsed.GetValue(Url)!;
        var call = new CallRequest
        {
            Method = new HttpMethod(parsed.GetValue(Method)!),
            Url = ParseUrl(text),
            Headers = [.. parsed.GetValue(Header)?.Select(ParseHeader) ?? []],
            Body = parsed.GetValue(Data),
            IsGrpc = parsed.GetValue(Grpc) || text.StartsWith("grpc://", StringComparison.OrdinalIgnoreCase),
        };
        var count = parsed.GetValue(Count) is var given and > 0 ? given : throw new UsageException("--count is at least 1.");
        var (service, @namespace) = JoinOptions.Workload(parsed.GetValue(From)!);
        var builder = Host.CreateEmptyApplicationBuilder(null);
        ErrorLog.Configure(builder.Logging);
        builder.AddMeshClient(JoinOptions.Read(parsed, service, @namespace));
        using var host = builder.Build();
        await host.StartAsync(cancellationToken);
        using var caller = new MeshCaller(host.Services.GetRequiredService<MeshHttpHandlerFactory>());
        var results = new List<CallResult>(count);
        for (var i = 0; i < count; i++)
        {
            results.Add(await caller.SendAsync(call, cancellationToken));
        }

        await host.StopAsync(cancellationToken);
        Print(results, parsed.GetValue(Output));
        return results.Exists(static result => result.IsUnreachable) ? ExitCodes.Unreachable
            : results.TrueForAll(static result => result.IsSuccess) ? ExitCodes.Ok
            : ExitCodes.No;
    }

    private static void Print(List<CallResult> results, OutputFormat format)
    {
        var summary = CallStatistics.Of(results);
        if (format != OutputFormat.Table)
        {
            if (results.Count == 1)
            {
                Printer.Data(results[0], CallJson.Default.CallResult, format);
            }
            else
            {
                Printer.Data(summary, CallJson.Default.CallSummary, format);
            }
        }
        else if (results.Count == 1)
        {
            Printer.Data(results[0], CallJson.Default.CallResult, OutputFormat.Yaml);
        }
        else
        {
            Printer.Table($"{summary.Calls} calls, {summary.Attempts} attempts", ["", "Calls", "Share"], Rows(summary));
        }
    }

    private static IEnumerable<string[]> Rows(CallSummary summary)
        => summary.Statuses.Select(static status => ("status " + status.Key, status.Value))
            .Concat(summary.Distribution.Select(static workload => (workload.Key, workload.Value)))
            .Concat(summary.Errors.Select(static error => (error.Key, error.Value)))
            .Select(row => new[] { row.Item1, row.Value.ToString(CultureInfo.InvariantCulture), ((double)row.Value / summary.Calls).ToString("P1", CultureInfo.InvariantCulture) });
}
