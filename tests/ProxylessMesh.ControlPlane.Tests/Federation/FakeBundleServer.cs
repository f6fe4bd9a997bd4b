using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.ControlPlane.Tests.Ca;

namespace ProxylessMesh.ControlPlane.Tests.Federation;

/// <summary>A web server at which another trust domain's operator puts a bundle, with a certificate of a web CA of its own; answers as the test says.</summary>
internal sealed class FakeBundleServer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private FakeBundleServer(WebApplication application) => _application = application;

    public Uri Address { get; private set; } = new("https://localhost");

    /// <summary>What each request gets.</summary>
    public RequestDelegate Answer { get; set; } = static http => http.Response.WriteAsync("{}");

    public int Requests { get; private set; }

    /// <summary>The files of a certificate for <c>localhost</c> and of the web CA that issued it.</summary>
    public static (string Certificate, string Key, string Roots) WriteCertificate(TestFolder folder, string name = "web")
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN=Web CA {name}", rootKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        using var root = request.CreateSelfSigned(now.AddHours(-1), now.AddDays(2));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var leafRequest = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        leafRequest.CertificateExtensions.Add(names.Build());
        using var leaf = leafRequest.Create(root, now.AddHours(-1), now.AddDays(1), [1, 2, 3]);
        var files = (folder.File($"{name}.crt"), folder.File($"{name}.key"), folder.File($"{name}-ca.crt"));
        File.WriteAllText(files.Item1, leaf.ExportCertificatePem());
        File.WriteAllText(files.Item2, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(files.Item3, root.ExportCertificatePem());
        return files;
    }

    public static async Task<FakeBundleServer> StartAsync(string certificate, string key)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(
            IPAddress.Loopback, 0, listen => listen.UseHttps(new HttpsConnectionAdapterOptions { ServerCertificate = X509Certificate2.CreateFromPemFile(certificate, key) })));
        var application = builder.Build();
        var server = new FakeBundleServer(application);
        application.Run(http =>
        {
            server.Requests++;
            return server.Answer(http);
        });
        await application.StartAsync(TestContext.Current.CancellationToken);
        var address = new Uri(application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        server.Address = new Uri($"https://localhost:{address.Port}/");
        return server;
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();
}
