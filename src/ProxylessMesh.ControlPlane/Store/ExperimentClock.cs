using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Store;

/// <summary>
/// Knows when each experiment began and leaves only those that are on. A file in a folder has no time of its own that can be trusted (a
/// copy, a checkout or a restart changes it), so an experiment without <c>startsAt</c> begins when its content is first seen under its
/// name, and that moment is kept in the state folder until the experiment is gone. One caller at a time.
/// </summary>
internal sealed partial class ExperimentClock
{
    private readonly string _path;
    private readonly ILogger<ExperimentClock> _logger;
    private Dictionary<string, DateTimeOffset> _began;
    private ManifestSet? _given;
    private ManifestSet _left = ManifestSet.Empty;
    private HashSet<string> _on = [];

    public ExperimentClock(StateFolder state, ILogger<ExperimentClock> logger)
    {
        _path = state.PathOf("experiments.json");
        _logger = logger;
        _began = Read();
    }

    /// <summary>When what <see cref="At"/> says changes by itself next; null: it does not.</summary>
    public DateTimeOffset? NextChange { get; private set; }

    /// <summary>The manifests with the experiments that are on at this moment, each with its end. The same object as long as those are the same.</summary>
    public ManifestSet At(ManifestSet manifests, DateTimeOffset now)
    {
        var spans = Spans(manifests, now);
        if (spans.Count == 0)
        {
            NextChange = null;
            Announce([]);
            return manifests;
        }

        NextChange = spans.Values.SelectMany(static span => new[] { span.Start, span.End }).Where(moment => moment > now).Order().Select(static moment => (DateTimeOffset?)moment).FirstOrDefault();
        var on = spans.Where(span => span.Value.Start <= now && now < span.Value.End).ToDictionary(static span => span.Key, static span => span.Value.End);
        if (!ReferenceEquals(manifests, _given) || !_on.SetEquals(on.Keys.Select(static experiment => experiment.DisplayName)))
        {
            _given = manifests;
            _left = new ManifestSet(manifests.All.Where(manifest => manifest is not FaultExperimentManifest experiment || on.ContainsKey(experiment))
                .Select(manifest => manifest is FaultExperimentManifest experiment ? experiment with { Ends = on[experiment] } : manifest));
            Announce(on.Select(static experiment => (experiment.Key.DisplayName, experiment.Value)));
        }

        return _left;
    }

    private Dictionary<FaultExperimentManifest, (DateTimeOffset Start, DateTimeOffset End)> Spans(ManifestSet manifests, DateTimeOffset now)
    {
        var began = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        var spans = new Dictionary<FaultExperimentManifest, (DateTimeOffset, DateTimeOffset)>(ReferenceEqualityComparer.Instance);
        foreach (var experiment in manifests.FaultExperiments)
        {
            var start = experiment.StartsAt;
            if (start is null)
            {
                var key = Key(experiment);
                began[key] = _began.TryGetValue(key, out var kept) ? kept : now;
                start = began[key];
            }

            spans.Add(experiment, (start.Value, start.Value + experiment.Ttl));
        }

        if (began.Count != _began.Count || began.Any(entry => !_began.ContainsKey(entry.Key)))
        {
            _began = began;
            Write();
        }

        return spans;
    }

    private void Announce(IEnumerable<(string Name, DateTimeOffset Ends)> on)
    {
        var before = _on;
        _on = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, ends) in on)
        {
            _on.Add(name);
            if (!before.Remove(name))
            {
                LogBegan(name, ends);
            }
        }

        foreach (var name in before)
        {
            LogEnded(name);
        }
    }

    // By name and content: a changed experiment is a new one.
    private static string Key(FaultExperimentManifest experiment)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{experiment.Host}|{experiment.Port}|{experiment.Delay}|{experiment.Abort}|{experiment.Failure}|{experiment.Cut}|{experiment.Bandwidth}|{experiment.MaxActiveFaults}|{experiment.Ttl}");
        foreach (var from in experiment.From)
        {
            text.Append(CultureInfo.InvariantCulture, $"|from {from.Namespace} {from.ServiceAccount} {string.Join(',', from.Labels)}");
        }

        foreach (var header in experiment.Headers)
        {
            text.Append(CultureInfo.InvariantCulture, $"|header {header.Key} {header.Value}");
        }

        return $"{experiment.Namespace}/{experiment.Name} {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))}";
    }

    private Dictionary<string, DateTimeOffset> Read()
    {
        try
        {
            return File.Exists(_path) ? JsonSerializer.Deserialize(File.ReadAllBytes(_path), ExperimentJson.Default.DictionaryStringDateTimeOffset) ?? [] : [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            LogNotRead(exception, _path);
            return [];
        }
    }

    private void Write()
    {
        try
        {
            AtomicFile.WriteSecret(_path, JsonSerializer.SerializeToUtf8Bytes(_began, ExperimentJson.Default.DictionaryStringDateTimeOffset));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogNotKept(exception, _path);
        }
    }

    [LoggerMessage(6120, LogLevel.Warning, "{Experiment} is on: calls are made to fail until {Ends:u}.")]
    private partial void LogBegan(string experiment, DateTimeOffset ends);

    [LoggerMessage(6121, LogLevel.Information, "{Experiment} is over. Remove its manifest.")]
    private partial void LogEnded(string experiment);

    [LoggerMessage(6122, LogLevel.Error, "'{Path}' could not be read: experiments that are written begin anew. Remove those that shall not.")]
    private partial void LogNotRead(Exception exception, string path);

    [LoggerMessage(6123, LogLevel.Error, "'{Path}' could not be written: after a restart, experiments that are on begin anew. Make room or mend its permissions.")]
    private partial void LogNotKept(Exception exception, string path);
}

/// <summary>How <see cref="ExperimentClock"/> keeps what it knows.</summary>
[JsonSerializable(typeof(Dictionary<string, DateTimeOffset>))]
internal sealed partial class ExperimentJson : JsonSerializerContext;
