using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ProxylessMesh.EndToEnd.Tests;

public sealed class KillTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = 2 * TestMesh.TimeLimit)]
    public async Task Killing_the_control_plane_while_manifests_change_never_corrupts_its_state()
    {
        var folder = Directory.CreateTempSubdirectory("mesh-kill-");
        try
        {
            var listen = "127.0.0.1:0";
            var revision = 0;
            for (var round = 0; round < 5; round++)
            {
                await using var controlPlane = await ControlPlaneProcess.StartAsync(folder.FullName, listen, TestEnd);
                listen = controlPlane.Address.Authority;

                // Killed at another point of the stream of changes each time.
                var writes = 3 + (round * 9);
                for (var i = 0; i < writes; i++)
                {
                    await WriteRouteAsync(folder.FullName, ++revision);
                    await Task.Delay(TimeSpan.FromMilliseconds(7 + (13 * round)), TimeProvider.System, TestEnd);
                }

                await controlPlane.KillAsync();
            }

            await using var last = await ControlPlaneProcess.StartAsync(folder.FullName, listen, TestEnd);
            await using var mesh = TestMesh.Joining(last.Address, last.JoinToken);
            await mesh.StartServerAsync("server", static app => app.MapGet("/", static (HttpContext http) => http.Request.Headers["x-revision"].ToString()));
            var client = await mesh.StartClientAsync();
            await Eventually.TrueAsync(async () => await client.CreateClient().GetStringAsync("/", TestEnd) == revision.ToString(CultureInfo.InvariantCulture), TestEnd);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task WriteRouteAsync(string folder, int revision)
    {
        var temporary = Path.Combine(folder, "route.tmp");
        await File.WriteAllTextAsync(temporary, Manifests.MarkingRoute(revision), TestEnd);
        File.Move(temporary, Path.Combine(folder, "manifests", "route.yaml"), overwrite: true);
    }
}
