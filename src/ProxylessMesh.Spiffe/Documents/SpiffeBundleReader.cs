using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// Reads SPIFFE bundle documents, and maps of them by trust domain (gRFC A87). They come from outside: size, depth and counts are bounded,
/// and what is wrong is a <see cref="FormatException"/> with its place.
/// </summary>
internal static class SpiffeBundleReader
{
    /// <summary>Largest document, in bytes.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    /// <summary>Most keys of one trust domain, of all uses.</summary>
    public const int MaxKeys = 256;

    /// <summary>Reads the document of one trust domain.</summary>
    /// <param name="json">The document.</param>
    /// <param name="trustDomain">Whose it is: known from where it came, not from what it says.</param>
    /// <param name="isJwtBundle">It is a plain JWK set, as a Workload API sends it: keys without <c>use</c> sign JWT-SVIDs (SPIFFE Workload API §6.2.2).</param>
    /// <exception cref="FormatException">It is no such document.</exception>
    public static SpiffeBundle Read(ReadOnlyMemory<byte> json, TrustDomain trustDomain, bool isJwtBundle = false)
    {
        using var document = Open(json);
        return Read(document.RootElement, trustDomain, isJwtBundle);
    }

    /// <summary>Reads a map <c>{"trust_domains": {"a.test": BUNDLE, …}}</c>. One bad bundle makes all of it bad (gRFC A87).</summary>
    /// <exception cref="FormatException">It is no such map.</exception>
    public static IReadOnlyList<SpiffeBundle> ReadMap(ReadOnlyMemory<byte> json)
    {
        using var document = Open(json);
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("trust_domains", out var domains) || domains.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("A bundle map is an object with an object 'trust_domains'.");
        }

        var bundles = new List<SpiffeBundle>();
        foreach (var domain in domains.EnumerateObject())
        {
            if (bundles.Count == IdentityAnswer.MaxBundles)
            {
                throw new FormatException($"trust_domains has more than {IdentityAnswer.MaxBundles} entries.");
            }

            if (!TrustDomain.TryParse(domain.Name, out var name))
            {
                throw new FormatException($"trust_domains['{domain.Name}']: not a trust domain.");
            }

            try
            {
                bundles.Add(Read(domain.Value, name));
            }
            catch (FormatException error)
            {
                throw new FormatException($"trust_domains['{domain.Name}'].{error.Message}", error);
            }
        }

        return bundles;
    }

    /// <summary>Whether a text is a map and no bundle of one trust domain.</summary>
    /// <exception cref="FormatException">It is no JSON.</exception>
    public static bool IsMap(ReadOnlyMemory<byte> json)
    {
        using var document = Open(json);
        return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("trust_domains", out _);
    }

    /// <summary>Reads a document that is parsed already.</summary>
    /// <exception cref="FormatException">It is no such document.</exception>
    public static SpiffeBundle Read(JsonElement document, TrustDomain trustDomain, bool isJwtBundle = false)
    {
        // An empty list revokes every key; a missing one is no bundle (SPIFFE Trust Domain and Bundle §4.1.3).
        if (document.ValueKind != JsonValueKind.Object || !document.TryGetProperty("keys", out var keys) || keys.ValueKind != JsonValueKind.Array)
        {
            throw new FormatException("keys is missing or no list: this is no SPIFFE bundle.");
        }

        if (keys.GetArrayLength() > MaxKeys)
        {
            throw new FormatException($"keys has {keys.GetArrayLength()} entries; {MaxKeys} are the most.");
        }

        var certificates = ImmutableArray.CreateBuilder<X509Certificate2>();
        var authorities = new Dictionary<string, JwtAuthority>(StringComparer.Ordinal);
        var index = 0;
        foreach (var jwk in keys.EnumerateArray())
        {
            try
            {
                ReadKey(jwk, isJwtBundle ? "jwt-svid" : null, certificates, authorities);
            }
            catch (FormatException error)
            {
                throw new FormatException($"keys[{index}]: {error.Message}.", error);
            }

            index++;
        }

        return new SpiffeBundle
        {
            TrustDomain = trustDomain,
            X509Authorities = certificates.ToImmutable(),
            JwtAuthorities = authorities.ToFrozenDictionary(StringComparer.Ordinal),
            Sequence = Number(document, "spiffe_sequence"),
            RefreshHint = Number(document, "spiffe_refresh_hint") is { } seconds ? TimeSpan.FromSeconds(Math.Min(seconds, int.MaxValue)) : null,
        };
    }

    private static void ReadKey(JsonElement jwk, string? withoutUse, ImmutableArray<X509Certificate2>.Builder certificates, Dictionary<string, JwtAuthority> authorities)
    {
        if (jwk.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("it is no object");
        }

        switch (jwk.TryGetProperty("use", out var use) && use.ValueKind == JsonValueKind.String ? use.GetString() : withoutUse)
        {
            case "x509-svid" when certificates.Count < IdentityAnswer.MaxAuthorities:
                certificates.Add(JsonWebKeyReader.ReadCertificate(jwk));
                break;
            case "x509-svid":
                throw new FormatException($"there are more than {IdentityAnswer.MaxAuthorities} keys with use x509-svid");
            case "jwt-svid":
                var id = JsonWebKeyReader.Text(jwk, "kid");
                if (!authorities.TryAdd(id, new JwtAuthority(id, JsonWebKeyReader.ReadKey(jwk))))
                {
                    throw new FormatException($"kid '{id}' is there twice");
                }

                break;
            default:
                // Uses that are not known are left out, not refused (SPIFFE Trust Domain and Bundle §4.2.2).
                break;
        }
    }

    private static ulong? Number(JsonElement document, string member)
        => !document.TryGetProperty(member, out var value) ? null
            : value.ValueKind == JsonValueKind.Number && value.TryGetUInt64(out var number) ? number
            : throw new FormatException($"{member} is no whole number of 0 or more.");

    private static JsonDocument Open(ReadOnlyMemory<byte> json)
        => json.Length <= MaxBytes ? StrictJson.Parse(json) : throw new FormatException($"The document has {json.Length} bytes; {MaxBytes} are the most.");
}
