using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.TestSupport;

/// <summary>The <c>openssl</c> program as a peer: another TLS than .NET's, with certificates in files that are gone with this object.</summary>
internal sealed class OpenSsl : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-openssl-");

    /// <summary>Whether it is on this machine.</summary>
    public static bool IsInstalled { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(static folder => File.Exists(Path.Combine(folder, "openssl")));

    /// <summary>A path in the folder of the files.</summary>
    public string PathOf(string name) => Path.Combine(_folder.FullName, name);

    /// <summary>Writes a certificate with its chain and its key, and gives the arguments that name them.</summary>
    public string[] Certificate(WorkloadIdentity identity)
    {
        var chain = new StringBuilder(identity.Leaf.ExportCertificatePem()).AppendLine();
        foreach (var intermediate in identity.Intermediates)
        {
            chain.AppendLine(intermediate.ExportCertificatePem());
        }

        var name = Guid.NewGuid().ToString("N");
        File.WriteAllText(PathOf(name + ".pem"), chain.ToString());
        using var key = identity.Leaf.GetECDsaPrivateKey()!;
        File.WriteAllText(PathOf(name + ".key"), key.ExportPkcs8PrivateKeyPem());
        return ["-cert", PathOf(name + ".pem"), "-key", PathOf(name + ".key"), "-cert_chain", PathOf(name + ".pem")];
    }

    /// <summary>Writes the roots, and gives the arguments by which a peer is verified with them and with nothing else.</summary>
    public string[] Roots(TrustBundle bundle)
    {
        var path = PathOf(Guid.NewGuid().ToString("N") + ".roots");
        File.WriteAllText(path, string.Join('\n', bundle.Authorities.Select(static root => root.ExportCertificatePem())));
        return ["-CAfile", path, "-no-CApath", "-no-CAstore", "-verify_return_error"];
    }

    /// <summary>Runs it to its end and returns all that it printed.</summary>
    public static async Task<string> RunAsync(IEnumerable<string> arguments, string input, CancellationToken cancellationToken)
    {
        using var process = Start(arguments);
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        try
        {
            await process.StandardInput.WriteAsync(input.AsMemory(), cancellationToken);
            await process.StandardInput.FlushAsync(cancellationToken);
        }
        catch (IOException)
        {
            // It has gone already: the handshake was refused.
        }

        await process.WaitForExitAsync(cancellationToken);
        return await output + await errors;
    }

    /// <summary>Starts it under <c>timeout</c>: it ends even where the test's own process was killed.</summary>
    public static Process Start(IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("timeout") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["--kill-after=1", "60", "openssl", .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start) ?? throw new InvalidOperationException("openssl did not start.");
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
