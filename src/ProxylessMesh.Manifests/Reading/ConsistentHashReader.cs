using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>consistentHash</c>: what is hashed, and over which table.</summary>
internal static class ConsistentHashReader
{
    // Envoy's bounds of a ring and of a Maglev table.
    private const int MaxRingSize = 8 * 1024 * 1024;
    private const int MaxTableSize = 5_000_011;

    private static readonly string[] Keys = ["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"];

    public static ConsistentHash Read(YamlMap map)
    {
        var hash = ReadKey(map);
        var oldSize = map.Aside("minimumRingSize")?.Integer(0, MaxRingSize);
        if (oldSize is not null)
        {
            map.Aside("minimumRingSize")?.Warn("the field is deprecated", "Write 'ringHash: { minimumRingSize: … }', which is the same");
        }

        var ring = map.Map("ringHash");
        var maglev = map.Map("maglev");
        hash = hash with
        {
            IsMaglev = maglev is not null,
            MinimumRingSize = NotZero(ring?.Integer("minimumRingSize", 0, MaxRingSize) ?? oldSize),
            TableSize = NotZero(maglev?.Integer("tableSize", 0, MaxTableSize)),
        };
        if (hash.TableSize is { } size && !IsPrime(size))
        {
            maglev!.Field("tableSize")?.Fail("it is not a prime", "Write a prime such as 65537");
        }

        if (ring is not null && maglev is not null)
        {
            map.Fail("'ringHash' and 'maglev' exclude each other", "Keep one of the two");
        }

        ring?.End();
        maglev?.End();
        map.End();
        return hash;
    }

    private static ConsistentHash ReadKey(YamlMap map)
    {
        var header = map.Text("httpHeaderName", TextRules.HeaderName);
        var query = map.Text("httpQueryParameterName", TextRules.NotEmpty);
        var byAddress = map.Field("useSourceIp")?.Boolean();
        var cookie = map.Map("httpCookie");
        var hash = cookie is not null ? ReadCookie(cookie)
            : header is not null ? new ConsistentHash { Key = HashKey.Header, Name = header }
            : query is not null ? new ConsistentHash { Key = HashKey.QueryParameter, Name = query }
            : new ConsistentHash { Key = HashKey.SourceIp };
        if (Keys.Count(map.Has) != 1 || byAddress == false)
        {
            map.Fail("it must name one thing to hash", $"Write one of {string.Join(", ", Keys)}");
        }

        return hash;
    }

    private static ConsistentHash ReadCookie(YamlMap map)
    {
        var hash = new ConsistentHash
        {
            Key = HashKey.Cookie,
            Name = map.RequiredText("name", TextRules.HeaderName, "Write the name of the cookie"),
            CookiePath = map.Text("path", TextRules.HeaderValue) ?? "",
            CookieTtl = map.Duration("ttl", DurationSyntax.Istio),
        };
        map.NotYet("attributes");
        map.End();
        return hash;
    }

    private static int? NotZero(int? value) => value is 0 ? null : value;

    private static bool IsPrime(int number)
    {
        for (var divisor = 2; divisor <= number / divisor; divisor++)
        {
            if (number % divisor == 0)
            {
                return false;
            }
        }

        return number > 1;
    }
}
