using System.Globalization;
using ProxylessMesh.ControlPlane;
using ProxylessMesh.LoadTest.Processes;

namespace ProxylessMesh.LoadTest.Arrangements;

/// <summary>The mesh's own processes: a control plane that hands out tokens, and a server.</summary>
internal static class MeshRoles
{
    public const string StateVariable = "LOADTEST_STATE";

    public const string ManifestVariable = "LOADTEST_MANIFESTS";

    /// <summary>Seconds that a certificate lives; not set: the default.</summary>
    public const string LifetimeVariable = "LOADTEST_SVID_SECONDS";

    /// <summary>Percentage of GETs that a server answers with 503, and a fifth of that which it breaks off; not set: none.</summary>
    public const string TroubleVariable = "LOADTEST_TROUBLE";

    private static readonly string[] Services = ["server", "client", "orders"];

    /// <summary>Tokens for the services of <c>load</c> are told as facts.</summary>
    public static async Task RunControlPlaneAsync()
    {
        var builder = ParentWatch.QuietBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.AddMeshControlPlane(static options =>
        {
            options.Listen = "127.0.0.1:0";
            options.StateFolder = Environment.GetEnvironmentVariable(StateVariable)!;
            options.ManifestFolder = Environment.GetEnvironmentVariable(ManifestVariable)!;
            options.SvidLifetime = int.TryParse(Environment.GetEnvironmentVariable(LifetimeVariable), CultureInfo.InvariantCulture, out var seconds) ? TimeSpan.FromSeconds(seconds) : options.SvidLifetime;
        });
        await using var app = builder.Build();
        await ParentWatch.RunUntilParentEndsAsync(app, async () =>
        {
            var tokens = app.Services.GetRequiredService<JoinTokens>();
            var facts = new Dictionary<string, string>();
            foreach (var service in Services)
            {
                facts[service] = await tokens.CreateAsync("load", service, TimeSpan.FromHours(1), maxUses: 10_000);
            }

            return facts;
        });
    }

    public static async Task RunServerAsync()
    {
        var builder = ParentWatch.QuietBuilder();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.AddMesh();
        await using var app = builder.Build();
        var trouble = int.TryParse(Environment.GetEnvironmentVariable(TroubleVariable), CultureInfo.InvariantCulture, out var percent) ? percent : 0;
        app.Run(http => Trouble(http, trouble) ? Task.CompletedTask : ServerRole.AnswerAsync(http));
        await ParentWatch.RunUntilParentEndsAsync(app);
    }

    private static bool Trouble(HttpContext http, int percent)
    {
        if (percent == 0 || !HttpMethods.IsGet(http.Request.Method) || Random.Shared.Next(100) >= percent)
        {
            return false;
        }

        if (Random.Shared.Next(5) == 0)
        {
            http.Abort();
        }
        else
        {
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        }

        return true;
    }
}
