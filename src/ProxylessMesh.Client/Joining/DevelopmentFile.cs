using System.Text.Json;
using Microsoft.Extensions.Hosting;

namespace ProxylessMesh.Client;

/// <summary>What <c>mesh up</c> left for this user: where its control plane listens and how to join. Read in Development only.</summary>
internal static class DevelopmentFile
{
    /// <summary>Fills in what is not set. A file that cannot be read leaves the options as they are; the validator then names the cure.</summary>
    public static void Apply(MeshOptions options, IServiceProvider services)
    {
        if (options.ControlPlane is not null
            || services.GetService(typeof(IHostEnvironment)) is not IHostEnvironment environment
            || !environment.IsDevelopment())
        {
            return;
        }

        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(Path));
            if (json.RootElement.TryGetProperty("controlPlane", out var address) && Uri.TryCreate(address.GetString(), UriKind.Absolute, out var uri))
            {
                options.ControlPlane = uri;
                if (options.Identity.Source == MeshIdentitySource.MeshCa && options.Identity.KubernetesTokenFile.Length == 0 && options.JoinToken.Length == 0 && options.JoinTokenFile.Length == 0 && json.RootElement.TryGetProperty("joinToken", out var token))
                {
                    options.JoinToken = token.GetString() ?? "";
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            options.DevelopmentFileError = e is FileNotFoundException or DirectoryNotFoundException ? null : e.Message;
        }
    }

    public static string Path => System.IO.Path.Combine(
        Environment.GetEnvironmentVariable("PROXYLESSMESH_HOME") ?? System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".proxylessmesh"),
        "development.json");
}
