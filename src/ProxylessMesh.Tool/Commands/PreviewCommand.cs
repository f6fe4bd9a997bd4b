using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.Tool.Output;

namespace ProxylessMesh.Tool.Commands;

/// <summary>
/// <c>mesh preview</c>: which calls of the last minutes a change of policies would deny, before it is applied. The answer is no unless it is
/// shown that there are none.
/// </summary>
internal static class PreviewCommand
{
    public static Command Create()
    {
        var files = ManifestFiles.Option();
        files.Required = false;
        var delete = new Option<string[]>("--delete") { Description = "A manifest that would be deleted, as KIND/NAMESPACE/NAME. May be given more than once." };
        var window = Windows.Option();
        var command = new Command("preview", "Show which calls of the last minutes a change of AuthorizationPolicy or PeerAuthentication would deny. Nothing is changed.") { files, delete, window }.WithOperatorOptions();
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, parsed.GetValue(files) ?? [], parsed.GetValue(delete) ?? [], Windows.Read(parsed.GetValue(window)), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, string[] paths, string[] delete, TimeSpan window, CancellationToken cancellationToken)
    {
        if (paths.Length == 0 && delete.Length == 0)
        {
            throw new UsageException("What would change? Name files with -f, or manifests to delete with --delete KIND/NAMESPACE/NAME.");
        }

        var files = await ManifestFiles.ReadAsync(paths, cancellationToken);
        using var client = await OperatorOptions.ConnectAsync(parsed, cancellationToken);
        var request = new PreviewRequest([.. files.Select(static file => new ManifestFileText(ManifestFiles.NameThere(file.Name), file.Text))], [.. delete], window.TotalSeconds);
        var answer = await client.PostAsync("/api/v1/preview", request, AdminJson.Default.PreviewRequest, AdminJson.Default.PreviewAnswer, cancellationToken);
        if (parsed.GetValue(OperatorOptions.Output) is not OutputFormat.Table and var format)
        {
            Printer.Data(answer, AdminJson.Default.PreviewAnswer, format);
        }
        else
        {
            Print(answer);
        }

        return answer.IsHarmless ? ExitCodes.Ok : ExitCodes.No;
    }

    private static void Print(PreviewAnswer answer)
    {
        if (!answer.Errors.IsEmpty)
        {
            Printer.Errors(answer.Errors);
            Printer.Line($"{answer.Errors.Length} mistakes; the change cannot be applied.");
            return;
        }

        Print("Would be denied", answer.Denied);
        Print("Would be allowed that are denied now", answer.Allowed);
        Print("Cannot be told", answer.CannotTell);
        foreach (var silent in answer.Unanswered)
        {
            Printer.Line($"No answer from {silent.Instance}: {silent.Reason}");
        }

        foreach (var note in answer.Notes)
        {
            Printer.Line(note);
        }

        Printer.Line(Summary(answer));
    }

    private static string Summary(PreviewAnswer answer) => answer.Workloads == 0
        ? "No workload would get another policy."
        : string.Create(CultureInfo.InvariantCulture, $"{answer.Workloads} workloads would get another policy. Of their calls of the last {Windows.Shown(answer.RecordedSeconds)}, {Sum(answer.Denied)} would be denied, {Sum(answer.Allowed)} allowed, {Sum(answer.CannotTell)} cannot be told{(answer.UnrecordedCalls > 0 ? $"; of {answer.UnrecordedCalls} more only the number is known" : "")}.");

    private static void Print(string title, ImmutableArray<CallAnswer> calls)
        => Printer.Table(title, ["Calls", "Destination", "Caller", "Call", "Endpoint", "Policy", "Depends on"], calls.Select(static call => new[]
        {
            call.Count.ToString(CultureInfo.InvariantCulture),
            string.Create(CultureInfo.InvariantCulture, $"{call.Destination}:{call.Port}"),
            call.CallerName.Length > 0 ? $"{call.Caller} ({call.CallerName}?)" : call.Caller.Length > 0 ? call.Caller : "several",
            $"{(call.MeshTls ? "" : "plaintext ")}{(call.IsProbe ? "probe " : "")}{(call.Method.Length > 0 ? call.Method : "any")} {(call.Path.Length > 0 ? call.Path : "(many paths)")}",
            call.Endpoint,
            call.Policy.Length > 0 ? call.Policy : "none matches",
            call.Missing,
        }));

    private static ulong Sum(ImmutableArray<CallAnswer> calls) => calls.Aggregate(0UL, static (sum, call) => sum + call.Count);
}
