using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Client.Snapshots;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Client.Tests.Joining;

public sealed class MeshHealthCheckTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ready_only_with_a_certificate_that_is_valid_and_config_for_what_is_called()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var identities = new TestIdentitySource();
        await using var mesh = new TestMesh(identities, time);
        mesh.Logs.Expect("Health check mesh with status Unhealthy");
        Assert.Contains("no certificate", (await CheckAsync(mesh)).Description, StringComparison.Ordinal);

        identities.Set(TestCa.Create().Issue("shop", "storefront"));
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(mesh)).Status);

        mesh.Services.GetRequiredService<SnapshotSource>().Find(new HostKey("catalog", 0));
        Assert.Contains("'catalog'", (await CheckAsync(mesh)).Description, StringComparison.Ordinal);

        mesh.Xds.Publish(Configs.Host("catalog"));
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(mesh)).Status);

        time.Advance(TimeSpan.FromHours(2));
        Assert.Contains("expired", (await CheckAsync(mesh)).Description, StringComparison.Ordinal);
    }

    private static async Task<HealthReportEntry> CheckAsync(TestMesh mesh)
    {
        var report = await mesh.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(static check => check.Name == "mesh", TestEnd);
        return report.Entries["mesh"];
    }
}
