var builder = WebApplication.CreateBuilder(args);
builder.AddMesh();

// What comes from outside is YARP's; what goes inside is the mesh's.
builder.Services.AddReverseProxy().LoadFromConfig(builder.Configuration.GetSection("ReverseProxy")).AddMesh();

var app = builder.Build();
app.MapReverseProxy();
app.Run();
