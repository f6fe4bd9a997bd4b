namespace Shop.Roles;

/// <summary>What the storefront answers, and who took part in the answer.</summary>
/// <param name="Caller">Who called the storefront, as it saw.</param>
/// <param name="Catalog">The catalog's answer.</param>
/// <param name="PricingInstance">The pricing process that answered; <see langword="null"/> where none was asked.</param>
/// <param name="PricingCaller">Who called it, as it saw.</param>
internal sealed record StorefrontAnswer(string Caller, CatalogAnswer Catalog, string? PricingInstance = null, string? PricingCaller = null);
