using System.CommandLine;
using System.Text.Json;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ProxylessMesh;
using ProxylessMesh.Interop.Tests.Protos;

// Our client as a process, as the drivers of foreign clients are: its xDS server is in the bootstrap of the environment, and its last
// line is a JSON object with the servers that answered and the errors. Calls do not wait until the target is ready.
var target = new Option<string>("-target", "--target") { Required = true, Description = "A gRPC target, for example xds:///echo." };
var count = new Option<int>("-n", "--n") { DefaultValueFactory = static _ => 30, Description = "How many calls." };
var timeout = new Option<double>("-timeout", "--timeout") { DefaultValueFactory = static _ => 2, Description = "Seconds that each may take." };
var command = new RootCommand("Calls grpc.health.v1.Health/Check through the mesh.") { target, count, timeout };
command.SetAction((parsed, cancellationToken) => CallAsync(parsed.GetRequiredValue(target), parsed.GetValue(count), TimeSpan.FromSeconds(parsed.GetValue(timeout)), cancellationToken));
return await command.Parse(args).InvokeAsync();

static async Task<int> CallAsync(string target, int calls, TimeSpan timeout, CancellationToken cancellationToken)
{
    var builder = Host.CreateEmptyApplicationBuilder(null);
    builder.AddMeshClient(static options => options.Service = "interop-client");
    using var host = builder.Build();
    await host.StartAsync(cancellationToken);
    using var channel = host.Services.CreateMeshChannel(target);
    var client = new Health.HealthClient(channel);
    var backends = new SortedDictionary<string, int>(StringComparer.Ordinal);
    var errors = new SortedDictionary<string, int>(StringComparer.Ordinal);
    for (var i = 0; i < calls; i++)
    {
        try
        {
            using var call = client.CheckAsync(new HealthCheckRequest(), deadline: TimeProvider.System.GetUtcNow().UtcDateTime + timeout, cancellationToken: cancellationToken);
            var name = (await call.ResponseHeadersAsync).GetValue("hostname") ?? "?";
            await call;
            backends[name] = backends.GetValueOrDefault(name) + 1;
        }
        catch (RpcException e)
        {
            var error = $"{e.StatusCode}: {e.Status.Detail}";
            errors[error] = errors.GetValueOrDefault(error) + 1;
        }
    }

    await host.StopAsync(cancellationToken);
    Console.WriteLine(JsonSerializer.Serialize(new { backends, errors }));
    return errors.Count == 0 ? 0 : 1;
}
