using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>A host that joined the mesh. Disposing it stops it in order; disposing twice is harmless.</summary>
internal sealed class TestWorkload(IHost host, LogGuard logs) : IAsyncDisposable
{
    private bool _disposed;

    public IServiceProvider Services => host.Services;

    public LogGuard Logs => logs;

    /// <summary>Where a web app listens.</summary>
    public Uri Url => new(((WebApplication)host).Urls.First());

    public HttpClient CreateClient(string baseAddress = "http://server")
    {
        var client = Services.GetRequiredService<IHttpClientFactory>().CreateClient("test");
        client.BaseAddress = new Uri(baseAddress);
        return client;
    }

    /// <summary>Stops as SIGTERM does.</summary>
    public Task StopAsync() => host.StopAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        await host.StopAsync(CancellationToken.None);
        if (host is IAsyncDisposable asyncDisposable)
        {
            await asyncDisposable.DisposeAsync();
        }

        host.Dispose();
        logs.Dispose();
    }
}
