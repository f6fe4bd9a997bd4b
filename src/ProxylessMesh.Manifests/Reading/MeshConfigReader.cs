using System.Globalization;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>MeshConfig</c>: Istio's words, as a manifest of ours, because in Istio it is a part of the installation.</summary>
internal static class MeshConfigReader
{
    private const int MaxBodyBytes = 16 * 1024 * 1024;

    private static (string Word, PathNormalizationMode Mode)[] Modes =>
    [
        ("DEFAULT", PathNormalizationMode.Base), ("NONE", PathNormalizationMode.None), ("BASE", PathNormalizationMode.Base), ("MERGE_SLASHES", PathNormalizationMode.MergeSlashes),
        ("DECODE_AND_MERGE_SLASHES", PathNormalizationMode.DecodeAndMergeSlashes), ("STRICT", PathNormalizationMode.Strict),
    ];

    public static MeshConfigManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with the mesh's settings below it")?.Map() is not { } spec)
        {
            return null;
        }

        if (header.Namespace != HostNames.RootNamespace)
        {
            document.Fail("it holds for the whole mesh and stands in another namespace", $"Write 'namespace: {HostNames.RootNamespace}' below 'metadata'");
        }

        var config = new MeshConfigManifest
        {
            Name = header.Name,
            TrustDomainAliases = spec.Texts("trustDomainAliases", TrustDomainName),
            PathNormalization = spec.Map("pathNormalization") is { } normalization ? Normalization(normalization) : PathNormalizationMode.Base,
            TrustedProxies = spec.Map("defaultConfig") is { } defaults ? TrustedProxies(defaults) : 0,
            RequiresTls13 = spec.Map("meshMTLS") is { } tls && RequiresTls13(tls),
            ExtensionProviders = [.. spec.List("extensionProviders", Provider).OfType<ExtensionProvider>()],
        };
        if (config.ExtensionProviders.GroupBy(static provider => provider.Name).FirstOrDefault(static same => same.Skip(1).Any()) is { } twice)
        {
            spec.Field("extensionProviders")?.Fail($"two of them have the name '{twice.Key}'", "Give each a name of its own");
        }

        spec.End();
        return config;
    }

    private static bool RequiresTls13(YamlMap map)
    {
        var requires = map.Required("minProtocolVersion", "Write TLSV1_2 or TLSV1_3")?.Choice<bool>([("TLS_AUTO", false), ("TLSV1_2", false), ("TLSV1_3", true)]);
        map.NotYet("ecdhCurves", "cipherSuites");
        map.End();
        return requires == true;
    }

    private static PathNormalizationMode Normalization(YamlMap map)
    {
        var mode = map.Required("normalization", $"Write one of {string.Join(", ", Modes.Select(static mode => mode.Word))}")?.Choice<PathNormalizationMode>(Modes);
        map.End();
        return mode ?? PathNormalizationMode.Base;
    }

    // Istio's place for it, though it is about gateways there.
    private static int TrustedProxies(YamlMap map)
    {
        var topology = map.Map("gatewayTopology");
        var proxies = topology?.Integer("numTrustedProxies", 0, 100) ?? 0;
        topology?.NotYet("forwardClientCertDetails", "proxyProtocol");
        topology?.End();
        map.End();
        return proxies;
    }

    private static ExtensionProvider? Provider(YamlMap map)
    {
        var name = map.RequiredText("name", TextRules.NotEmpty, "Write the name by which policies call it");
        var authorizer = map.Required("envoyExtAuthzGrpc", "Write 'envoyExtAuthzGrpc:' with 'service' and 'port' below it")?.Map();
        map.NotYet(
            "envoyExtAuthzHttp", "zipkin", "lightstep", "datadog", "stackdriver", "opencensus", "skywalking", "opentelemetry", "prometheus",
            "envoyFileAccessLog", "envoyHttpAls", "envoyTcpAls", "envoyOtelAls", "sds");
        map.End();
        return authorizer is null ? null : new ExtensionProvider(name, Authorizer(authorizer));
    }

    private static ExtAuthzProvider Authorizer(YamlMap map)
    {
        var provider = new ExtAuthzProvider
        {
            Host = Host(map.RequiredText("service", ServiceName, "Write the authorizer's host, such as 'authz.auth.svc.cluster.local'")),
            Port = map.Required("port", "Write the port of the authorizer")?.Integer(1, 65535) ?? 0,
            Timeout = map.Duration("timeout", DurationSyntax.Istio, TimeSpan.FromMilliseconds(1)) ?? TimeSpan.FromSeconds(600),
            FailOpen = map.Field("failOpen")?.Boolean() ?? false,
            StatusOnError = map.Text("statusOnError", ErrorStatus) is { } status ? int.Parse(status, CultureInfo.InvariantCulture) : 403,
            Body = map.Map("includeRequestBodyInCheck") is { } body ? Body(body) : null,
        };

        // There is no route to choose anew in front of the application.
        map.NotYet("clearRouteCache");
        map.End();
        return provider;
    }

    private static ExtAuthzBody Body(YamlMap map)
    {
        var body = new ExtAuthzBody(
            map.Required("maxRequestBytes", "Write how many bytes of the body are sent at most")?.Integer(1, MaxBodyBytes) ?? 1,
            map.Field("allowPartialMessage")?.Boolean() ?? false,
            map.Field("packAsBytes")?.Boolean() ?? false);
        map.End();
        return body;
    }

    // Istio: "namespace/host" says whose host is meant where several namespaces have one.
    private static string Host(string service)
        => service.Split('/') is [var ns, var host] ? HostNames.Resolve(host, ns) : HostNames.Resolve(service, HostNames.RootNamespace);

    private static Mistake? ServiceName(string text)
        => text.Split('/') is { Length: 1 or 2 } parts && parts.All(static part => TextRules.DnsName(part) is null)
            ? null
            : new("it is not a host", "Write 'authz.auth.svc.cluster.local' or 'auth/authz.auth.svc.cluster.local'");

    private static Mistake? ErrorStatus(string text)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var status) && status is >= 400 and <= 599
            ? null
            : new("it is no status of a refusal", "Write a number from 400 to 599 in quotes, such as \"503\"");

    private static Mistake? TrustDomainName(string text)
        => text.Length is > 0 and <= 255 && text.All(static letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter is '.' or '-' or '_')
            ? null
            : new("it is not a trust domain", "Write lower-case letters, digits, '.', '-' and '_', such as 'old.example.com'");
}
