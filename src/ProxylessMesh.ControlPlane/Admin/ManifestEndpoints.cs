using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.ControlPlane.Admin;

/// <summary><c>/api/v1/manifests</c> and <c>/api/v1/revisions</c>. What is applied is a file of the manifest folder: one place, for people and for the API.</summary>
internal static class ManifestEndpoints
{
    public static void MapManifests(this IEndpointRouteBuilder api)
    {
        api.MapGet("/manifests", static (ManifestStore store) => TypedResults.Json(Answer(store.Current), AdminJson.Default.ManifestsAnswer));
        api.MapPost("/manifests", ApplyAsync);
        api.MapDelete("/manifests/{**file}", DeleteAsync);
        api.MapGet("/revisions", static async (ManifestStore store, CancellationToken cancellationToken)
            => TypedResults.Json([.. (await store.RevisionsAsync(cancellationToken)).Select(Of)], AdminJson.Default.RevisionAnswerArray));
    }

    private static async Task<IResult> ApplyAsync(HttpContext http, ManifestStore store)
    {
        if (await AdminApi.ReadAsync(http, AdminJson.Default.ApplyRequest) is not { Files: { IsDefaultOrEmpty: false } files } || files.Any(static file => file is null or { Name: null } or { Text: null }))
        {
            return AdminApi.Error(StatusCodes.Status400BadRequest, "The body must be JSON like {\"files\":[{\"name\":\"catalog.yaml\",\"text\":\"…\"}]}, at most 16 MiB.");
        }

        if (files.FirstOrDefault(static file => !ManifestFolder.IsFileName(file.Name)) is { } misnamed)
        {
            return AdminApi.Error(StatusCodes.Status400BadRequest, $"'{misnamed.Name}' is not a name of a manifest file. Use letters, digits, '.', '_' and '-', ending in .yaml.");
        }

        return Outcome(store, await store.ApplyAsync([.. files.Select(static file => new ManifestFile(file.Name, file.Text))], http.RequestAborted));
    }

    private static async Task<IResult> DeleteAsync(string file, HttpContext http, ManifestStore store)
        => ManifestFolder.IsFileName(file) && await store.DeleteAsync(file, http.RequestAborted) is { } errors
            ? Outcome(store, errors)
            : AdminApi.Error(StatusCodes.Status404NotFound, $"There is no manifest file '{file}'. GET /api/v1/manifests lists them.");

    private static JsonHttpResult<ApplyAnswer> Outcome(ManifestStore store, ImmutableArray<ManifestError> errors) => TypedResults.Json(
        new ApplyAnswer(store.Current.Number, [.. errors.Select(ManifestErrorAnswer.From)]),
        AdminJson.Default.ApplyAnswer,
        statusCode: errors.IsEmpty ? StatusCodes.Status200OK : StatusCodes.Status422UnprocessableEntity);

    private static ManifestsAnswer Answer(ManifestRevision revision) => new(
        revision.Number,
        [.. revision.Files.OrderBy(static file => file.Name, StringComparer.Ordinal).Select(file => new ManifestFileAnswer(file.Name, file.Text, [.. revision.Manifests.All.Where(manifest => manifest.Source?.File == file.Name).Select(static manifest => manifest.DisplayName)]))],
        [.. revision.Errors.Select(ManifestErrorAnswer.From)]);

    private static RevisionAnswer Of(StoredRevision revision) => new(revision.Number, revision.CreatedAt, [.. revision.Files.Select(static file => file.Name)]);
}
