using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using ProxylessMesh.EndToEnd.Tests;
using ProxylessMesh.Interop.Tests.Processes;

namespace ProxylessMesh.Interop.Tests;

/// <summary>What <c>testssl.sh</c> finds at a STRICT port: protocols, cipher suites, forward secrecy and the known attacks.</summary>
public class TlsScanTests
{
    private const string Strict = """
        apiVersion: security.istio.io/v1
        kind: PeerAuthentication
        metadata: { name: default, namespace: mesh-system }
        spec: { mtls: { mode: STRICT } }
        """;

    // FATAL: the scan itself failed. What it would ask over HTTP is not asked: it has no certificate.
    private static readonly string[] Severe = ["MEDIUM", "HIGH", "CRITICAL", "FATAL"];

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = 300_000)]
    public async Task A_strict_port_has_no_weakness_above_LOW()
    {
        Peer.Program("testssl");
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("strict.yaml", Strict);
        var server = await mesh.StartServerAsync("echo", static app => app.MapGet("/", static () => "hello"));
        var report = Path.Combine(mesh.StateFolder, "testssl.json");

        var said = await PeerProcess.RunAsync(
            "testssl",
            ["--quiet", "--color", "0", "--warnings", "off", "--ip", "one", "--protocols", "--std", "--pfs", "--server-preference", "--vulnerable", "--jsonfile", report, server.Url.Authority],
            new Dictionary<string, string>(),
            TestEnd,
            TimeSpan.FromMinutes(4));

        var findings = JsonSerializer.Deserialize<JsonElement>(await File.ReadAllTextAsync(report, TestEnd)).EnumerateArray()
            .Select(static finding => (Id: finding.GetProperty("id").GetString()!, Severity: finding.GetProperty("severity").GetString()!, Text: finding.GetProperty("finding").GetString()!))
            .ToList();
        var severe = findings.Where(finding => Severe.Contains(finding.Severity)).ToList();
        Assert.True(severe.Count == 0, string.Join('\n', severe) + "\n" + said);
        foreach (var (protocol, offered) in ((string, bool)[])[("SSLv2", false), ("SSLv3", false), ("TLS1", false), ("TLS1_1", false), ("TLS1_2", true), ("TLS1_3", true)])
        {
            Assert.Equal(offered, !findings.Single(finding => finding.Id == protocol).Text.StartsWith("not offered", StringComparison.Ordinal));
        }
    }
}
