using System.CommandLine;
using System.Globalization;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.Tool.Output;

namespace ProxylessMesh.Tool.Commands;

/// <summary><c>mesh ca</c>: the CA's keys and how the fleet stands to them; certificates by hand; revoked identities.</summary>
internal static class CaCommand
{
    public static Command Create()
    {
        var command = new Command("ca", "Show and change the mesh's CA, issue certificates by hand, revoke identities.")
        {
            Show(), CaRotateCommand.Create(), Request(), CaIssueCommand.Create(), Revoke(), Revoked(), Restore(),
        };
        return command.WithOperatorOptions();
    }

    /// <summary>Prints the state of the CA.</summary>
    public static void Print(CaAnswer ca, OutputFormat format)
    {
        if (format != OutputFormat.Table)
        {
            Printer.Data(ca, AdminJson.Default.CaAnswer, format);
            return;
        }

        Printer.Table($"CA of {ca.TrustDomain}", ["SHA-256", "Kind", "Signs", "Valid until", "Root's SHA-256"], ca.Authorities.Select(static authority => new[]
        {
            authority.Sha256[..16],
            authority.Kind,
            authority.IsActive ? "yes" : "no",
            authority.ExpiresAt.ToString("u", CultureInfo.InvariantCulture),
            authority.RootSha256[..16],
        }));
        Printer.Line($"Rotation: {ca.Stage}. Of {ca.Members} certificates in use, {ca.Trusting} trust the newest root and {ca.ByActive} are by the key that signs.");
        if (ca.Stage != "none")
        {
            Printer.Table("Not ready for the next step", ["Identity", "Certificate", "Valid until", "Connected"], ca.Missing.Select(static member => new[]
            {
                member.Id, member.Serial, member.ExpiresAt?.ToString("u", CultureInfo.InvariantCulture) ?? "", member.IsConnected ? "yes" : "no",
            }));
        }
    }

    private static Command Show()
    {
        var roots = new Option<bool>("--roots") { Description = "Print the roots as PEM, for other systems that are to trust the mesh." };
        var command = new Command("show", "What signs, what is trusted, and how far a rotation is.") { roots };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var client = await OperatorOptions.ConnectAsync(parsed, cancellationToken);
            var ca = await client.GetAsync("/api/v1/ca", AdminJson.Default.CaAnswer, cancellationToken);
            if (parsed.GetValue(roots))
            {
                Printer.Line(string.Join('\n', ca.Authorities.Select(static authority => authority.RootPem).Distinct()));
            }
            else
            {
                Print(ca, parsed.GetValue(OperatorOptions.Output));
            }

            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command Request()
    {
        var command = new Command("request", "Make a signing request for an intermediate under a company's root. The key stays in the control plane.");
        command.SetAction(static async (parsed, cancellationToken) =>
        {
            using var client = await OperatorOptions.ConnectAsync(parsed, cancellationToken);
            var answer = await client.PostAsync("/api/v1/ca/request", AdminJson.Default.CaRequestAnswer, cancellationToken);
            if (parsed.GetValue(OperatorOptions.Output) is not OutputFormat.Table and var format)
            {
                Printer.Data(answer, AdminJson.Default.CaRequestAnswer, format);
            }
            else
            {
                Printer.Line(answer.SigningRequest);
            }

            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command Revoke()
    {
        var id = new Argument<string>("id") { Description = "The SPIFFE ID." };
        var reason = new Option<string>("--reason") { Description = "Why, for the audit log.", DefaultValueFactory = static _ => "" };
        var command = new Command("revoke", "Revoke an identity: it gets no certificate, its streams and endpoints end, every server denies it.") { id, reason };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var client = await OperatorOptions.ConnectAsync(parsed, cancellationToken);
            await client.PostAsync("/api/v1/ca/revoked", new RevokeRequest(parsed.GetValue(id)!, parsed.GetValue(reason)), AdminJson.Default.RevokeRequest, cancellationToken);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command Restore()
    {
        var id = new Argument<string>("id") { Description = "The SPIFFE ID." };
        var command = new Command("restore", "Take a revoked identity back.") { id };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var client = await OperatorOptions.ConnectAsync(parsed, cancellationToken);
            await client.DeleteAsync($"/api/v1/ca/revoked?id={Uri.EscapeDataString(parsed.GetValue(id)!)}", cancellationToken);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command Revoked()
    {
        var command = new Command("revoked", "List the revoked identities.");
        command.SetAction(static async (parsed, cancellationToken) =>
        {
            using var client = await OperatorOptions.ConnectAsync(parsed, cancellationToken);
            var revoked = await client.GetAsync("/api/v1/ca/revoked", AdminJson.Default.RevokedIdentityArray, cancellationToken);
            if (parsed.GetValue(OperatorOptions.Output) is not OutputFormat.Table and var format)
            {
                Printer.Data(revoked, AdminJson.Default.RevokedIdentityArray, format);
                return ExitCodes.Ok;
            }

            Printer.Table("Revoked identities", ["Identity", "Since", "Reason"], revoked.Select(static identity => new[] { identity.Id, identity.Since.ToString("u", CultureInfo.InvariantCulture), identity.Reason }));
            return ExitCodes.Ok;
        });
        return command;
    }
}
