using System.CommandLine;
using System.Net.Sockets;
using Grpc.Core;
using ProxylessMesh.ControlPlane;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Tool.Commands;

/// <summary>Runs a command and turns what goes wrong into one line and an exit code.</summary>
internal static class CommandLine
{
    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(15);

    public static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                await Console.Error.WriteLineAsync(error.Message);
            }

            await Console.Error.WriteLineAsync($"Run 'mesh {string.Join(' ', parsed.CommandResult.Command.Parents.OfType<Command>().Where(static parent => parent is not RootCommand).Append(parsed.CommandResult.Command).Where(static command => command is not RootCommand).Select(static command => command.Name).Append("--help"))}' for help.");
            return ExitCodes.Usage;
        }

        try
        {
            // Ctrl+C cancels the command; it has this long to end in good order.
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = EndTimeout });
        }
        catch (Exception exception) when (CodeOf(exception) is { } code)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return code;
        }
        catch (OperationCanceledException)
        {
            return ExitCodes.No;
        }
    }

    private static int? CodeOf(Exception exception) => exception switch
    {
        UnreachableException or SocketException or HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } => ExitCodes.Unreachable,
        RpcException { StatusCode: StatusCode.Unavailable or StatusCode.DeadlineExceeded } => ExitCodes.Unreachable,
        IdentityException { Error: IdentityError.ControlPlaneUnreachable } => ExitCodes.Unreachable,
        RefusedException or MeshControlPlaneException or IdentityException or RpcException or HttpRequestException => ExitCodes.No,
        Microsoft.Extensions.Options.OptionsValidationException or UsageException => ExitCodes.Usage,
        IOException or UnauthorizedAccessException => ExitCodes.No,
        _ => null,
    };
}

/// <summary>The control plane said no.</summary>
internal sealed class RefusedException(string message) : Exception(message);

/// <summary>There is no control plane to talk to.</summary>
internal sealed class UnreachableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Something that the command needs was not given.</summary>
internal sealed class UsageException(string message) : Exception(message);
