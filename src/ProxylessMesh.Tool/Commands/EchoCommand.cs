using System.CommandLine;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using ProxylessMesh.Client.Workloads;
using ProxylessMesh.Tool.Echo;
using ProxylessMesh.Tool.Output;

namespace ProxylessMesh.Tool.Commands;

/// <summary><c>mesh echo</c>: a workload of the mesh that answers with what it saw, until Ctrl+C.</summary>
internal static class EchoCommand
{
    private static readonly TimeSpan ReadyInterval = TimeSpan.FromMilliseconds(50);

    private static readonly Option<string> Service = new("--service") { Description = "Name that others call it by, the label 'app'.", Required = true };
    private static readonly Option<string> Namespace = new("--namespace") { Description = "Namespace.", DefaultValueFactory = static _ => "default" };
    private static readonly Option<string[]> Port = new("--port") { Description = "A port, NAME:NUMBER; each serves HTTP/1.1, HTTP/2 and gRPC. May be given more than once. Default: http:0, any free port.", AllowMultipleArgumentsPerToken = true };
    private static readonly Option<string> Address = new("--address") { Description = "IP address to listen on and to be called at.", DefaultValueFactory = static _ => "127.0.0.1" };
    private static readonly Option<int> Status = new("--status") { Description = "HTTP status of the answers.", DefaultValueFactory = static _ => 200 };
    private static readonly Option<int> GrpcStatus = new("--grpc-status") { Description = "Status of the answers to gRPC calls.", DefaultValueFactory = static _ => 0 };
    private static readonly Option<double> FailPercent = new("--fail-percent") { Description = "Of 100 calls, how many get --status and --grpc-status; the others succeed.", DefaultValueFactory = static _ => 100 };
    private static readonly Option<TimeSpan> Delay = new("--delay") { Description = "How long an answer takes, hh:mm:ss.fff." };
    private static readonly Option<OutputFormat> Output = new("--output", "-o") { Description = "table, json or yaml." };

    public static Command Create()
    {
        Status.Validators.Add(static result => Between(result, Status, 200, 599));
        GrpcStatus.Validators.Add(static result => Between(result, GrpcStatus, 0, 16));
        var command = new Command("echo", "Run a workload that answers HTTP and gRPC calls with what it saw, until Ctrl+C.") { Service, Namespace, Port, Address, Status, GrpcStatus, FailPercent, Delay, Output }.WithJoinOptions();
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        await using var app = EchoServer.Create(Settings(parsed), JoinOptions.Read(parsed, parsed.GetValue(Service)!, parsed.GetValue(Namespace)!), ErrorLog.Configure);
        await app.StartAsync(cancellationToken);
        await ReadyAsync(app.Services.GetRequiredService<HealthCheckService>(), cancellationToken);
        var ready = new JsonObject
        {
            ["service"] = parsed.GetValue(Service),
            ["namespace"] = parsed.GetValue(Namespace),
            ["instance"] = app.Services.GetRequiredService<MeshNode>().InstanceId,
            ["ports"] = new JsonObject(app.Services.GetRequiredService<EchoSettings>().Ports.Select(static port => KeyValuePair.Create(port.Name, (JsonNode?)port.Number))),
            ["address"] = parsed.GetValue(Address),
        };
        Printer.Data(ready, parsed.GetValue(Output));
        await app.WaitForShutdownAsync(cancellationToken);
        return ExitCodes.Ok;
    }

    // What is printed means that callers find it: it has a certificate, its ports have their policy, and it is registered.
    private static async Task ReadyAsync(HealthCheckService health, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(ReadyInterval);
        while ((await health.CheckHealthAsync(cancellationToken)).Status != HealthStatus.Healthy)
        {
            await timer.WaitForNextTickAsync(cancellationToken);
        }
    }

    private static EchoSettings Settings(ParseResult parsed)
    {
        var ports = parsed.GetValue(Port) is { Length: > 0 } named ? named : ["http:0"];
        try
        {
            return new EchoSettings
            {
                Address = IPAddress.Parse(parsed.GetValue(Address)!),
                Ports = [.. ports.Select(static (port, index) => EchoServer.ParsePort(port, index == 0))],
                Status = parsed.GetValue(Status),
                GrpcStatus = parsed.GetValue(GrpcStatus),
                FailPercent = parsed.GetValue(FailPercent),
                Delay = parsed.GetValue(Delay),
            };
        }
        catch (FormatException wrong)
        {
            throw new UsageException(wrong.Message);
        }
    }

    private static void Between(System.CommandLine.Parsing.OptionResult result, Option<int> option, int min, int max)
    {
        if (result.GetValue(option) is var value && (value < min || value > max))
        {
            result.AddError($"{option.Name} is {value}. It must be {min} to {max}.");
        }
    }
}
