using ProxylessMesh.ControlPlane;
using ProxylessMesh.LoadTest.Processes;

namespace ProxylessMesh.LoadTest.Arrangements;

/// <summary>The mesh's own processes: a control plane that hands out tokens, and a server.</summary>
internal static class MeshRoles
{
    public const string StateVariable = "LOADTEST_STATE";

    public const string ManifestVariable = "LOADTEST_MANIFESTS";

    /// <summary>Tokens for <c>load/server</c> and <c>load/client</c> are told as facts.</summary>
    public static async Task RunControlPlaneAsync()
    {
        var builder = ParentWatch.QuietBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.AddMeshControlPlane(static options =>
        {
            options.Listen = "127.0.0.1:0";
            options.StateFolder = Environment.GetEnvironmentVariable(StateVariable)!;
            options.ManifestFolder = Environment.GetEnvironmentVariable(ManifestVariable)!;
        });
        await using var app = builder.Build();
        await ParentWatch.RunUntilParentEndsAsync(app, async () =>
        {
            var tokens = app.Services.GetRequiredService<JoinTokens>();
            return new Dictionary<string, string>
            {
                ["server"] = await tokens.CreateAsync("load", "server", TimeSpan.FromHours(1), maxUses: 1000),
                ["client"] = await tokens.CreateAsync("load", "client", TimeSpan.FromHours(1), maxUses: 1000),
            };
        });
    }

    public static async Task RunServerAsync()
    {
        var builder = ParentWatch.QuietBuilder();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.AddMesh();
        await using var app = builder.Build();
        app.Run(ServerRole.AnswerAsync);
        await ParentWatch.RunUntilParentEndsAsync(app);
    }
}
