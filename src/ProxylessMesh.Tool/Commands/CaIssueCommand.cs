using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Tool.Output;

namespace ProxylessMesh.Tool.Commands;

/// <summary>
/// <c>mesh ca issue</c>: a certificate for a process that takes it from files. The key is made here and never sent, or stays with whoever
/// made the signing request.
/// </summary>
internal static class CaIssueCommand
{
    public static Command Create()
    {
        var account = new Argument<string>("namespace/account") { Description = "The service account." };
        var request = new Option<FileInfo?>("--csr") { Description = "A signing request in PEM. Default: a new ECDSA P-256 key is made." };
        var lifetime = new Option<TimeSpan?>("--lifetime") { Description = "As hh:mm:ss or d.hh:mm:ss, within the CA's bounds. Default: that of workloads." };
        var folder = new Option<DirectoryInfo>("--out") { Description = "The folder for cert.pem, key.pem (0600) and bundle.pem.", DefaultValueFactory = static _ => new DirectoryInfo(".") };
        var command = new Command("issue", "Issue a certificate into files.") { account, request, lifetime, folder };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            if (parsed.GetValue(account)!.Split('/') is not [var namespaceName, var serviceAccount])
            {
                throw new UsageException($"'{parsed.GetValue(account)}' is not namespace/account.");
            }

            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var given = parsed.GetValue(request);
            var signingRequest = given is not null
                ? await File.ReadAllTextAsync(given.FullName, cancellationToken)
                : new CertificateRequest("O=ProxylessMesh", key, HashAlgorithmName.SHA256).CreateSigningRequestPem();
            using var client = await OperatorOptions.ConnectAsync(parsed, cancellationToken);
            var answer = await client.PostAsync(
                "/api/v1/ca/certificates", new IssueRequest(namespaceName, serviceAccount, signingRequest, parsed.GetValue(lifetime)?.TotalSeconds), AdminJson.Default.IssueRequest, AdminJson.Default.IssueAnswer, cancellationToken);

            var into = parsed.GetValue(folder)!.FullName;
            PrivateFile.CreateFolder(into);
            if (given is null)
            {
                PrivateFile.Replace(Path.Combine(into, "key.pem"), Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem() + "\n"));
            }

            PrivateFile.Replace(Path.Combine(into, "bundle.pem"), Encoding.ASCII.GetBytes(answer.Roots));
            PrivateFile.Replace(Path.Combine(into, "cert.pem"), Encoding.ASCII.GetBytes(answer.Chain));
            if (parsed.GetValue(OperatorOptions.Output) is not OutputFormat.Table and var format)
            {
                Printer.Data(answer, AdminJson.Default.IssueAnswer, format);
            }
            else
            {
                Printer.Line($"{answer.Id}, valid until {answer.ExpiresAt:u}, in {into}");
            }

            return ExitCodes.Ok;
        });
        return command;
    }
}
