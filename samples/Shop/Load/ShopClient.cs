using System.Globalization;
using Shop.Roles;

namespace Shop.Load;

/// <summary>A customer: calls the storefront, by its name in the mesh.</summary>
internal sealed class ShopClient(HttpClient http, TimeProvider time)
{
    /// <summary>Later than this an answer is no answer.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private static readonly string Run = Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture);
    private long _orders;

    public Task<CallRecord> BrowseAsync(CancellationToken cancellationToken)
        => CallAsync(isOrder: false, cancel => http.GetAsync("/", cancel), cancellationToken);

    public Task<CallRecord> OrderAsync(CancellationToken cancellationToken)
    {
        var order = new Order(string.Create(CultureInfo.InvariantCulture, $"{Run}-{Interlocked.Increment(ref _orders)}"), "cake", Product.Secret);
        return CallAsync(isOrder: true, cancel => http.PostAsJsonAsync("/orders", order, cancel), cancellationToken);
    }

    private async Task<CallRecord> CallAsync(bool isOrder, Func<CancellationToken, Task<HttpResponseMessage>> send, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        using var timeout = new CancellationTokenSource(Timeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            using var response = await send(both.Token);
            if (response.IsSuccessStatusCode)
            {
                return Record(await response.Content.ReadFromJsonAsync<StorefrontAnswer>(both.Token), "The answer was empty.");
            }

            return Record(null, $"{(int)response.StatusCode}: {await response.Content.ReadAsStringAsync(both.Token)}");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return Record(null, $"{e.GetType().Name}: {e.Message}");
        }

        CallRecord Record(StorefrontAnswer? answer, string error)
            => new(isOrder, answer, answer is null ? error : null, time.GetElapsedTime(started), time.GetTimestamp());
    }
}
