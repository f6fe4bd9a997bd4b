using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using ProxylessMesh.ControlPlane.Calls;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using Outcome = ProxylessMesh.Protos.V1.CallSummary.Types.Outcome;
using Verdict = ProxylessMesh.Protos.V1.CallSummary.Types.Verdict;

namespace ProxylessMesh.ControlPlane.Admin;

/// <summary><c>/api/v1/preview</c> and <c>/api/v1/migration</c>: what was called of late, and what a change would do to it.</summary>
internal static class CallEndpoints
{
    // As far back as any workload remembers.
    private static readonly TimeSpan LongestWindow = TimeSpan.FromHours(1);

    public static void MapCalls(this IEndpointRouteBuilder api)
    {
        api.MapPost("/preview", PreviewAsync);
        api.MapGet("/migration", MigrationAsync);
    }

    private static async Task<IResult> PreviewAsync(HttpContext http, ManifestStore store, PolicyPreview preview)
    {
        if (await AdminApi.ReadAsync(http, AdminJson.Default.PreviewRequest) is not { } request
            || request.Files.IsDefault || request.Delete.IsDefault || (request.Files.IsEmpty && request.Delete.IsEmpty)
            || request.Files.Any(static file => file is null or { Name: null } or { Text: null })
            || request.Delete.Any(static name => name is null)
            || !TryWindow(request.WindowSeconds, out var window))
        {
            return AdminApi.Error(StatusCodes.Status400BadRequest, "The body must be JSON like {\"files\":[{\"name\":\"policy.yaml\",\"text\":\"…\"}],\"delete\":[\"AuthorizationPolicy/shop/old\"],\"windowSeconds\":600}, at most 16 MiB; the window is 0 (all) to 3600 seconds.");
        }

        var current = store.Current;
        var names = request.Files.Select(static file => file.Name).ToHashSet(StringComparer.Ordinal);
        var reading = ManifestReader.Read([.. current.Files.Where(file => !names.Contains(file.Name)), .. request.Files.Select(static file => new ManifestFile(file.Name, file.Text))]);
        if (!reading.IsValid)
        {
            var invalid = new PreviewAnswer([.. reading.Errors.Select(ManifestErrorAnswer.From)], false, 0, 0, [], [], [], [], 0, []);
            return TypedResults.Json(invalid, AdminJson.Default.PreviewAnswer, statusCode: StatusCodes.Status422UnprocessableEntity);
        }

        var left = reading.Manifests.All.ToList();
        foreach (var name in request.Delete)
        {
            if (left.RemoveAll(manifest => string.Equals(name, $"{manifest.Kind.Name}/{manifest.Namespace}/{manifest.Name}", StringComparison.OrdinalIgnoreCase)) == 0)
            {
                return AdminApi.Error(StatusCodes.Status404NotFound, $"There is no manifest '{name}'. Write KIND/NAMESPACE/NAME; 'mesh get' lists those in force.");
            }
        }

        var result = await preview.RunAsync(current.Manifests, request.Delete.IsEmpty ? reading.Manifests : new ManifestSet(left), window, http.RequestAborted);
        return TypedResults.Json(Answer(result), AdminJson.Default.PreviewAnswer);
    }

    private static async Task<IResult> MigrationAsync(HttpContext http, ManifestStore store, MigrationSurvey survey)
    {
        var query = http.Request.Query;
        var seconds = 0.0;
        if ((query.TryGetValue("window", out var text) && !double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out seconds)) || !TryWindow(seconds, out var window))
        {
            return AdminApi.Error(StatusCodes.Status400BadRequest, "'window' must be 0 (all) to 3600 seconds.");
        }

        var result = await survey.RunAsync(store.Current.Manifests, query.TryGetValue("namespace", out var name) ? name.ToString() : null, window, http.RequestAborted);
        return TypedResults.Json(MigrationAnswers.Of(result), AdminJson.Default.MigrationAnswer);
    }

    private static bool TryWindow(double seconds, out TimeSpan window)
    {
        var isGood = seconds >= 0 && seconds <= LongestWindow.TotalSeconds;
        window = isGood && seconds > 0 ? TimeSpan.FromSeconds(seconds) : LongestWindow;
        return isGood;
    }

    private static PreviewAnswer Answer(PolicyPreviewResult result)
    {
        ImmutableArray<CallAnswer> Lines(Verdict verdict) => [.. result.Lines.Where(line => line.Key.Verdict == verdict).Select(Of)];
        var (denied, unknown) = (Lines(Verdict.Denied), Lines(Verdict.Unknown));
        var unrecorded = result.LeftOut + result.UntoldCalls;
        return new PreviewAnswer(
            [],
            denied.IsEmpty && unknown.IsEmpty && result.Silent.Count == 0 && unrecorded == 0 && result.OtherFilters.IsEmpty,
            result.Touched.IsEmpty ? 0 : result.Recorded.TotalSeconds,
            result.Touched.Length,
            Unanswered(result.Silent),
            denied,
            Lines(Verdict.Allowed),
            unknown,
            unrecorded,
            [.. result.OtherFilters.Select(static name => $"The filter '{name}' would change too; what it refuses is not foreseen here.")]);
    }

    public static ImmutableArray<UnansweredAnswer> Unanswered(IEnumerable<(Workload Workload, string Reason)> silent) => [.. silent.Select(static one => new UnansweredAnswer(one.Workload.InstanceId, one.Reason))];

    private static CallAnswer Of(CallLine line) => new(
        line.Key.Destination,
        line.Key.Port,
        line.Key.Caller,
        line.Key.CallerName,
        line.Key.MeshTls,
        line.Key.Method,
        line.Key.Path,
        line.Key.Endpoint,
        line.Key.Host,
        line.Key.Policy,
        line.Key.Missing,
        line.Count,
        line.Key.Outcome == Outcome.Probe,
        line.LastSeen);
}
