using System.Globalization;

namespace Shop.Load;

/// <summary>Writes the show's own log to a file; the console belongs to the audience.</summary>
internal sealed class FileLoggerProvider(string file, TimeProvider time) : ILoggerProvider
{
    private readonly StreamWriter _file = new(file) { AutoFlush = true };
    private readonly Lock _lock = new();

    public ILogger CreateLogger(string categoryName) => new FileLogger(this, categoryName, LevelOf(categoryName));

    public void Dispose()
    {
        lock (_lock)
        {
            _file.Dispose();
        }
    }

    // The factory's client logs say two lines a call at Information.
    private static LogLevel LevelOf(string category)
        => category.StartsWith("System.Net.Http.HttpClient", StringComparison.Ordinal) ? LogLevel.Warning : LogLevel.Information;

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

    private sealed class FileLogger(FileLoggerProvider owner, string category, LogLevel least) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= least;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                owner.Write($"{logLevel}: {category}[{eventId.Id}] {formatter(state, exception)} {exception}");
            }
        }
    }
}
