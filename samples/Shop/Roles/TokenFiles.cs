using ProxylessMesh.ControlPlane;
using Shop.Processes;

namespace Shop.Roles;

/// <summary>Makes one join token for each service account of the shop, each in a file of its own that only this user can read.</summary>
internal sealed class TokenFiles(JoinTokens tokens, IConfiguration configuration) : IHostedService
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(12);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var folder = configuration["Shop:Tokens"] ?? throw new InvalidOperationException("Shop:Tokens is not set. The show sets it; start the show instead of this role.");
        foreach (var serviceAccount in ChildEnvironment.ServiceAccounts)
        {
            var file = Path.Combine(folder, serviceAccount);

            // After a restart of the control plane the tokens of before are still good: it keeps their hashes.
            if (!File.Exists(file))
            {
                var token = await tokens.CreateAsync(ChildEnvironment.Namespace, serviceAccount, Lifetime, maxUses: 0, cancellationToken);
                await WriteAsync(file, token, cancellationToken);
            }
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private static async Task WriteAsync(string file, string token, CancellationToken cancellationToken)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        await using var writer = new StreamWriter(file, options);
        await writer.WriteAsync(token.AsMemory(), cancellationToken);
    }
}
