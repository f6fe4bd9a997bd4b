using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace ProxylessMesh.TestSupport;

/// <summary>
/// Keeps what a host logs. Disposing it fails the test if an Error was logged that the test did not <see cref="Expect"/>. Add it with
/// <c>builder.Logging.AddProvider(guard)</c>; the host may dispose it early, which does no harm.
/// </summary>
internal sealed class LogGuard(LogLevel minimum = LogLevel.Information) : ILoggerProvider
{
    // Far beyond what any line needs: a test that waits in vain must say so, not hang.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ConcurrentQueue<LogEntry> _entries = new();
    private readonly Lock _gate = new();
    private ImmutableList<(Func<LogEntry, bool> Wanted, TaskCompletionSource<LogEntry> Seen)> _waiters = [];
    private ImmutableList<string> _expected = [];

    public IReadOnlyCollection<LogEntry> Entries => _entries;

    private LogLevel Minimum { get; } = minimum;

    /// <summary>Errors whose message or exception contains this text are part of the test.</summary>
    public void Expect(string partOfMessage) => ImmutableInterlocked.Update(ref _expected, static (list, text) => list.Add(text), partOfMessage);

    /// <summary>Waits for the first entry that is like this, earlier ones included.</summary>
    public async Task<LogEntry> WaitForAsync(Func<LogEntry, bool> wanted, CancellationToken cancellationToken)
    {
        var seen = new TaskCompletionSource<LogEntry>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_entries.FirstOrDefault(wanted) is { } entry)
            {
                return entry;
            }

            _waiters = _waiters.Add((wanted, seen));
        }

        try
        {
            return await seen.Task.WaitAsync(Patience, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new UnexpectedLogException($"The line that the test waits for did not come within {Patience.TotalSeconds} seconds. What came:\n{string.Join('\n', _entries)}");
        }
    }

    /// <summary>Waits for a message that contains a text.</summary>
    public Task<LogEntry> WaitForAsync(string partOfMessage, CancellationToken cancellationToken)
        => WaitForAsync(entry => entry.Message.Contains(partOfMessage, StringComparison.Ordinal), cancellationToken);

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
        var unexpected = _entries.Where(entry => entry.Level >= LogLevel.Error && !_expected.Any(text => entry.ToString().Contains(text, StringComparison.Ordinal))).ToList();
        if (unexpected.Count > 0)
        {
            throw new UnexpectedLogException($"{unexpected.Count} unexpected error(s) were logged:\n{string.Join('\n', unexpected)}");
        }
    }

    private void Add(LogEntry entry)
    {
        lock (_gate)
        {
            _entries.Enqueue(entry);
            foreach (var waiter in _waiters.Where(waiter => waiter.Wanted(entry)))
            {
                waiter.Seen.TrySetResult(entry);
            }
        }
    }

    private sealed class Logger(LogGuard guard, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= guard.Minimum;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                guard.Add(new LogEntry(logLevel, category, eventId, formatter(state, exception), exception));
            }
        }
    }
}

/// <summary>One logged line.</summary>
internal sealed record LogEntry(LogLevel Level, string Category, EventId Event, string Message, Exception? Exception)
{
    public override string ToString() => $"{Level} {Category}[{Event.Id}] {Message}{(Exception is null ? "" : "\n" + Exception)}";
}

/// <summary>A host under test logged an error that its test does not know of.</summary>
internal sealed class UnexpectedLogException(string message) : Exception(message);
