using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace ProxylessMesh.Xds.Client;

/// <summary>Runs what is posted, one after another: whatever is touched here only needs no lock.</summary>
internal sealed partial class EventLoop
{
    private readonly Channel<Action> _events = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private readonly ILogger _logger;
    private readonly Task _running;

    public EventLoop(ILogger logger)
    {
        _logger = logger;
        _running = Task.Run(RunAsync);
    }

    /// <returns>False after <see cref="StopAsync"/>: it will not run.</returns>
    public bool Post(Action action) => _events.Writer.TryWrite(action);

    /// <summary>Runs what is posted already, then stops.</summary>
    public Task StopAsync()
    {
        _events.Writer.TryComplete();
        return _running;
    }

    private async Task RunAsync()
    {
        await foreach (var action in _events.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                action();
            }
#pragma warning disable CA1031 // A watcher that throws, or a fault of ours, must not end the loop: everybody else lives on it.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                LogFault(_logger, fault);
            }
        }
    }

    [LoggerMessage(1001, LogLevel.Error, "An xDS event was not carried out, because of an unexpected exception; the rest goes on. If the exception is not from a watcher of yours, please report it.")]
    private static partial void LogFault(ILogger logger, Exception fault);
}
