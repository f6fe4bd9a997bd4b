using System.CommandLine;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.Tool.Output;

namespace ProxylessMesh.Tool.Commands;

/// <summary>
/// <c>mesh ca rotate</c>: one step of the change of the root, or all of them, each as soon as the fleet is ready for it. May be broken off at any
/// time and begun again: it goes on where the CA is.
/// </summary>
internal static class CaRotateCommand
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    public static Command Create()
    {
        var stage = new Option<string?>("--stage") { Description = "One step: add (the new root is trusted), switch (it signs), finish (the old one goes). Default: all, waiting for the fleet." };
        stage.AcceptOnlyFromAmong("add", "switch", "finish");
        var force = new Option<bool>("--force") { Description = "Do not wait for workloads that are not ready: their calls will fail." };
        var certificate = new Option<FileInfo?>("--certificate") { Description = "With add: PEM of a CA under a company's root, then its issuers, the root last. Default: a root of our own." };
        var key = new Option<FileInfo?>("--key") { Description = "PEM of its key. Default: the key of the last 'mesh ca request'." };
        var command = new Command("rotate", "Change the CA's root without a lost call.") { stage, force, certificate, key };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var inputs = new Inputs(parsed.GetValue(force), await ReadAsync(parsed.GetValue(certificate), cancellationToken), await ReadAsync(parsed.GetValue(key), cancellationToken));
            if (inputs is { Key: not null, Certificates: null })
            {
                throw new UsageException("--key goes with --certificate.");
            }

            var format = parsed.GetValue(OperatorOptions.Output);
            CaCommand.Print(parsed.GetValue(stage) is { } one ? await StepAsync(parsed, one, inputs, cancellationToken) : await WalkAsync(parsed, inputs, format, cancellationToken), format);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static async Task<CaAnswer> WalkAsync(ParseResult parsed, Inputs inputs, OutputFormat format, CancellationToken cancellationToken)
    {
        var ca = await ShowAsync(parsed, cancellationToken);
        if (ca.Stage == "none")
        {
            ca = await StepAsync(parsed, "add", inputs, cancellationToken);
        }

        if (ca.Stage == "added")
        {
            await UntilAsync(parsed, inputs, format, "trust the new root", static now => now.Trusting, cancellationToken);
            ca = await StepAsync(parsed, "switch", inputs, cancellationToken);
        }

        if (ca.Stage == "switched")
        {
            await UntilAsync(parsed, inputs, format, "have a certificate by the new key", static now => now.ByActive, cancellationToken);
            ca = await StepAsync(parsed, "finish", inputs, cancellationToken);
        }

        return ca;
    }

    private static async Task UntilAsync(ParseResult parsed, Inputs inputs, OutputFormat format, string what, Func<CaAnswer, int> ready, CancellationToken cancellationToken)
    {
        var told = "";
        while (!inputs.Force && await ShowAsync(parsed, cancellationToken) is var ca && ready(ca) < ca.Members)
        {
            var line = $"{ready(ca)} of {ca.Members} {what}. Waiting for {string.Join(", ", ca.Missing.Take(3).Select(static member => member.Id))}{(ca.Missing.Length > 3 ? ", …" : "")}.";
            if (line != told && format == OutputFormat.Table)
            {
                Printer.Line(told = line);
            }

            await Task.Delay(Pause, TimeProvider.System, cancellationToken);
        }
    }

    // A connection each: the last step replaces the root that the operator's token carries.
    private static async Task<CaAnswer> ShowAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var client = await OperatorOptions.ConnectAsync(parsed, cancellationToken);
        return await client.GetAsync("/api/v1/ca", AdminJson.Default.CaAnswer, cancellationToken);
    }

    private static async Task<CaAnswer> StepAsync(ParseResult parsed, string stage, Inputs inputs, CancellationToken cancellationToken)
    {
        using var client = await OperatorOptions.ConnectAsync(parsed, cancellationToken);
        var request = new RotationRequest(stage, inputs.Force, stage == "add" ? inputs.Certificates : null, stage == "add" ? inputs.Key : null);
        return await client.PostAsync("/api/v1/ca/rotation", request, AdminJson.Default.RotationRequest, AdminJson.Default.CaAnswer, cancellationToken);
    }

    private static async Task<string?> ReadAsync(FileInfo? file, CancellationToken cancellationToken)
        => file is null ? null : await File.ReadAllTextAsync(file.FullName, cancellationToken);

    private sealed record Inputs(bool Force, string? Certificates, string? Key);
}
