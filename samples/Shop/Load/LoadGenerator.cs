using System.Collections.Concurrent;
using System.Collections.Immutable;
using Shop.Processes;

namespace Shop.Load;

/// <summary>
/// Steady load: calls start at a fixed rate, whether or not earlier ones have ended, so that a stall shows as latency and loss instead of
/// as fewer calls.
/// </summary>
internal sealed class LoadGenerator(ShopClient shop, TimeProvider time) : IAsyncDisposable
{
    private const int OrderEvery = 5;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(10);

    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<long, Task> _inFlight = [];
    private ImmutableArray<CallWindow> _windows = [];
    private Task _running = Task.CompletedTask;
    private long _started;

    /// <summary>Every call as it ends.</summary>
    public Journal<CallRecord> Calls { get; } = new(time);

    /// <summary>Whether one call in five is a POST; otherwise all are idempotent.</summary>
    public bool SendsOrders { get; set; } = true;

    /// <summary>The rate. May be changed at any time.</summary>
    public double CallsPerSecond { get; set; }

    public void Start(double callsPerSecond)
    {
        CallsPerSecond = callsPerSecond;
        _running = RunAsync();
    }

    public CallWindow OpenWindow()
    {
        var window = new CallWindow(closed => ImmutableInterlocked.Update(ref _windows, (windows, gone) => windows.Remove(gone), closed));
        ImmutableInterlocked.Update(ref _windows, (windows, added) => windows.Add(added), window);
        return window;
    }

    /// <summary>Waits until every call that is on its way now has ended.</summary>
    public Task SettleAsync() => Task.WhenAll(_inFlight.Values);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        await SettleAsync();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        using var timer = new PeriodicTimer(Tick, time);
        var due = 0.0;
        var last = time.GetTimestamp();
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                var now = time.GetTimestamp();
                due += time.GetElapsedTime(last, now).TotalSeconds * CallsPerSecond;
                last = now;
                for (; due >= 1; due--)
                {
                    StartCall(_started++);
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The show is over.
        }
    }

    private void StartCall(long number)
    {
        var call = CallAsync(isOrder: SendsOrders && number % OrderEvery == 0, _windows);
        _inFlight[number] = call;
        _ = call.ContinueWith(_ => _inFlight.TryRemove(number, out Task? _), TaskScheduler.Default);
    }

    private async Task CallAsync(bool isOrder, ImmutableArray<CallWindow> windows)
    {
        foreach (var window in windows)
        {
            window.OnStarted();
        }

        CallRecord call;
        try
        {
            call = await (isOrder ? shop.OrderAsync(_stop.Token) : shop.BrowseAsync(_stop.Token));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return;
        }

        Calls.Add(call);
        foreach (var window in windows)
        {
            window.OnFinished(call);
        }
    }
}
