using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace ProxylessMesh.ControlPlane.Admin;

/// <summary><c>/api/v1/tokens</c>: join tokens.</summary>
internal static class TokenEndpoints
{
    public static void MapTokens(this IEndpointRouteBuilder api)
    {
        api.MapPost("/tokens", CreateAsync);
        api.MapGet("/tokens", static async (JoinTokens tokens, CancellationToken cancellationToken)
            => TypedResults.Json([.. await tokens.ListAsync(cancellationToken)], AdminJson.Default.JoinTokenSummaryArray));
        api.MapDelete("/tokens/{id}", static async (string id, JoinTokens tokens, CancellationToken cancellationToken)
            => await tokens.RevokeAsync(id, cancellationToken)
                ? TypedResults.NoContent()
                : AdminApi.Error(StatusCodes.Status404NotFound, $"There is no join token '{id}' that could be revoked. GET /api/v1/tokens lists them."));
    }

    private static async Task<IResult> CreateAsync(HttpContext http, JoinTokens tokens)
    {
        if (await AdminApi.ReadAsync(http, AdminJson.Default.TokenRequest) is not { Namespace: { } namespaceName, ServiceAccount: { } serviceAccount } request
            || request.LifetimeSeconds is not (>= 1 and <= 315_360_000))
        {
            return AdminApi.Error(StatusCodes.Status400BadRequest, "The body must be JSON like {\"namespace\":\"shop\",\"serviceAccount\":\"catalog\",\"lifetimeSeconds\":3600,\"maxUses\":1}; the lifetime is 1 second to 10 years.");
        }

        try
        {
            var token = await tokens.CreateAsync(namespaceName, serviceAccount, TimeSpan.FromSeconds(request.LifetimeSeconds), request.MaxUses, http.RequestAborted);
            return TypedResults.Json(new TokenAnswer(token), AdminJson.Default.TokenAnswer);
        }
        catch (ArgumentException exception)
        {
            return AdminApi.Error(StatusCodes.Status400BadRequest, exception.Message);
        }
    }
}
