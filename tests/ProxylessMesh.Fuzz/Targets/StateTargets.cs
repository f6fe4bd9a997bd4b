using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Options;
using ProxylessMesh.ControlPlane;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;
using static ProxylessMesh.Fuzz.FuzzTargets;

namespace ProxylessMesh.Fuzz;

/// <summary>Files that a process left for its next start, which others may have changed meanwhile.</summary>
internal static class StateTargets
{
    private static readonly SpiffeId Id = SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/catalog");

    private static readonly TestCa Ca = TestCa.Create();

    private static readonly WorkloadIdentity Identity = Ca.Issue(Id, TimeSpan.FromDays(20));

    private static readonly string Folder = Directory.CreateTempSubdirectory("mesh-fuzz-").FullName;

    private static readonly JoinToken Token = JoinToken.Create(new byte[32]);

    private static readonly StateFolder ControlPlaneFolder = new(Options.Create(new MeshControlPlaneOptions { StateFolder = Path.Combine(Folder, "control-plane") }));

    private static readonly byte[][] DerWords = [[0x30, 0x80], [0x30, 0x82, 0xFF, 0xFF], [0x30, 0x84, 0x7F, 0xFF, 0xFF, 0xFF], [0xA0, 0x03], [0x02, 0x01, 0x00], [0x05, 0x00], [0x04, 0x80], [0x31, 0x00]];

    static StateTargets() => AppDomain.CurrentDomain.ProcessExit += static (_, _) =>
    {
        ControlPlaneFolder.Dispose();
        Directory.Delete(Folder, recursive: true);
    };

    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("last-known-good", [Signed()], Snapshot) { Words = DerWords },
        new("sealed-identity", [Sealed()], static bytes => Takes<IdentityException>(() => LoadSealed(bytes))) { Words = DerWords, Cost = 10 },
        new("join-token-file", [TokenFile()], static bytes => Takes<MeshControlPlaneException>(() => LoadTokens(bytes))) { Words = Words("{}", "[]", "null", "\"\"", "\"Id\":", "\"\\ud800\"", "[[[[", "1e400", "\"2026-01-01T00:00:00Z\""), Cost = 4 },
    ];

    private static bool Snapshot(byte[] bytes)
    {
        var fault = SnapshotSignature.Verify(bytes, Ca.Bundle, out var content);
        Must(fault is null == content is not null, "A refused snapshot gives content, or a good one gives none.");
        Must(content is null || (content.SpiffeId == Id.ToString() && content.Resources.Single().TypeUrl == "t"), "A snapshot that was changed is taken.");
        return content is not null;
    }

    private static byte[] Signed() => SnapshotSignature.Sign(
        new SnapshotContent { SpiffeId = Id.ToString(), IssuedAt = Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow()), Resources = { new SnapshotResources { TypeUrl = "t", Missing = { "a" } } } },
        Ca.Leaf(new TestLeaf { Uris = [Id.ToString()], Usages = [SnapshotSignature.KeyUsageOid] }),
        []);

    private static byte[] Sealed()
    {
        var path = Path.Combine(Folder, "seed.p12");
        new SealedIdentity(path, Token, TimeProvider.System).SaveAsync(Identity, CancellationToken.None).GetAwaiter().GetResult();
        return File.ReadAllBytes(path);
    }

    private static void LoadSealed(byte[] bytes)
    {
        var path = Path.Combine(Folder, "identity.p12");
        File.WriteAllBytes(path, bytes);
        var identity = new SealedIdentity(path, Token, TimeProvider.System).TryLoad();
        Must(identity is null || identity.Id == Id, "A sealed identity that was changed is taken.");
    }

    private static byte[] TokenFile()
    {
        var file = new JoinTokenFile(ControlPlaneFolder);
        file.Save([new JoinTokenRecord { Id = "a", SecretHash = new byte[32], Namespace = "shop", ServiceAccount = "*", CreatedAt = DateTimeOffset.UnixEpoch, ExpiresAt = DateTimeOffset.UnixEpoch.AddYears(100), MaxUses = 1 }]);
        return File.ReadAllBytes(ControlPlaneFolder.PathOf("join-tokens.json"));
    }

    private static void LoadTokens(byte[] bytes)
    {
        File.WriteAllBytes(ControlPlaneFolder.PathOf("join-tokens.json"), bytes);
        foreach (var (id, record) in new JoinTokenFile(ControlPlaneFolder).Load())
        {
            Must(id is not null && record.SecretHash is not null && record.Namespace is not null && record.ServiceAccount is not null, "A token without a part of it is taken.");
        }
    }
}
