using System.Globalization;

namespace Shop.Load;

/// <summary>Writes the show's own log to a file; the console belongs to the audience.</summary>
internal sealed class FileLoggerProvider(string file, TimeProvider time) : ILoggerProvider
{
    private readonly StreamWriter _file = new(file) { AutoFlush = true };
    private readonly Lock _lock = new();

    public ILogger CreateLogger(string categoryName) => new FileLogger(this, categoryName);

    public void Dispose()
    {
        lock (_lock)
        {
            _file.Dispose();
        }
    }

    private void Write(string line)
    {
        lock (_lock)
        {
            if (_file.BaseStream is { CanWrite: true })
            {
                _file.WriteLine(time.GetUtcNow().ToString("HH:mm:ss.fff ", CultureInfo.InvariantCulture) + line);
            }
        }
    }

    private sealed class FileLogger(FileLoggerProvider owner, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                owner.Write($"{logLevel}: {category}[{eventId.Id}] {formatter(state, exception)} {exception}");
            }
        }
    }
}
