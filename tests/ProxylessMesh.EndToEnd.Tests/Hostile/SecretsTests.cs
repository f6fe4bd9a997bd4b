using System.Buffers.Text;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.EndToEnd.Tests.Hostile;

/// <summary>
/// A mesh that joins, calls, fails, is attacked and is asked about, with everything at its most talkative: none of what it says, shows or
/// leaves on disk holds a key, a token or a person's JWT.
/// </summary>
public sealed partial class SecretsTests
{
    private const string Jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlLW9mLWFubg";

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Nothing_that_the_mesh_says_shows_or_leaves_holds_a_secret()
    {
        using var said = new EverythingSaid();
        void Talkative(ILoggingBuilder logging) => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(said);
        await using var mesh = await TestMesh.StartAsync(logging: Talkative);
        await mesh.WriteManifestAsync("policy.yaml", """
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: { name: server, namespace: test }
            spec: { action: DENY, rules: [{ to: [{ operation: { paths: [/denied] } }] }] }
            """);
        var used = await mesh.Tokens.CreateAsync(TestMesh.Namespace, "client", TimeSpan.FromHours(1), maxUses: 1, TestEnd);
        var revoked = await mesh.TokenAsync("late");
        await mesh.Tokens.RevokeAsync(JoinToken.Parse(revoked).Id, TestEnd);
        var state = new Dictionary<string, string?>
        {
            ["Mesh:State:Folder"] = mesh.WorkloadFolder("server"),
            ["Mesh:State:SealIdentity"] = "true",
        };
        var joined = await mesh.TokenAsync("server");
        await using var server = await mesh.StartServerAsync("server", static app => app.MapGet("/{*path}", static () => "ok"), joined, state, services => services.AddLogging(Talkative));
        await using var client = await mesh.StartClientAsync(token: used, services: services => services.AddLogging(Talkative));

        using var calls = client.CreateClient();
        calls.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Jwt);
        await Eventually.Async(() => calls.GetStringAsync(new Uri("/", UriKind.Relative), TestEnd), TestEnd);
        await Eventually.TrueAsync(
            async () =>
            {
                using var denied = await calls.GetAsync(new Uri("/denied", UriKind.Relative), TestEnd);
                return denied.StatusCode == HttpStatusCode.Forbidden;
            },
            TestEnd);
        var guessed = JoinToken.Create(JoinToken.Parse(joined).RootHash.Span).Text;
        foreach (var bad in (string[])[used, revoked, guessed])
        {
            var error = await Assert.ThrowsAsync<IdentityException>(() => JoinAsync(mesh, bad));
            said.Add(error.ToString());
        }

        await AskEverythingAsync(mesh, said);
        said.Observe();
        await mesh.StopControlPlaneAsync();

        Secret[] secrets =
        [
            .. new[] { used, revoked, joined, guessed }.SelectMany(Token),
            .. Token(OperatorToken(mesh)),
            .. Key("the server's key", server.Services.GetRequiredService<IdentitySource>().Current!.Leaf),
            .. Key("the client's key", client.Services.GetRequiredService<IdentitySource>().Current!.Leaf),
            .. CaKeys(mesh),
            new("a person's token", Jwt),
            new("a person's signature", Jwt.Split('.')[2]),
        ];
        Assert.True(secrets.Length > 30);

        // What may be said is: else nothing was listened to.
        Assert.Contains(said.Lines, line => line.Contains(JoinToken.Parse(used).Id, StringComparison.Ordinal));
        Assert.True(said.Lines.Count > 200, $"Only {said.Lines.Count} lines were said.");
        Assert.All(said.Lines, line =>
        {
            Assert.DoesNotContain(secrets, secret => line.Contains(secret.Text, StringComparison.Ordinal));
            Assert.DoesNotMatch(KeyOrToken(), line);
        });

        // Written when the workload has a snapshot and a certificate to keep.
        await Eventually.TrueAsync(() => Task.FromResult(Directory.Exists(mesh.WorkloadFolder("server")) && Directory.EnumerateFiles(mesh.WorkloadFolder("server")).Any()), TestEnd);
        NoSecretOnDisk(mesh, secrets);
    }

    private static async Task JoinAsync(TestMesh mesh, string token)
    {
        using var enrolment = new Enrolment(new MeshCaSettings { ControlPlane = mesh.Address, Token = JoinToken.Parse(token), Namespace = TestMesh.Namespace, ServiceAccount = "client" }, TimeProvider.System);
        await enrolment.IssueAsync(null, TestEnd);
    }

    private static string OperatorToken(TestMesh mesh) => File.ReadAllText(Path.Combine(mesh.StateFolder, "operator.token")).Trim();

    // Every page of the admin API, with the right token and with a wrong one.
    private static async Task AskEverythingAsync(TestMesh mesh, EverythingSaid said)
    {
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is not null } }) { BaseAddress = mesh.Address };
        foreach (var token in (string[])[OperatorToken(mesh), OperatorToken(mesh)[..^2] + "xx"])
        {
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
            foreach (var page in (string[])["healthz", "api/v1/status", "api/v1/manifests", "api/v1/revisions", "api/v1/tokens", "api/v1/ca", "api/v1/ca/revoked", "api/v1/migration", "api/v1/nothing"])
            {
                using var answer = await http.GetAsync(new Uri(page, UriKind.Relative), TestEnd);
                said.Add(await answer.Content.ReadAsStringAsync(TestEnd));
            }
        }
    }

    private static IEnumerable<Secret> Token(string token) => [new("a token", token), new("a token's secret", token.Split('.')[2]), .. Forms("a token's secret", Base64Url.DecodeFromChars(token.Split('.')[2]))];

    private static IEnumerable<Secret> Key(string what, X509Certificate2 certificate)
    {
        using var key = certificate.GetECDsaPrivateKey()!;
        return [.. Forms(what, key.ExportParameters(includePrivateParameters: true).D!), new(what, Base64Lines(key.ExportPkcs8PrivateKey())), new(what, Base64Lines(key.ExportECPrivateKey()))];
    }

    private static IEnumerable<Secret> CaKeys(TestMesh mesh)
    {
        var passphrase = File.ReadAllText(Path.Combine(mesh.StateFolder, "ca.passphrase")).Trim();
        var file = Path.Combine(mesh.StateFolder, "ca.p12");
        var keys = X509CertificateLoader.LoadPkcs12CollectionFromFile(file, passphrase, X509KeyStorageFlags.Exportable).Where(static certificate => certificate.HasPrivateKey).ToList();
        Assert.NotEmpty(keys);
        return [new("the CA's passphrase", passphrase), .. keys.SelectMany(static certificate => Key("the CA's key", certificate))];
    }

    private static IEnumerable<Secret> Forms(string what, byte[] bytes) =>
    [
        new(what, Convert.ToBase64String(bytes)),
        new(what, Base64Url.EncodeToString(bytes)),
        new(what, Convert.ToHexString(bytes)),
        new(what, Convert.ToHexStringLower(bytes)),
        new(what, BitConverter.ToString(bytes)),
        new(what, string.Join(',', bytes)),
    ];

    // The first lines of a PEM block are headers that all keys share: the last third is this key's own.
    private static string Base64Lines(byte[] der) => Convert.ToBase64String(der)[^44..];

    // Two files are secrets by their purpose and for this user alone; every other must hold none, in text or in bytes.
    private static void NoSecretOnDisk(TestMesh mesh, Secret[] secrets)
    {
        var raw = secrets.Where(static secret => Convert.TryFromBase64String(secret.Text, new byte[secret.Text.Length], out _)).Select(static secret => Convert.FromBase64String(secret.Text)).ToList();
        var looked = 0;
        foreach (var file in Directory.EnumerateFiles(mesh.StateFolder, "*", SearchOption.AllDirectories).Concat(Directory.EnumerateFiles(mesh.WorkloadFolder("server"), "*", SearchOption.AllDirectories)))
        {
            if (!OperatingSystem.IsWindows())
            {
                Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(file) & (UnixFileMode.GroupRead | UnixFileMode.OtherRead | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite) & (IsSecretByPurpose(file) ? (UnixFileMode)0x1FF : UnixFileMode.None));
            }

            if (IsSecretByPurpose(file))
            {
                continue;
            }

            var bytes = File.ReadAllBytes(file);
            var text = Encoding.Latin1.GetString(bytes);
            Assert.DoesNotContain(secrets, secret => text.Contains(secret.Text, StringComparison.Ordinal));
            Assert.DoesNotContain(raw, secret => secret.Length >= 16 && bytes.AsSpan().IndexOf(secret) >= 0);
            Assert.DoesNotMatch(KeyOrToken(), text);
            looked++;
        }

        Assert.True(looked >= 4, $"Only {looked} files were looked at.");
    }

    private static bool IsSecretByPurpose(string file) => Path.GetFileName(file) is "operator.token" or "ca.passphrase";

    [GeneratedRegex(@"-----BEGIN [A-Z ]*PRIVATE KEY|p[mo]1\.[\w-]{6,}\.[\w-]{43}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")]
    private static partial Regex KeyOrToken();

    private sealed record Secret(string What, string Text)
    {
        public override string ToString() => What;
    }
}
