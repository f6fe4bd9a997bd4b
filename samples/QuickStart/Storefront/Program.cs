var builder = WebApplication.CreateBuilder(args);
builder.AddMesh();
builder.Services.AddHttpClient("catalog", client => client.BaseAddress = new Uri("http://catalog"));

var app = builder.Build();
app.MapGet("/", (IHttpClientFactory http) => http.CreateClient("catalog").GetStringAsync("/products"));
app.Run();
