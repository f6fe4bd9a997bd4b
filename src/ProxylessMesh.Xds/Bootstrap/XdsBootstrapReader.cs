using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json;

namespace ProxylessMesh.Xds.Bootstrap;

/// <summary>Reads the bootstrap of gRPC's xDS clients (gRFC A27, A36, A47, A65): every mistake at once, each with its field. Unknown fields are ignored.</summary>
internal static class XdsBootstrapReader
{
    public const string FileVariable = "GRPC_XDS_BOOTSTRAP";
    public const string InlineVariable = "GRPC_XDS_BOOTSTRAP_CONFIG";

    /// <summary>What the environment names; null where it names none. The file goes before the inline text (A27).</summary>
    /// <exception cref="FormatException">It cannot be used, and why.</exception>
    public static XdsBootstrap? FromEnvironment()
    {
        if (Environment.GetEnvironmentVariable(FileVariable) is { Length: > 0 } file)
        {
            return Parse(ReadFile(file), $"{FileVariable} ({file})");
        }

        return Environment.GetEnvironmentVariable(InlineVariable) is { Length: > 0 } json ? Parse(json, InlineVariable) : null;
    }

    /// <exception cref="FormatException">It cannot be used: all mistakes, each with its field.</exception>
    public static XdsBootstrap Parse(string json, string origin)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(json);
        }
        catch (JsonException broken)
        {
            throw new FormatException($"The xDS bootstrap in {origin} is not JSON: {broken.Message}", broken);
        }

        using (document)
        {
            var errors = new List<string>();
            var bootstrap = Read(new BootstrapField(document.RootElement, "", errors));
            return errors.Count == 0
                ? bootstrap
                : throw new FormatException($"The xDS bootstrap in {origin} cannot be used: {string.Join("; ", errors)}");
        }
    }

    private static XdsBootstrap Read(BootstrapField root)
    {
        var servers = Servers(root);
        CheckAuthorities(root);
        return new XdsBootstrap
        {
            Servers = servers,
            Node = BootstrapNodeReader.Read(root.Object("node")),
            CertificateProviders = Providers(root),
            ClientListenerTemplate = root.Text("client_default_listener_resource_name_template") is { Length: > 0 } client ? client : "%s",
            ServerListenerTemplate = root.Text("server_listener_resource_name_template") is { Length: > 0 } server ? server : null,
        };
    }

    private static ImmutableArray<XdsServerConfig> Servers(BootstrapField root)
    {
        var servers = root.Array("xds_servers").Select(Server).OfType<XdsServerConfig>().ToImmutableArray();
        if (servers.IsEmpty && !root.HasErrors)
        {
            root.Add("xds_servers", "is missing or empty; name at least one management server");
        }

        return servers;
    }

    private static XdsServerConfig? Server(BootstrapField field)
    {
        var uri = field.Text("server_uri") ?? "";
        if (uri.Length == 0)
        {
            field.Add("server_uri", "is missing; give host:port or unix:path");
        }

        // The first kind that is known counts (A27).
        var kinds = field.Array("channel_creds").Select(static credentials => (Field: credentials, Type: credentials.Text("type") ?? "")).ToList();
        var known = kinds.Find(static kind => kind.Type is "insecure" or "tls" or "google_default");
        if (known.Field is null)
        {
            field.Add("channel_creds", $"has none of the known types, insecure, tls and google_default (there are: {string.Join(", ", kinds.Select(static kind => kind.Type))})");
            return null;
        }

        var tls = known.Type switch
        {
            "tls" => Tls(known.Field.Object("config")),
            "google_default" => new XdsServerTls { UsesGoogleDefault = true },
            _ => null,
        };
        if (Address(uri, tls is not null) is not { } address)
        {
            field.Add("server_uri", $"is '{uri}'; it must be host:port, dns:///host:port or unix:path");
            return null;
        }

        return new XdsServerConfig
        {
            Address = address,
            Tls = tls,
            Features = field.Texts("server_features").ToFrozenSet(StringComparer.Ordinal),
        };
    }

    private static Uri? Address(string target, bool tls)
    {
        if (target.StartsWith("unix:", StringComparison.Ordinal))
        {
            var path = target["unix:".Length..];
            return Uri.TryCreate("unix://" + (path.StartsWith("//", StringComparison.Ordinal) ? path[2..] : Path.GetFullPath(path)), UriKind.Absolute, out var socket) ? socket : null;
        }

        var authority = target.StartsWith("dns:", StringComparison.Ordinal) ? target["dns:".Length..].TrimStart('/') : target;
        return authority.Length > 0 && !authority.Contains('/', StringComparison.Ordinal)
            && Uri.TryCreate($"{(tls ? "https" : "http")}://{authority}", UriKind.Absolute, out var address)
                ? address
                : null;
    }

    private static XdsServerTls Tls(BootstrapField? config)
    {
        if (config is null)
        {
            return new XdsServerTls();
        }

        var tls = new XdsServerTls
        {
            CaCertificateFile = config.Text("ca_certificate_file"),
            CertificateFile = config.Text("certificate_file"),
            PrivateKeyFile = config.Text("private_key_file"),
            RefreshInterval = config.Duration("refresh_interval") ?? TimeSpan.FromSeconds(600),
        };
        if (tls.CertificateFile is null != tls.PrivateKeyFile is null)
        {
            config.Add("certificate_file", "and private_key_file must be given together");
        }

        return tls;
    }

    private static FrozenDictionary<string, CertificateProviderConfig> Providers(BootstrapField root)
    {
        var providers = new Dictionary<string, CertificateProviderConfig>(StringComparer.Ordinal);
        foreach (var (name, field) in root.Object("certificate_providers")?.Members() ?? [])
        {
            // A29: a plugin that is not known is ignored; a cluster that needs it is refused then.
            if (field.Text("plugin_name") == "file_watcher" && field.Object("config") is { } config)
            {
                providers[name] = Provider(config);
            }
        }

        return providers.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static CertificateProviderConfig Provider(BootstrapField config)
    {
        var provider = new CertificateProviderConfig
        {
            CertificateFile = config.Text("certificate_file"),
            PrivateKeyFile = config.Text("private_key_file"),
            CaCertificateFile = config.Text("ca_certificate_file"),
            SpiffeTrustBundleMapFile = config.Text("spiffe_trust_bundle_map_file"),
            RefreshInterval = config.Duration("refresh_interval") ?? TimeSpan.FromSeconds(600),
        };
        if (provider.CertificateFile is null != provider.PrivateKeyFile is null)
        {
            config.Add("certificate_file", "and private_key_file must be given together");
        }

        if (provider is { CertificateFile: null, CaCertificateFile: null, SpiffeTrustBundleMapFile: null })
        {
            config.Add("certificate_file", "and ca_certificate_file are both missing; give at least one");
        }

        return provider;
    }

    /// <summary>Other authorities (A47) are not used by this version; what is written about them must be right all the same.</summary>
    private static void CheckAuthorities(BootstrapField root)
    {
        foreach (var (name, field) in root.Object("authorities")?.Members() ?? [])
        {
            var template = field.Text("client_listener_resource_name_template");
            var prefix = $"xdstp://{Uri.EscapeDataString(name)}/";
            if (template is { Length: > 0 } && !template.StartsWith(prefix, StringComparison.Ordinal))
            {
                field.Add("client_listener_resource_name_template", $"is '{template}'; it must begin with '{prefix}'");
            }

            foreach (var server in field.Array("xds_servers"))
            {
                Server(server);
            }
        }
    }

    private static string ReadFile(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"The xDS bootstrap file '{file}', named by {FileVariable}, cannot be read: {unreadable.Message}", unreadable);
        }
    }
}
