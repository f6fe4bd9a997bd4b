namespace Shop.Processes;

/// <summary>One process of the shop.</summary>
/// <param name="Name">Unique: <c>catalog-v1-a</c>.</param>
/// <param name="Role">What it does: <c>--role</c>.</param>
/// <param name="Version">Its mesh version, the label <c>version</c>; may be empty.</param>
internal sealed record ChildSpec(string Name, string Role, string Version = "")
{
    public static readonly ChildSpec ControlPlane = new("control-plane", "control-plane");
    public static readonly ChildSpec Storefront = new("storefront", "storefront");
    public static readonly ChildSpec CatalogV1A = new("catalog-v1-a", "catalog", "v1");
    public static readonly ChildSpec CatalogV1B = new("catalog-v1-b", "catalog", "v1");
    public static readonly ChildSpec CatalogV2A = new("catalog-v2-a", "catalog", "v2");
    public static readonly ChildSpec PricingA = new("pricing-a", "pricing");
    public static readonly ChildSpec PricingB = new("pricing-b", "pricing");
    public static readonly ChildSpec PricingC = new("pricing-c", "pricing");
    public static readonly ChildSpec Intruder = new("intruder", "intruder");

    /// <summary>The members of the mesh that the show begins with.</summary>
    public static IReadOnlyList<ChildSpec> Cast { get; } = [Storefront, CatalogV1A, CatalogV1B, CatalogV2A, PricingA, PricingB, Intruder];

    /// <summary>Its service and service account in the mesh: as its role.</summary>
    public string Service => Role;

    /// <summary>Whether anybody calls it.</summary>
    public bool Serves => this != Intruder;
}
