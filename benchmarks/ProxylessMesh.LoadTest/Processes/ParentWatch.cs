using System.Net;
using ProxylessMesh.ControlPlane;

namespace ProxylessMesh.LoadTest.Processes;

/// <summary>The child's side of <see cref="ChildProcess"/>.</summary>
internal static class ParentWatch
{
    /// <summary>Runs the app, tells its port, and stops when the parent closes standard input or dies.</summary>
    /// <param name="app">Not yet started.</param>
    /// <param name="tellFacts">Facts for the parent, asked once the app has started.</param>
    public static async Task RunUntilParentEndsAsync(WebApplication app, Func<Task<Dictionary<string, string>>>? tellFacts = null)
    {
        await app.StartAsync();
        foreach (var (name, value) in tellFacts is null ? [] : await tellFacts())
        {
            Console.WriteLine($"FACT {name} {value}");
        }

        var port = app.Services.GetService<MeshControlPlaneAddress>()?.Https.Port ?? BindingAddress.Parse(app.Urls.First()).Port;
        Console.WriteLine($"READY {port}");
        await Console.OpenStandardInput().CopyToAsync(Stream.Null);
        await app.StopAsync();
    }

    /// <summary>A web app without logs below Warning, on a free loopback port.</summary>
    public static WebApplicationBuilder QuietBuilder()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        return builder;
    }

    /// <summary>The body every server answers with: 1 KiB.</summary>
    public static byte[] Payload { get; } = [.. Enumerable.Repeat((byte)'x', 1024)];

    /// <summary>Loopback, a port that the system picks.</summary>
    public static IPEndPoint AnyPort { get; } = new(IPAddress.Loopback, 0);
}
