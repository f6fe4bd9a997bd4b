using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Shop.Processes;

namespace Shop.Roles;

/// <summary>Tells the show on which port the process listens; the operating system chose it.</summary>
internal sealed class AddressReporter(IServer server, ParentLine parent) : IHostedLifecycleService
{
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        parent.Tell(new Listening(new Uri(server.Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First())));
        return Task.CompletedTask;
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
