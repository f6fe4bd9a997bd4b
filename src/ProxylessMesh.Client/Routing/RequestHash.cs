using System.Buffers;
using System.Collections.Immutable;
using System.IO.Hashing;
using System.Net.Http.Headers;
using System.Numerics;
using System.Text;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Routing;

/// <summary>
/// The hash of a call by its route's policies (gRFC A42, Envoy <c>hash_policy</c>): XXH64 of each part, the hash so far rotated left by one
/// and combined by XOR; a terminal policy ends it once there is a hash.
/// </summary>
/// <remarks>
/// Several values of one header are hashed as Envoy does: sorted, each with the hash of those before as its seed, so that their order does
/// not matter. gRPC hashes them joined by commas.
/// </remarks>
internal sealed class RequestHash
{
    private readonly HashPolicyConfig[] _policies;
    private readonly RegexSubstitution?[] _rewrites;

    private RequestHash(ImmutableArray<HashPolicyConfig> policies)
    {
        _policies = [.. policies];
        _rewrites = [.. policies.Select(static policy => policy.HeaderRewrite is { } rewrite ? new RegexSubstitution(rewrite) : null)];
    }

    /// <returns>Null where there is nothing to hash.</returns>
    public static RequestHash? Compile(ImmutableArray<HashPolicyConfig> policies) => policies.IsEmpty ? null : new RequestHash(policies);

    /// <param name="request">The call, before the mesh changes it.</param>
    /// <param name="uri">What is called.</param>
    /// <param name="authority">The host that is called, where the request has no <c>Host</c> header.</param>
    /// <param name="madeCookie">A cookie that was missing and is to be sent back with the answer; null: none.</param>
    /// <returns>Null where the call has nothing that the policies ask for.</returns>
    public ulong? Compute(HttpRequestMessage request, Uri uri, string authority, out string? madeCookie)
    {
        madeCookie = null;
        ulong? hash = null;
        for (var i = 0; i < _policies.Length; i++)
        {
            var policy = _policies[i];
            if (Part(policy, _rewrites[i], request, uri, authority, ref madeCookie) is { } part)
            {
                hash = BitOperations.RotateLeft(hash ?? 0, 1) ^ part;
            }

            if (policy.Terminal && hash is not null)
            {
                break;
            }
        }

        return hash;
    }

    private static ulong? Part(HashPolicyConfig policy, RegexSubstitution? rewrite, HttpRequestMessage request, Uri uri, string authority, ref string? madeCookie)
    {
        switch (policy.Kind)
        {
            case HashPolicyKind.Header:
                return Header(policy.Name, rewrite, request, uri, authority);
            case HashPolicyKind.Cookie:
                return Cookie(policy, request, ref madeCookie);
            case HashPolicyKind.QueryParameter:
                return QueryText.First(uri.Query, policy.Name, out var value) ? Hash(value) : null;
            case HashPolicyKind.SourceIp:
                return CallerHash.OfAddress;
            default:
                return CallerHash.OfProcess;
        }
    }

    private static ulong? Header(string name, RegexSubstitution? rewrite, HttpRequestMessage request, Uri uri, string authority)
    {
        if (name[0] == ':')
        {
            return name switch
            {
                ":path" => Hash(rewrite?.Apply(uri.PathAndQuery) ?? uri.PathAndQuery),
                ":authority" => Hash(rewrite?.Apply(request.Headers.Host ?? authority) ?? request.Headers.Host ?? authority),
                ":method" => Hash(rewrite?.Apply(request.Method.Method) ?? request.Method.Method),
                _ => null,
            };
        }

        if (!request.Headers.NonValidated.TryGetValues(name, out var values)
            && (request.Content is not { } content || !content.Headers.NonValidated.TryGetValues(name, out values)))
        {
            return null;
        }

        if (values.Count == 1)
        {
            var value = values.ToString();
            return Hash(rewrite?.Apply(value) ?? value);
        }

        return Several(values, rewrite);
    }

    private static ulong Several(HeaderStringValues values, RegexSubstitution? rewrite)
    {
        var sorted = new string[values.Count];
        var count = 0;
        foreach (var value in values)
        {
            sorted[count++] = rewrite?.Apply(value) ?? value;
        }

        // By the bytes, as Envoy compares.
        Array.Sort(sorted, StringComparer.Ordinal);
        var hash = 0UL;
        foreach (var value in sorted)
        {
            hash = Hash(value, hash);
        }

        return hash;
    }

    private static ulong? Cookie(HashPolicyConfig policy, HttpRequestMessage request, ref string? madeCookie)
    {
        if (CookieText.TryFind(request, policy.Name, out var value) && value.Length > 0)
        {
            return Hash(value);
        }

        if (policy.CookieTtl is not { } ttl)
        {
            return null;
        }

        // Envoy makes it from the connection; a caller inside the process has none, so it is drawn.
        var made = CookieText.NewValue();
        madeCookie = CookieText.SetCookie(policy.Name, made, ttl, policy.CookiePath);
        return Hash(made);
    }

    /// <summary>XXH64 of the text in UTF-8.</summary>
    internal static ulong Hash(ReadOnlySpan<char> text, ulong seed = 0)
    {
        const int OnStack = 256;
        var size = Encoding.UTF8.GetMaxByteCount(text.Length);
        byte[]? rented = null;
        var buffer = size <= OnStack ? stackalloc byte[OnStack] : rented = ArrayPool<byte>.Shared.Rent(size);
        var hash = XxHash64.HashToUInt64(buffer[..Encoding.UTF8.GetBytes(text, buffer)], (long)seed);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return hash;
    }
}
