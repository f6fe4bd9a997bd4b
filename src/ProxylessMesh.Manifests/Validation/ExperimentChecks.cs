using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Validation;

/// <summary>Experiments do not add up: a mesh has a few at most, and a service one at a time.</summary>
internal static class ExperimentChecks
{
    /// <summary>Also those that have ended count: what is over is to be removed.</summary>
    internal const int MaxExperiments = 10;

    public static IEnumerable<ManifestError> Find(ReadDocument document, FaultExperimentManifest experiment, ManifestSet all)
    {
        var earlier = all.FaultExperiments.TakeWhile(other => !ReferenceEquals(other, experiment)).ToList();
        if (earlier.Count >= MaxExperiments)
        {
            yield return document.Finding("metadata.name", $"there are {MaxExperiments} experiments already", "Remove one that has ended, or wait until one has");
        }

        if (earlier.Find(other => other.Host == experiment.Host && (other.Port is null || experiment.Port is null || other.Port == experiment.Port)) is { } same)
        {
            yield return document.Finding("spec.targetRef", $"{same.DisplayName} is on the same service", "Remove one of the two, or name different ports");
        }

        if (all.FindService(experiment.Host) is not { } service)
        {
            yield return document.Finding(
                "spec.targetRef.name", $"no Service of this name is written in namespace {experiment.Namespace}; it exists once a workload joins under it",
                "Check the spelling, or write the Service", ManifestErrorSeverity.Warning);
        }
        else if (experiment.Port is { } port && !service.Ports.IsEmpty && service.Ports.All(known => known.Port != port))
        {
            yield return document.Finding("spec.targetRef.port", $"{service.DisplayName} has no such port", $"Write one of {string.Join(", ", service.Ports.Select(known => known.Port))}");
        }
    }
}
