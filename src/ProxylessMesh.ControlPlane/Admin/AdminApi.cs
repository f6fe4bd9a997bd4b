using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane.Store;

namespace ProxylessMesh.ControlPlane.Admin;

/// <summary>The admin API under <c>/api/v1</c>, for the operator's token alone, and <c>/healthz</c> for everyone.</summary>
internal static partial class AdminApi
{
    private const long MaxBodyBytes = 16 * 1024 * 1024;

    public static void MapAdminApi(this IEndpointRouteBuilder endpoints)
    {
        var store = endpoints.ServiceProvider.GetRequiredService<ManifestStore>();
        endpoints.MapGet("/healthz", () => TypedResults.Json(new HealthAnswer("ok", store.Current.Number), AdminJson.Default.HealthAnswer));

        var api = endpoints.MapGroup("/api/v1").AddEndpointFilter(OperatorsOnlyAsync);
        api.MapStatus();
        api.MapManifests();
        api.MapTokens();
        api.MapCa();
        api.MapCalls();
        api.MapFallback(static () => TypedResults.Json(new ErrorAnswer("There is no such address in the admin API. Its parts are status, manifests, revisions, tokens, ca, preview and migration."), AdminJson.Default.ErrorAnswer, statusCode: StatusCodes.Status404NotFound));
    }

    /// <summary>Reads a JSON body; null when it is none, too large or not what is asked for.</summary>
    public static async Task<T?> ReadAsync<T>(HttpContext http, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        if (http.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = MaxBodyBytes;
        }

        try
        {
            return await System.Text.Json.JsonSerializer.DeserializeAsync(http.Request.Body, type, http.RequestAborted);
        }
        catch (Exception exception) when (exception is System.Text.Json.JsonException or BadHttpRequestException)
        {
            return null;
        }
    }

    public static IResult Error(int status, string message) => TypedResults.Json(new ErrorAnswer(message), AdminJson.Default.ErrorAnswer, statusCode: status);

    // Every change is told in the log, with what was asked and what came of it.
    private static async ValueTask<object?> OperatorsOnlyAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        var services = http.RequestServices;
        var token = services.GetRequiredService<OperatorToken>();
        var logger = services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(AdminApi));
        if (!token.IsIn(http.Request.Headers.Authorization))
        {
            LogRefused(logger, http.Request.Method, http.Request.Path, http.Connection.RemoteIpAddress);
            http.Response.Headers.WWWAuthenticate = "Bearer";
            return Error(StatusCodes.Status401Unauthorized, $"The admin API needs 'Authorization: Bearer' with the operator's token. It is in the file '{System.IO.Path.GetFileName(token.Path)}' of the state folder.");
        }

        if (!HttpMethods.IsGet(http.Request.Method))
        {
            LogChange(logger, http.Request.Method, http.Request.Path, http.Connection.RemoteIpAddress);
        }

        return await next(context);
    }

    [LoggerMessage(6400, LogLevel.Information, "The operator asks: {Method} {Path}, from {Address}.")]
    private static partial void LogChange(ILogger logger, string method, PathString path, System.Net.IPAddress? address);

    [LoggerMessage(6401, LogLevel.Warning, "Refused {Method} {Path} from {Address}: no operator's token, or a wrong one.")]
    private static partial void LogRefused(ILogger logger, string method, PathString path, System.Net.IPAddress? address);
}
