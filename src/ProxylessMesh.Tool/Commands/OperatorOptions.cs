using System.CommandLine;
using ProxylessMesh.ControlPlane.Hosting;

namespace ProxylessMesh.Tool.Commands;

/// <summary>How a command finds its control plane and proves its operator. Without options: what <c>mesh up</c> left for this user.</summary>
internal static class OperatorOptions
{
    public static readonly Option<string?> Server = new("--server") { Description = "Address of the control plane, https://host:port. Default: MESH_SERVER, or the control plane of this machine.", Recursive = true };

    public static readonly Option<string?> TokenFile = new("--operator-token-file") { Description = "File with the operator's token. Default: MESH_OPERATOR_TOKEN_FILE, or that of this machine's control plane.", Recursive = true };

    public static readonly Option<OutputFormat> Output = new("--output", "-o") { Description = "table, json or yaml.", Recursive = true };

    /// <summary>Adds the options to a command.</summary>
    public static TCommand WithOperatorOptions<TCommand>(this TCommand command)
        where TCommand : Command
    {
        command.Options.Add(Server);
        command.Options.Add(TokenFile);
        command.Options.Add(Output);
        return command;
    }

    /// <summary>Connects as the operator.</summary>
    public static Task<OperatorClient> ConnectAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var development = DevelopmentFile.TryRead(DevelopmentFile.DefaultPath);
        var server = parsed.GetValue(Server) ?? Environment.GetEnvironmentVariable("MESH_SERVER") ?? development?.ControlPlane
            ?? throw new UsageException("Which control plane? Start one on this machine with 'mesh up', or name one with --server and --operator-token-file.");
        var tokenFile = parsed.GetValue(TokenFile) ?? Environment.GetEnvironmentVariable("MESH_OPERATOR_TOKEN_FILE") ?? development?.OperatorTokenFile
            ?? throw new UsageException("Whose token? Name the file 'operator.token' of the control plane's state folder with --operator-token-file.");
        return Uri.TryCreate(server, UriKind.Absolute, out var address) && address.Scheme == Uri.UriSchemeHttps
            ? OperatorClient.ConnectAsync(address, tokenFile, cancellationToken)
            : throw new UsageException($"'{server}' is not the address of a control plane. It looks like https://127.0.0.1:7443.");
    }
}

/// <summary>How a command prints.</summary>
internal enum OutputFormat
{
    /// <summary>For people.</summary>
    Table,

    /// <summary>For programs.</summary>
    Json,

    /// <summary>For programs and people.</summary>
    Yaml,
}
