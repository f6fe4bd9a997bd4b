using Shop.Processes;

namespace Shop.Roles;

/// <summary>The catalog: lists products, reserves orders. An ordinary ASP.NET app; <c>AddMesh()</c> is all it knows of the mesh.</summary>
internal static class CatalogRole
{
    private static readonly TimeSpan ReservationTime = TimeSpan.FromMilliseconds(20);

    public static WebApplication Build(ParentLine parent)
    {
        var builder = WebApplication.CreateBuilder();
        builder.AddMesh();
        builder.AddShopRole(parent);
        builder.Services.AddHostedService<IdentityReporter>();
        builder.Services.AddHostedService<AddressReporter>();

        var app = builder.Build();
        app.MapGet("/products", (HttpContext http, RoleName name) => CatalogAnswer.To(http, name, Product.All));
        app.MapPost("/reservations", ReserveAsync);
        return app;
    }

    private static async Task<CatalogAnswer> ReserveAsync(Order order, HttpContext http, RoleName name, ParentLine parent, TimeProvider time)
    {
        // Long enough for a restart to meet reservations in the middle.
        await Task.Delay(ReservationTime, time, http.RequestAborted);
        parent.Tell(new OrderReserved(order.Id));
        return CatalogAnswer.To(http, name, []);
    }
}
