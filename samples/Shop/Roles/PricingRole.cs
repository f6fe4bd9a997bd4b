using Grpc.Core;
using Shop.Processes;
using Shop.Protos;

namespace Shop.Roles;

/// <summary>The pricing service, over gRPC.</summary>
internal static class PricingRole
{
    public static WebApplication Build(ParentLine parent)
    {
        var builder = WebApplication.CreateBuilder();
        builder.AddMesh();
        builder.AddShopRole(parent);
        builder.Services.AddGrpc();
        builder.Services.AddHostedService<IdentityReporter>();
        builder.Services.AddHostedService<AddressReporter>();

        var app = builder.Build();
        app.MapGrpcService<PricingService>();
        return app;
    }

    private sealed class PricingService(RoleName name) : Pricing.PricingBase
    {
        private const long CentsEach = 450;

        public override Task<QuoteReply> Quote(QuoteRequest request, ServerCallContext context) => Task.FromResult(new QuoteReply
        {
            TotalCents = request.Skus.Count * CentsEach,
            Instance = name.Instance,
            Caller = CatalogAnswer.CallerOf(context.GetHttpContext()),
        });
    }
}
