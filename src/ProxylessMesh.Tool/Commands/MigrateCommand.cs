using System.CommandLine;
using System.Globalization;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.Tool.Output;

namespace ProxylessMesh.Tool.Commands;

/// <summary><c>mesh migrate</c>: who still calls in plaintext, by destination. The answer is no unless it is shown that STRICT would break nobody.</summary>
internal static class MigrateCommand
{
    public static Command Create()
    {
        var namespaceName = new Option<string?>("--namespace", "-n") { Description = "Only the services of this namespace." };
        var window = Windows.Option();
        var command = new Command("migrate", "Show who still calls without mTLS, and whether PeerAuthentication STRICT would break anyone.") { namespaceName, window }.WithOperatorOptions();
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, parsed.GetValue(namespaceName), Windows.Read(parsed.GetValue(window)), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, string? namespaceName, TimeSpan window, CancellationToken cancellationToken)
    {
        using var client = await OperatorOptions.ConnectAsync(parsed, cancellationToken);
        var path = string.Create(CultureInfo.InvariantCulture, $"/api/v1/migration?window={window.TotalSeconds}{(namespaceName is null ? "" : $"&namespace={Uri.EscapeDataString(namespaceName)}")}");
        var answer = await client.GetAsync(path, AdminJson.Default.MigrationAnswer, cancellationToken);
        if (parsed.GetValue(OperatorOptions.Output) is not OutputFormat.Table and var format)
        {
            Printer.Data(answer, AdminJson.Default.MigrationAnswer, format);
        }
        else
        {
            Print(answer);
        }

        return answer.IsReady ? ExitCodes.Ok : ExitCodes.No;
    }

    private static void Print(MigrationAnswer answer)
    {
        Printer.Table("Services", ["Service", "Port", "Mode", "STRICT", "Why"], answer.Destinations.Select(static destination => new[]
        {
            destination.Destination, destination.Port.ToString(CultureInfo.InvariantCulture), destination.Mode, destination.Strict, destination.Reason,
        }));
        Printer.Table("Callers in plaintext", ["Service", "Port", "Caller", "Calls", "Probes", "Since", "Last"], answer.Destinations.SelectMany(static destination => destination.Callers.Select(caller => new[]
        {
            destination.Destination,
            destination.Port.ToString(CultureInfo.InvariantCulture),
            $"{(caller.Caller.Length > 0 ? caller.Caller : "several")}{(caller.CallerName.Length > 0 ? $" ({caller.CallerName}?)" : "")}",
            caller.Calls.ToString(CultureInfo.InvariantCulture),
            caller.Probes.ToString(CultureInfo.InvariantCulture),
            caller.Since.ToString("u", CultureInfo.InvariantCulture),
            caller.LastSeen.ToString("u", CultureInfo.InvariantCulture),
        })));
        foreach (var silent in answer.Unanswered)
        {
            Printer.Line($"No answer from {silent.Instance}: {silent.Reason}");
        }

        Printer.Line($"{(answer.IsReady ? "STRICT would break none of those who called" : "It is not shown that STRICT would break nobody")} in the last {Windows.Shown(answer.RecordedSeconds)}{(answer.UnrecordedCalls > 0 ? $"; of {answer.UnrecordedCalls} calls only the number is known" : "")}.");
    }
}
