using System.CommandLine;
using ProxylessMesh.Tool.Checks;

namespace ProxylessMesh.Tool.Commands;

/// <summary><c>mesh check KIND</c>: cases in, verdicts out, by the code that a mesh runs; for tests of policies and for finding out what a matcher does.</summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        var kind = new Argument<string>("kind") { Description = "What the cases ask." };
        kind.AcceptOnlyFromAmong([.. CheckKinds.Names]);
        var batch = new Option<bool>("--batch") { Description = "Read one JSON case a line and answer each with its id, also those that cannot be answered. Otherwise standard input is one case." };
        var command = new Command("check", "Read cases as JSON from standard input and print the verdicts.") { kind, batch };
        command.SetAction((parsed, cancellationToken) => RunAsync(CheckKinds.Find(parsed.GetValue(kind)!), parsed.GetValue(batch), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(Check check, bool batch, CancellationToken cancellationToken)
    {
        if (batch)
        {
            await CheckBatch.RunAsync(check, Console.In, Console.Out, cancellationToken);
            return ExitCodes.Ok;
        }

        var answer = CheckBatch.Answer(check, await Console.In.ReadToEndAsync(cancellationToken));
        await Console.Out.WriteLineAsync(answer.ToJsonString());
        return answer.ContainsKey("error") && answer.Count == 2 ? ExitCodes.No : ExitCodes.Ok;
    }
}
