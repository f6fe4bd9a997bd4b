using System.Buffers.Text;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary>
/// Signs JWT-SVIDs (JWT-SVID §2 and §3: ES256, <c>kid</c>, <c>sub</c>, <c>aud</c>, <c>exp</c>). A new key is published a day before it signs, so that
/// whoever keeps our bundle has it by then, and stays published until no token by it is valid. Keys are kept encrypted in the state folder. Thread safe.
/// </summary>
internal sealed partial class JwtSvidSigner : IDisposable
{
    /// <summary>How long a token is valid.</summary>
    public static readonly TimeSpan TokenLifetime = TimeSpan.FromMinutes(5);

    /// <summary>How long a key signs.</summary>
    public static readonly TimeSpan KeyLifetime = TimeSpan.FromDays(7);

    /// <summary>How long a key is published before it signs.</summary>
    public static readonly TimeSpan PublishedBefore = TimeSpan.FromDays(1);

    private static readonly TimeSpan RetryAfterFailure = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly JwtKeyFile _file;
    private readonly TimeProvider _time;
    private readonly ILogger<JwtSvidSigner> _logger;
    private readonly ITimer _timer;
    private ImmutableArray<JwtKey> _keys;

    public JwtSvidSigner(JwtKeyFile file, TimeProvider time, ILogger<JwtSvidSigner> logger)
    {
        (_file, _time, _logger) = (file, time, logger);
        _keys = file.Load();
        _timer = time.CreateTimer(static state => ((JwtSvidSigner)state!).Rotate(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Rotate();
        if (_keys.IsEmpty)
        {
            throw new MeshControlPlaneException("No key to sign JWT-SVIDs with could be kept in the state folder. Make it writable.");
        }
    }

    /// <summary>Raised after <see cref="Authorities"/> has changed.</summary>
    public event Action? Changed;

    /// <summary>The public keys by their <c>kid</c>.</summary>
    public FrozenDictionary<string, JwtAuthority> Authorities
    {
        get
        {
            lock (_gate)
            {
                return _keys.ToFrozenDictionary(static key => key.Id, static key => new JwtAuthority(key.Id, key.Public), StringComparer.Ordinal);
            }
        }
    }

    /// <summary>Makes a token.</summary>
    public string Sign(SpiffeId id, IReadOnlyList<string> audience)
    {
        lock (_gate)
        {
            var now = _time.GetUtcNow();
            var key = SigningLocked(now);
            var header = Encode(json =>
            {
                json.WriteString("alg", "ES256");
                json.WriteString("kid", key.Id);
                json.WriteString("typ", "JWT");
            });
            var claims = Encode(json =>
            {
                json.WriteStartArray("aud");
                foreach (var one in audience)
                {
                    json.WriteStringValue(one);
                }

                json.WriteEndArray();
                json.WriteNumber("exp", (now + TokenLifetime).ToUnixTimeSeconds());
                json.WriteNumber("iat", now.ToUnixTimeSeconds());
                json.WriteString("sub", id.ToString());
            });
            var content = $"{header}.{claims}";
            var signature = key.Private.SignData(Encoding.ASCII.GetBytes(content), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
            return $"{content}.{Base64Url.EncodeToString(signature)}";
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        lock (_gate)
        {
            foreach (var key in _keys)
            {
                key.Private.Dispose();
            }
        }
    }

    private static string Encode(Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return Base64Url.EncodeToString(buffer.ToArray());
    }

    // The newest that everybody has had time to learn of; at the very first start there is only one.
    private JwtKey SigningLocked(DateTimeOffset now)
        => _keys.LastOrDefault(key => key.CreatedAt + PublishedBefore <= now) ?? _keys[0];

    private void Rotate()
    {
        var changed = false;
        DateTimeOffset next;
        lock (_gate)
        {
            var now = _time.GetUtcNow();
            try
            {
                // A key's successor is made as long before the key's end as it must be published.
                var keys = _keys.RemoveAll(key => key.CreatedAt + PublishedBefore + KeyLifetime + TokenLifetime + JwtSvidValidator.ClockSkew <= now);
                if (keys.IsEmpty || keys[^1].CreatedAt + KeyLifetime <= now)
                {
                    keys = keys.Add(JwtKey.Create(now));
                    LogCreated(keys[^1].Id);
                }

                changed = keys != _keys;
                if (changed)
                {
                    _file.Save(keys);
                    _keys = keys;
                }

                next = _keys[^1].CreatedAt + KeyLifetime;
            }
            catch (Exception error) when (error is MeshControlPlaneException or CryptographicException)
            {
                LogFailed(error);
                (changed, next) = (false, now + RetryAfterFailure);
            }

            _timer.Change(next > now ? next - now : RetryAfterFailure, Timeout.InfiniteTimeSpan);
        }

        if (changed)
        {
            Changed?.Invoke();
        }
    }

    [LoggerMessage(6533, LogLevel.Information, "Made key '{KeyId}' to sign JWT-SVIDs with.")]
    private partial void LogCreated(string keyId);

    [LoggerMessage(6534, LogLevel.Error, "No new key to sign JWT-SVIDs with could be made. It is tried again in a minute; the one in force goes on.")]
    private partial void LogFailed(Exception error);
}
