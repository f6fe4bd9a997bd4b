using System.CommandLine;
using System.Globalization;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.Tool.Output;

namespace ProxylessMesh.Tool.Commands;

/// <summary><c>mesh status</c>: who is here, who runs which revision, who refused what. The answer is no when somebody refused.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var command = new Command("status", "Show workloads, connected nodes and what each has taken.").WithOperatorOptions();
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var client = await OperatorOptions.ConnectAsync(parsed, cancellationToken);
        var status = await client.GetAsync("/api/v1/status", AdminJson.Default.StatusAnswer, cancellationToken);
        var refusals = status.Nodes.SelectMany(static node => node.Types.Where(static type => type.Reason is not null).Select(type => $"{node.Node} refused {type.Type}: {type.Reason}")).ToList();
        if (parsed.GetValue(OperatorOptions.Output) is not OutputFormat.Table and var format)
        {
            Printer.Data(status, AdminJson.Default.StatusAnswer, format);
        }
        else
        {
            Print(status, refusals);
        }

        return refusals.Count == 0 ? ExitCodes.Ok : ExitCodes.No;
    }

    private static void Print(StatusAnswer status, List<string> refusals)
    {
        Printer.Line($"Revision {status.Revision}, snapshot {status.Snapshot}, {status.ManifestErrors} mistakes in manifests{(status.ManifestErrors > 0 ? " ('mesh get' shows them)" : "")}.");
        Printer.Table("Workloads", ["Service", "Version", "Health", "Addresses", "Certificate", "Identity", "Instance"], status.Workloads.Select(static workload => new[]
        {
            $"{workload.Service}.{workload.Namespace}", workload.Version, workload.Health, string.Join(' ', workload.Addresses), Certificate(workload.Certificate), workload.Identity, workload.Instance,
        }));
        Printer.Table("Nodes", ["Node", "Client", "Protocol", "Listeners", "Routes", "Clusters", "Endpoints"], status.Nodes.Select(static node => new[]
        {
            node.Node, node.UserAgent, node.Protocol, State(node, "Listener"), State(node, "RouteConfiguration"), State(node, "Cluster"), State(node, "ClusterLoadAssignment"),
        }));
        refusals.ForEach(Printer.Line);
    }

    private static string Certificate(CertificateAnswer? certificate)
        => certificate is null ? "" : $"{certificate.State}{(certificate.ExpiresAt is { } end ? $" until {end.ToString("u", CultureInfo.InvariantCulture)}" : "")}{(certificate.Reason is { } reason ? $": {reason}" : "")}";

    private static string State(NodeAnswer node, string type)
        => node.Types.FirstOrDefault(candidate => candidate.Type == type) is { } found ? string.Create(CultureInfo.InvariantCulture, $"{found.State} r{found.Revision} ({found.Subscribed})") : "";
}
