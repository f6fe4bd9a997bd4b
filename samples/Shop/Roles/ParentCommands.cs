using Shop.Processes;

namespace Shop.Roles;

/// <summary>
/// Does what the show says: stops the process in good order (the same way on every platform, where SIGTERM is not), or whatever else a role
/// can do.
/// </summary>
/// <param name="parent">Where commands come from.</param>
/// <param name="lifetime">Stops the process.</param>
/// <param name="known">The role's own commands.</param>
internal sealed class ParentCommands(ParentLine parent, IHostApplicationLifetime lifetime, IEnumerable<RoleCommand> known) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var name in parent.CommandsAsync(stoppingToken))
        {
            if (name == ParentLine.Stop)
            {
                lifetime.StopApplication();
            }

            foreach (var command in known.Where(command => command.Name == name))
            {
                await command.RunAsync(stoppingToken);
            }
        }
    }
}

/// <summary>Something that a role does when the show says so.</summary>
/// <param name="Name">The line on standard input.</param>
/// <param name="RunAsync">What is done.</param>
internal sealed record RoleCommand(string Name, Func<CancellationToken, Task> RunAsync);
