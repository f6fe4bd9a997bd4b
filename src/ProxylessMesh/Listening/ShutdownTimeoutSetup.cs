using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ProxylessMesh.Listening;

/// <summary>The host must not cut a drain short: its own limit (30 seconds by default) counts from the moment that the drain begins.</summary>
internal sealed class ShutdownTimeoutSetup(IOptions<MeshOptions> options) : IPostConfigureOptions<HostOptions>
{
    private static readonly TimeSpan ForRunningCalls = TimeSpan.FromSeconds(10);

    public void PostConfigure(string? name, HostOptions host)
    {
        if (host.ShutdownTimeout >= TimeSpan.Zero && host.ShutdownTimeout < Needed())
        {
            host.ShutdownTimeout = Needed();
        }
    }

    // The host reads its options while it is built; mistakes in ours are for its start to report, all at once.
    private TimeSpan Needed()
    {
        try
        {
            return options.Value.Inbound.DrainTimeout + ForRunningCalls;
        }
        catch (OptionsValidationException)
        {
            return TimeSpan.Zero;
        }
    }
}
