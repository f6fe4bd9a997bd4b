using System.Collections.Immutable;
using System.CommandLine;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.Manifests;
using ProxylessMesh.Tool.Output;

namespace ProxylessMesh.Tool.Commands;

/// <summary><c>mesh validate -f</c>: checks manifests without a control plane, by the reader that the control plane uses.</summary>
internal static class ValidateCommand
{
    public static Command Create()
    {
        var files = ManifestFiles.Option();
        var output = new Option<OutputFormat>("--output", "-o") { Description = "table, json or yaml." };
        var command = new Command("validate", "Check manifests offline: every mistake with its place and what to write instead.") { files, output };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(files)!, parsed.GetValue(output), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string[] paths, OutputFormat output, CancellationToken cancellationToken)
    {
        var reading = ManifestReader.Read(await ManifestFiles.ReadAsync(paths, cancellationToken));
        ImmutableArray<ManifestErrorAnswer> errors = [.. reading.Errors.Select(ManifestErrorAnswer.From)];
        if (output is not OutputFormat.Table and var format)
        {
            Printer.Data(new ApplyAnswer(0, errors), AdminJson.Default.ApplyAnswer, format);
        }
        else
        {
            Printer.Errors(errors);
            Printer.Errors(reading.Warnings.Select(ManifestErrorAnswer.From));
            Printer.Line(reading.IsValid ? $"{reading.Manifests.All.Length} manifests are valid." : $"{errors.Length} mistakes; nothing was changed.");
        }

        return reading.IsValid ? ExitCodes.Ok : ExitCodes.No;
    }
}
