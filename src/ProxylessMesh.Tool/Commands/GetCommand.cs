using System.CommandLine;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.Tool.Output;

namespace ProxylessMesh.Tool.Commands;

/// <summary><c>mesh get</c>: the manifests in force, and what is wrong with those that are not.</summary>
internal static class GetCommand
{
    public static Command Create()
    {
        var kind = new Argument<string?>("kind") { Description = "Only this kind, such as HTTPRoute.", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("get", "Show the manifests in force.") { kind }.WithOperatorOptions();
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, parsed.GetValue(kind), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, string? kind, CancellationToken cancellationToken)
    {
        using var client = await OperatorOptions.ConnectAsync(parsed, cancellationToken);
        var answer = await client.GetAsync("/api/v1/manifests", AdminJson.Default.ManifestsAnswer, cancellationToken);
        if (parsed.GetValue(OperatorOptions.Output) is not OutputFormat.Table and var format)
        {
            Printer.Data(answer, AdminJson.Default.ManifestsAnswer, format);
            return ExitCodes.Ok;
        }

        var rows = from file in answer.Files
                   from manifest in file.Manifests
                   let words = manifest.Split(' ', '/')
                   where kind is null || string.Equals(words[0], kind, StringComparison.OrdinalIgnoreCase)
                   select new[] { words[0], words[1], words[2], file.Name };
        Printer.Table($"Revision {answer.Revision}", ["Kind", "Namespace", "Name", "File"], rows);
        Printer.Errors(answer.Errors);
        return ExitCodes.Ok;
    }
}
