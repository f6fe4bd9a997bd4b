using Shop.Processes;

namespace Shop.Roles;

/// <summary>Runs this executable as one process of the shop. Settings come by environment, commands by standard input.</summary>
internal static class Role
{
    public static async Task<int> RunAsync(string role)
    {
        var parent = ParentLine.Open();
        using var host = Build(role, parent);
        await host.RunAsync();
        return 0;
    }

    private static IHost Build(string role, ParentLine parent) => role switch
    {
        "control-plane" => ControlPlaneRole.Build(parent),
        "storefront" => StorefrontRole.Build(parent),
        "catalog" => CatalogRole.Build(parent),
        "pricing" => PricingRole.Build(parent),
        "intruder" => IntruderRole.Build(parent),
        _ => throw new ArgumentException($"There is no role '{role}'. Start the show without '--role'; it starts its processes by itself."),
    };
}
