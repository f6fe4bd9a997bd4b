using Shop.Processes;

namespace Shop.Roles;

/// <summary>
/// The control plane, embedded in an ordinary ASP.NET app. On its first start it makes a join token for each service account of the shop
/// and leaves it in a file that only this user can read.
/// </summary>
internal static class ControlPlaneRole
{
    public static WebApplication Build(ParentLine parent)
    {
        var builder = WebApplication.CreateBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.AddMeshControlPlane();
        builder.AddShopRole(parent);
        builder.Services.AddHostedService<TokenFiles>();
        builder.Services.AddHostedService<AddressReporter>();
        return builder.Build();
    }
}
