using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Tests.Hostile;

/// <summary>OpenSSL's own client against a STRICT port: another implementation of TLS, and the things that .NET's client never does.</summary>
public sealed class OpenSslTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-openssl-");

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public async Task OpenSSL_with_an_identity_is_served_and_verifies_us(string version)
    {
        await using var target = await Target.StartAsync();

        var said = await CallAsync(target, target.App.Ca.Issue("shop", "storefront"), $"{version} -verify_return_error");

        Assert.Contains("from the application", said, StringComparison.Ordinal);
        Assert.Contains("Verify return code: 0 (ok)", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public async Task OpenSSL_without_a_certificate_or_with_a_strangers_is_refused(string version)
    {
        await using var target = await Target.StartAsync();

        Assert.DoesNotContain("HTTP/1.1", await CallAsync(target, null, version), StringComparison.Ordinal);
        Assert.DoesNotContain("HTTP/1.1", await CallAsync(target, TestCa.Create().Issue("shop", "storefront"), version), StringComparison.Ordinal);
        await target.UntouchedAndWellAsync();
    }

    [Theory]
    [InlineData("-tls1_1 -cipher ALL:@SECLEVEL=0")]
    [InlineData("-tls1 -cipher ALL:@SECLEVEL=0")]
    [InlineData("-tls1_2 -cipher NULL:@SECLEVEL=0")]
    [InlineData("-tls1_2 -cipher aNULL:@SECLEVEL=0")]
    [InlineData("-tls1_2 -cipher RC4:3DES:@SECLEVEL=0")]
    [InlineData("-tls1_2 -cipher AES128-SHA:AES256-SHA:@SECLEVEL=0")]
    public async Task Old_versions_and_ciphers_are_not_agreed_on(string options)
    {
        await using var target = await Target.StartAsync();

        var said = await CallAsync(target, target.App.Ca.Issue("shop", "storefront"), options);

        Assert.DoesNotContain("HTTP/1.1", said, StringComparison.Ordinal);
        await target.UntouchedAndWellAsync();
    }

    [Fact]
    public async Task Renegotiation_by_the_client_is_refused()
    {
        await using var target = await Target.StartAsync();

        // "R" on a line of its own asks s_client to renegotiate; the request comes after it.
        var said = await CallAsync(target, target.App.Ca.Issue("shop", "storefront"), "-tls1_2", first: "R\n");

        Assert.Contains("RENEGOTIATING", said, StringComparison.Ordinal);
        Assert.DoesNotContain("HTTP/1.1", said, StringComparison.Ordinal);
        await target.UntouchedAndWellAsync();
    }

    private async Task<string> CallAsync(Target target, WorkloadIdentity? caller, string options, string first = "")
    {
        var start = new ProcessStartInfo("openssl") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        var arguments = $"s_client -connect {target.App.Address} -servername catalog -alpn http/1.1 -CAfile {File("root.pem", target.App.Ca.Root.ExportCertificatePem())} {options}";
        if (caller is not null)
        {
            using var key = caller.Leaf.GetECDsaPrivateKey()!;
            arguments += $" -cert {File("leaf.pem", caller.Leaf.ExportCertificatePem())} -key {File("key.pem", key.ExportPkcs8PrivateKeyPem())}";
        }

        // s_client reads letters at the start of a line as its own commands only without -quiet and -ign_eof.
        arguments += first.Length == 0 ? " -ign_eof" : "";
        Array.ForEach(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries), start.ArgumentList.Add);
        using var process = Process.Start(start) ?? throw new InvalidOperationException("openssl did not start.");
        var output = process.StandardOutput.ReadToEndAsync(TestEnd);
        var errors = process.StandardError.ReadToEndAsync(TestEnd);
        try
        {
            // Each write is a line of its own for s_client.
            foreach (var line in (string[])[first, "GET / HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\n\r\n"])
            {
                await process.StandardInput.WriteAsync(line.AsMemory(), TestEnd);
                await process.StandardInput.FlushAsync(TestEnd);
            }
        }
        catch (IOException)
        {
            // It has ended: refused while connecting.
        }

        await process.WaitForExitAsync(TestEnd);
        return await output + await errors;
    }

    private string File(string name, string content)
    {
        var path = Path.Combine(_folder.FullName, name);
        System.IO.File.WriteAllText(path, content);
        return path;
    }
}
