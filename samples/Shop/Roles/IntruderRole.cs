using Grpc.Core;
using Shop.Processes;
using Shop.Protos;

namespace Shop.Roles;

/// <summary>
/// A process that joined the mesh with a valid identity of its own and then calls what it has no business with: when the show says so, and
/// with the same clients as the storefront.
/// </summary>
internal static class IntruderRole
{
    public static IHost Build(ParentLine parent)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.AddMeshClient();
        builder.AddShopRole(parent);
        builder.Services.AddHttpClient("catalog", client => client.BaseAddress = new Uri("http://catalog"));
        builder.Services.AddGrpcClient<Pricing.PricingClient>(grpc => grpc.Address = new Uri("http://pricing"));
        builder.Services.AddHostedService<IdentityReporter>();
        builder.Services.AddSingleton<Intrusion>();
        builder.Services.AddSingleton(services => new RoleCommand(ParentLine.Attack, services.GetRequiredService<Intrusion>().RunAsync));
        return builder.Build();
    }

    private sealed class Intrusion(IHttpClientFactory http, Pricing.PricingClient pricing, ParentLine parent)
    {
        public async Task RunAsync(CancellationToken cancellationToken)
        {
            await CallCatalogAsync("GET catalog/products", client => client.GetAsync("/products", cancellationToken));
            await CallCatalogAsync("POST catalog/reservations", client => client.PostAsJsonAsync("/reservations", new Order("stolen", "cake", Product.Secret), cancellationToken));
            await CallPricingAsync(cancellationToken);
        }

        private async Task CallCatalogAsync(string target, Func<HttpClient, Task<HttpResponseMessage>> call)
        {
            try
            {
                using var response = await call(http.CreateClient("catalog"));
                parent.Tell(new IntruderAnswered(target, (int)response.StatusCode, response.ReasonPhrase ?? ""));
            }
            catch (HttpRequestException e)
            {
                parent.Tell(new IntruderAnswered(target, 0, e.Message));
            }
        }

        private async Task CallPricingAsync(CancellationToken cancellationToken)
        {
            const string Target = "gRPC pricing/Quote";
            try
            {
                await pricing.QuoteAsync(new QuoteRequest { Skus = { "cake" } }, cancellationToken: cancellationToken);
                parent.Tell(new IntruderAnswered(Target, StatusCodes.Status200OK, "OK"));
            }
            catch (RpcException e)
            {
                var status = e.StatusCode == StatusCode.PermissionDenied ? StatusCodes.Status403Forbidden : 0;
                parent.Tell(new IntruderAnswered(Target, status, e.Status.ToString()));
            }
        }
    }
}
