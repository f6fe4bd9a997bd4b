using System.Net.Mime;

namespace Shop.Load;

/// <summary>A plain HTTP port for browsers and curl, which are not in the mesh: it passes their calls to the storefront as the load does.</summary>
internal sealed class FrontDoor : IAsyncDisposable
{
    /// <summary>The HttpClient that leads to the storefront.</summary>
    public const string Client = "front-door";

    private readonly WebApplication _app;

    private FrontDoor(WebApplication app) => _app = app;

    public string Address => _app.Urls.First();

    public static async Task<FrontDoor> OpenAsync(IHttpClientFactory http, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrel().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRouting();
        var app = builder.Build();
        app.UseRouting();
        app.MapGet("/", async (CancellationToken cancel) => Results.Text(await http.CreateClient(Client).GetStringAsync("/", cancel), MediaTypeNames.Application.Json));
        await app.StartAsync(cancellationToken);
        return new FrontDoor(app);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
