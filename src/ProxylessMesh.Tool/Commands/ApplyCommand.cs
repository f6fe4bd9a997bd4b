using System.CommandLine;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.Tool.Output;

namespace ProxylessMesh.Tool.Commands;

/// <summary><c>mesh apply -f</c>: puts manifest files into the control plane's folder, all or none.</summary>
internal static class ApplyCommand
{
    public static Command Create()
    {
        var files = ManifestFiles.Option();
        var command = new Command("apply", "Put manifest files in force. A file replaces the one of the same name.") { files }.WithOperatorOptions();
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, parsed.GetValue(files)!, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, string[] paths, CancellationToken cancellationToken)
    {
        var files = await ManifestFiles.ReadAsync(paths, cancellationToken);
        using var client = await OperatorOptions.ConnectAsync(parsed, cancellationToken);
        var request = new ApplyRequest([.. files.Select(static file => new ManifestFileText(ManifestFiles.NameThere(file.Name), file.Text))]);
        var answer = await client.PostAsync("/api/v1/manifests", request, AdminJson.Default.ApplyRequest, AdminJson.Default.ApplyAnswer, cancellationToken);
        if (parsed.GetValue(OperatorOptions.Output) is not OutputFormat.Table and var format)
        {
            Printer.Data(answer, AdminJson.Default.ApplyAnswer, format);
        }
        else
        {
            Printer.Errors(answer.Errors);
            Printer.Line(answer.Errors.IsEmpty ? $"Revision {answer.Revision} is in force." : $"{answer.Errors.Length} mistakes; nothing was changed.");
        }

        return answer.Errors.IsEmpty ? ExitCodes.Ok : ExitCodes.No;
    }
}
