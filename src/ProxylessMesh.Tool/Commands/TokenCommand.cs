using System.CommandLine;
using System.Globalization;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.Tool.Output;

namespace ProxylessMesh.Tool.Commands;

/// <summary><c>mesh token</c>: join tokens.</summary>
internal static class TokenCommand
{
    public static Command Create()
    {
        var command = new Command("token", "Create, list and revoke join tokens.") { Create("create"), List(), Revoke() };
        return command.WithOperatorOptions();
    }

    private static Command Create(string name)
    {
        var namespaceName = new Option<string>("--namespace", "-n") { Description = "The namespace it is for.", DefaultValueFactory = static _ => "default" };
        var serviceAccount = new Option<string>("--service-account") { Description = "The service account it is for.", Required = true };
        var lifetime = new Option<TimeSpan>("--lifetime") { Description = "How long it may be used, as hh:mm:ss or d.hh:mm:ss.", DefaultValueFactory = static _ => TimeSpan.FromHours(1) };
        var uses = new Option<int>("--uses") { Description = "How many certificates it may bring; 0 for any number.", DefaultValueFactory = static _ => 1 };
        var command = new Command(name, "Make a join token. It is shown once.") { namespaceName, serviceAccount, lifetime, uses };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var client = await OperatorOptions.ConnectAsync(parsed, cancellationToken);
            var request = new TokenRequest(parsed.GetValue(namespaceName)!, parsed.GetValue(serviceAccount)!, parsed.GetValue(lifetime).TotalSeconds, parsed.GetValue(uses));
            var answer = await client.PostAsync("/api/v1/tokens", request, AdminJson.Default.TokenRequest, AdminJson.Default.TokenAnswer, cancellationToken);
            if (parsed.GetValue(OperatorOptions.Output) is not OutputFormat.Table and var format)
            {
                Printer.Data(answer, AdminJson.Default.TokenAnswer, format);
            }
            else
            {
                Printer.Line(answer.Token);
            }

            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command List()
    {
        var command = new Command("list", "List join tokens, without their secrets.");
        command.SetAction(static async (parsed, cancellationToken) =>
        {
            using var client = await OperatorOptions.ConnectAsync(parsed, cancellationToken);
            var tokens = await client.GetAsync("/api/v1/tokens", AdminJson.Default.JoinTokenSummaryArray, cancellationToken);
            if (parsed.GetValue(OperatorOptions.Output) is not OutputFormat.Table and var format)
            {
                Printer.Data(tokens, AdminJson.Default.JoinTokenSummaryArray, format);
                return ExitCodes.Ok;
            }

            Printer.Table("Join tokens", ["Id", "Namespace", "Service account", "Expires", "Uses", "Revoked"], tokens.Select(static token => new[]
            {
                token.Id,
                token.Namespace,
                token.ServiceAccount,
                token.ExpiresAt.ToString("u", CultureInfo.InvariantCulture),
                token.MaxUses == 0 ? $"{token.Uses}" : $"{token.Uses} of {token.MaxUses}",
                token.RevokedAt?.ToString("u", CultureInfo.InvariantCulture) ?? "",
            }));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command Revoke()
    {
        var id = new Argument<string>("id") { Description = "The token's id, the second part of its text." };
        var command = new Command("revoke", "Revoke a join token. Certificates issued by it stay valid until they expire, and are not renewed.") { id };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var client = await OperatorOptions.ConnectAsync(parsed, cancellationToken);
            await client.DeleteAsync($"/api/v1/tokens/{Uri.EscapeDataString(parsed.GetValue(id)!)}", cancellationToken);
            return ExitCodes.Ok;
        });
        return command;
    }
}
