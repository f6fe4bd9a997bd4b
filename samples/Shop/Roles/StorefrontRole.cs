using Grpc.Core;
using Shop.Processes;
using Shop.Protos;

namespace Shop.Roles;

/// <summary>
/// What customers see. It calls the catalog over HTTP and pricing over gRPC, by their names; where they run, how many there are and how the
/// calls are protected is the mesh's business.
/// </summary>
internal static class StorefrontRole
{
    public static WebApplication Build(ParentLine parent)
    {
        var builder = WebApplication.CreateBuilder();
        builder.AddMesh();
        builder.AddShopRole(parent);
        builder.Services.AddHttpClient<CatalogClient>(client => client.BaseAddress = new Uri("http://catalog"));
        builder.Services.AddGrpcClient<Pricing.PricingClient>(grpc => grpc.Address = new Uri("http://pricing"));
        builder.Services.AddHostedService<IdentityReporter>();
        builder.Services.AddHostedService<AddressReporter>();

        var app = builder.Build();
        app.MapGet("/", BrowseAsync);
        app.MapPost("/orders", OrderAsync);
        return app;
    }

    private static Task<IResult> BrowseAsync(HttpContext http, CatalogClient catalog, Pricing.PricingClient pricing, ParentLine parent)
        => AnswerAsync(http, parent, async cancel =>
        {
            var products = await catalog.ListAsync(cancel);
            var request = new QuoteRequest { Skus = { products.Products.Select(product => product.Sku) } };
            var quote = await pricing.QuoteAsync(request, cancellationToken: cancel);
            return new StorefrontAnswer(CatalogAnswer.CallerOf(http), products, quote.Instance, quote.Caller);
        });

    private static Task<IResult> OrderAsync(Order order, HttpContext http, CatalogClient catalog, ParentLine parent)
        => AnswerAsync(http, parent, async cancel => new StorefrontAnswer(CatalogAnswer.CallerOf(http), await catalog.ReserveAsync(order, cancel)));

    private static async Task<IResult> AnswerAsync(HttpContext http, ParentLine parent, Func<CancellationToken, Task<StorefrontAnswer>> answer)
    {
        try
        {
            return Results.Ok(await answer(http.RequestAborted));
        }
        catch (Exception e) when (e is HttpRequestException or RpcException && !http.RequestAborted.IsCancellationRequested)
        {
            parent.Tell(new DownstreamFailed(e is RpcException ? "pricing" : "catalog", e.Message));
            return Results.Text(e.Message, statusCode: StatusCodes.Status503ServiceUnavailable);
        }
        catch (Exception e) when (http.RequestAborted.IsCancellationRequested)
        {
            parent.Tell(new DownstreamFailed("", $"The caller stopped waiting: {e.Message}"));
            return Results.Empty;
        }
    }
}
