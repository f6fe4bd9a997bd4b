namespace Shop.Roles;

/// <summary>The catalog, for the storefront: an ordinary typed client.</summary>
internal sealed class CatalogClient(HttpClient http)
{
    public async Task<CatalogAnswer> ListAsync(CancellationToken cancellationToken)
        => await http.GetFromJsonAsync<CatalogAnswer>("/products", cancellationToken) ?? throw new HttpRequestException("The catalog sent nothing.");

    public async Task<CatalogAnswer> ReserveAsync(Order order, CancellationToken cancellationToken)
    {
        using var response = await http.PostAsJsonAsync("/reservations", order, cancellationToken);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadFromJsonAsync<CatalogAnswer>(cancellationToken) ?? throw new HttpRequestException("The catalog sent nothing.");
    }
}
