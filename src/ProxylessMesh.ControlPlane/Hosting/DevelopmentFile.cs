using System.Text.Json;
using System.Text.Json.Serialization;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Hosting;

/// <summary>
/// <c>development.json</c> in this user's ProxylessMesh folder: where <c>AddMesh()</c> in Development and the <c>mesh</c> commands find the
/// control plane of this machine. For this user alone (0600): its token covers every identity.
/// </summary>
/// <param name="ControlPlane">The HTTPS address.</param>
/// <param name="JoinToken">A token for any namespace and service account.</param>
/// <param name="OperatorTokenFile">Where the operator's token is.</param>
internal sealed record DevelopmentFile(string ControlPlane, string JoinToken, string OperatorTokenFile)
{
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromDays(30);
    private static readonly TimeSpan TokenReserve = TimeSpan.FromDays(1);

    /// <summary>The file's path; <c>PROXYLESSMESH_HOME</c> names another folder than <c>~/.proxylessmesh</c>.</summary>
    public static string DefaultPath => Path.Combine(
        Environment.GetEnvironmentVariable("PROXYLESSMESH_HOME") is { Length: > 0 } home ? home : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".proxylessmesh"),
        "development.json");

    /// <summary>Reads the file; null when there is none, or it is not one.</summary>
    public static DevelopmentFile? TryRead(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllBytes(path), DevelopmentJson.Default.DevelopmentFile) : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes the file. The token of an earlier run is used again while it is good, so that running apps can enrol anew.</summary>
    public static async Task WriteAsync(string path, Uri controlPlane, string operatorTokenFile, JoinTokens tokens, TimeProvider time, CancellationToken cancellationToken)
    {
        var text = await IsGoodAsync(TryRead(path)?.JoinToken, tokens, time, cancellationToken) ?? await tokens.CreateAsync("*", "*", TokenLifetime, maxUses: 0, cancellationToken);
        PrivateFile.CreateFolder(Path.GetDirectoryName(path)!);
        AtomicFile.WriteSecret(path, JsonSerializer.SerializeToUtf8Bytes(new DevelopmentFile(controlPlane.GetLeftPart(UriPartial.Authority), text, operatorTokenFile), DevelopmentJson.Default.DevelopmentFile));
    }

    private static async Task<string?> IsGoodAsync(string? text, JoinTokens tokens, TimeProvider time, CancellationToken cancellationToken)
        => Spiffe.JoinToken.TryParse(text, out var token)
            && (await tokens.ListAsync(cancellationToken)).Any(known => known.Id == token.Id && known.RevokedAt is null && tokens.IsByRootOfToday(token) && known.ExpiresAt - time.GetUtcNow() > TokenReserve)
                ? text
                : null;
}

[JsonSerializable(typeof(DevelopmentFile))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
internal sealed partial class DevelopmentJson : JsonSerializerContext;
