using System.CommandLine;
using System.Globalization;
using ProxylessMesh.ControlPlane.Hosting;

namespace ProxylessMesh.Tool.Commands;

/// <summary>How a command joins the mesh as a workload. Without options: by what <c>mesh up</c> left for this user.</summary>
internal static class JoinOptions
{
    private static readonly Option<string?> Server = new("--server") { Description = "Address of the control plane, https://host:port. Default: MESH_SERVER, or the control plane of this machine." };
    private static readonly Option<string?> Token = new("--join-token") { Description = "Join token. Default: MESH_JOIN_TOKEN, or that of this machine's control plane." };
    private static readonly Option<string?> TokenFile = new("--join-token-file") { Description = "File with the join token." };
    private static readonly Option<string?> ServiceAccount = new("--service-account") { Description = "Service account, the last part of the SPIFFE ID. Default: the service." };
    private static readonly Option<string> Version = new("--version") { Description = "Version, the label 'version'.", DefaultValueFactory = static _ => "" };
    private static readonly Option<string[]> Labels = new("--label") { Description = "A further label, key=value. May be given more than once." };

    public static TCommand WithJoinOptions<TCommand>(this TCommand command)
        where TCommand : Command
    {
        foreach (var option in new Option[] { Server, Token, TokenFile, ServiceAccount, Version, Labels })
        {
            command.Options.Add(option);
        }

        return command;
    }

    /// <summary>What the options say, for a workload of that name.</summary>
    /// <exception cref="UsageException">There is no control plane or token to join with.</exception>
    public static Action<MeshOptions> Read(ParseResult parsed, string service, string @namespace)
    {
        var development = DevelopmentFile.TryRead(DevelopmentFile.DefaultPath);
        var server = parsed.GetValue(Server) ?? Variable("MESH_SERVER");
        var isOwn = server is null;
        server ??= development?.ControlPlane ?? throw new UsageException("Which control plane? Start one on this machine with 'mesh up', or name one with --server and --join-token.");
        if (!Uri.TryCreate(server, UriKind.Absolute, out var address) || address.Scheme != Uri.UriSchemeHttps)
        {
            throw new UsageException($"'{server}' is not the address of a control plane. It looks like https://127.0.0.1:7443.");
        }

        var file = parsed.GetValue(TokenFile);
        var token = parsed.GetValue(Token) ?? (file is null ? Variable("MESH_JOIN_TOKEN") ?? (isOwn || server == development?.ControlPlane ? development?.JoinToken : null) : null);
        if (token is null && file is null)
        {
            throw new UsageException($"With which token? Make one with 'mesh token create --namespace {@namespace} --service-account {service}' and give it with --join-token.");
        }

        var labels = parsed.GetValue(Labels)?.Select(Pair).ToList() ?? [];
        return options =>
        {
            options.ControlPlane = address;
            options.Service = service;
            options.Namespace = @namespace;
            options.ServiceAccount = parsed.GetValue(ServiceAccount) ?? service;
            options.Version = parsed.GetValue(Version)!;
            options.JoinToken = token ?? "";
            options.JoinTokenFile = file ?? "";
            labels.ForEach(label => options.Labels[label.Key] = label.Value);
        };
    }

    /// <summary>Takes NAMESPACE/SERVICE apart; without a slash the namespace is <c>default</c>.</summary>
    public static (string Service, string Namespace) Workload(string text)
        => text.Split('/') switch
        {
            [{ Length: > 0 } service] => (service, "default"),
            [{ Length: > 0 } @namespace, { Length: > 0 } service] => (service, @namespace),
            _ => throw new UsageException($"'{text}' is no workload. Write NAMESPACE/SERVICE, such as shop/storefront."),
        };

    /// <summary>Takes key=value apart.</summary>
    public static KeyValuePair<string, string> Pair(string text)
        => text.IndexOf('=', StringComparison.Ordinal) is var equals and > 0
            ? new(text[..equals], text[(equals + 1)..])
            : throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"'{text}' is no label. Write key=value."));

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
