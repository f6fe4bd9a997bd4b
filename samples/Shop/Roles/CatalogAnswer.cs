using ProxylessMesh;

namespace Shop.Roles;

/// <summary>What the catalog answers. Everything but the products is for the show to count.</summary>
/// <param name="Instance">The process that answered.</param>
/// <param name="Version">Its version.</param>
/// <param name="Caller">The identity that it saw on the connection.</param>
/// <param name="Release">The header that the HTTPRoute sets: which state of the file this call was routed by.</param>
/// <param name="Products">What there is to buy.</param>
internal sealed record CatalogAnswer(string Instance, string Version, string Caller, string Release, IReadOnlyList<Product> Products)
{
    /// <summary>The request header that <c>mesh/catalog-canary.yaml</c> sets.</summary>
    public const string ReleaseHeader = "x-shop-release";

    public static CatalogAnswer To(HttpContext http, RoleName name, IReadOnlyList<Product> products)
        => new(name.Instance, name.Version, CallerOf(http), http.Request.Headers[ReleaseHeader].ToString(), products);

    /// <summary>The SPIFFE ID that the caller proved in the TLS handshake.</summary>
    public static string CallerOf(HttpContext http) => http.Features.Get<IMeshPeerFeature>()?.Id?.ToString() ?? "nobody";
}

/// <summary>Something to buy.</summary>
internal sealed record Product(string Sku, string Name)
{
    /// <summary>
    /// Stands in every answer of the catalog and in every order. The show looks for these words in the bytes on the wire, where they must
    /// not be found.
    /// </summary>
    public const string Secret = "grandmothers-secret-recipe";

    public static IReadOnlyList<Product> All { get; } = [new("tea", "Green tea"), new("mug", "Blue mug"), new("cake", $"Cake after {Secret}")];
}

/// <summary>An order on its way to the catalog.</summary>
/// <param name="Id">Unique; nothing may be reserved twice under it.</param>
/// <param name="Sku">What is ordered.</param>
/// <param name="Note">For the baker.</param>
internal sealed record Order(string Id, string Sku, string Note);
