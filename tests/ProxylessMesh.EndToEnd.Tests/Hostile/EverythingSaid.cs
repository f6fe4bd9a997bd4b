using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace ProxylessMesh.EndToEnd.Tests.Hostile;

/// <summary>All that this process says of itself while this object lives: every log at every level with its values, every trace, every tag of every metric.</summary>
internal sealed class EverythingSaid : ILoggerProvider, ISupportExternalScope
{
    private readonly ConcurrentQueue<string> _said = new();
    private readonly ActivityListener _traces;
    private readonly MeterListener _meters;
    private IExternalScopeProvider? _scopes;

    public EverythingSaid()
    {
        _traces = new ActivityListener
        {
            ShouldListenTo = static _ => true,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                Add($"{activity.OperationName} {activity.DisplayName} {activity.StatusDescription}");
                Add(activity.TagObjects);
                Add(activity.Baggage.Select(static one => KeyValuePair.Create(one.Key, (object?)one.Value)));
                foreach (var happened in activity.Events)
                {
                    Add(happened.Name);
                    Add(happened.Tags);
                }
            },
        };
        ActivitySource.AddActivityListener(_traces);
        _meters = new MeterListener { InstrumentPublished = static (instrument, listener) => listener.EnableMeasurementEvents(instrument) };
        _meters.SetMeasurementEventCallback<long>((_, _, tags, _) => Add(tags.ToArray()));
        _meters.SetMeasurementEventCallback<int>((_, _, tags, _) => Add(tags.ToArray()));
        _meters.SetMeasurementEventCallback<double>((_, _, tags, _) => Add(tags.ToArray()));
        _meters.Start();
    }

    public IReadOnlyCollection<string> Lines => _said;

    /// <summary>Something that the process showed in another way.</summary>
    public void Add(string text) => _said.Enqueue(text);

    /// <summary>Asks the instruments that are only asked.</summary>
    public void Observe() => _meters.RecordObservableInstruments();

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
        _traces.Dispose();
        _meters.Dispose();
    }

    private void Add(IEnumerable<KeyValuePair<string, object?>> values)
    {
        foreach (var (key, value) in values)
        {
            Add($"{key}={(value is string or null ? value : value is System.Collections.IEnumerable many ? string.Join(',', many.Cast<object>()) : value)}");
        }
    }

    private sealed class Logger(EverythingSaid said, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => said._scopes?.Push(state);

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            said.Add($"{category}: {formatter(state, exception)} {exception}");
            // The client factory's own trace of an application's headers is redacted as text and not as values; that is for the application to turn off.
            if (state is IEnumerable<KeyValuePair<string, object?>> values && !category.StartsWith("System.Net.Http.HttpClient.", StringComparison.Ordinal))
            {
                said.Add(values);
            }

            said._scopes?.ForEachScope(static (scope, to) => to.Add(scope is IEnumerable<KeyValuePair<string, object?>> values ? string.Join(' ', values) : scope?.ToString() ?? ""), said);
        }
    }
}
