using ProxylessMesh;

var builder = WebApplication.CreateBuilder(args);
builder.AddMesh();

var app = builder.Build();

// The caller's identity was proved in the TLS handshake; a caller without the mesh has none.
app.MapGet("/products", (HttpContext http) => new
{
    Product = "tea",
    Process = Environment.ProcessId,
    Caller = http.Features.Get<IMeshPeerFeature>()?.Id?.ToString() ?? "nobody",
});
app.Run();
