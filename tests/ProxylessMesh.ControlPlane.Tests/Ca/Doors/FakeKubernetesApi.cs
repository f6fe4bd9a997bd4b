using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace ProxylessMesh.ControlPlane.Tests.Ca.Doors;

/// <summary>The part of a Kubernetes API server that reviews tokens, over real HTTP, with the kubeconfig file to find it.</summary>
internal sealed class FakeKubernetesApi : IAsyncDisposable
{
    private const string ReviewerToken = "reviewer";

    private readonly WebApplication _application;

    private FakeKubernetesApi(WebApplication application, string kubeConfig)
    {
        _application = application;
        KubeConfig = kubeConfig;
    }

    public string KubeConfig { get; }

    /// <summary>What is answered about each token: user name and audiences.</summary>
    public ConcurrentDictionary<string, (string User, string[] Audiences)> Tokens { get; } = new();

    /// <summary>Reviews asked for so far.</summary>
    public int Reviews { get; private set; }

    /// <summary>Set to answer with this status instead.</summary>
    public int? Fault { get; set; }

    public static async Task<FakeKubernetesApi> StartAsync(TestFolder folder)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var application = builder.Build();
        var file = folder.File("kubeconfig");
        var api = new FakeKubernetesApi(application, file);
        application.MapPost("/apis/authentication.k8s.io/v1/tokenreviews", api.ReviewAsync);
        await application.StartAsync(TestContext.Current.CancellationToken);
        var address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        await File.WriteAllTextAsync(
            file,
            $"""
            apiVersion: v1
            kind: Config
            current-context: test
            contexts: [{"{"} name: test, context: {"{"} cluster: test, user: test {"}"} {"}"}]
            clusters: [{"{"} name: test, cluster: {"{"} server: "{address}" {"}"} {"}"}]
            users: [{"{"} name: test, user: {"{"} token: {ReviewerToken} {"}"} {"}"}]
            """,
            TestContext.Current.CancellationToken);
        return api;
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private async Task ReviewAsync(HttpContext http)
    {
        Reviews++;
        if (http.Request.Headers.Authorization != $"Bearer {ReviewerToken}")
        {
            http.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return;
        }

        if (Fault is { } fault)
        {
            http.Response.StatusCode = fault;
            return;
        }

        var review = (await JsonNode.ParseAsync(http.Request.Body, cancellationToken: http.RequestAborted))!.AsObject();
        var token = (string)review["spec"]!["token"]!;
        var asked = review["spec"]!["audiences"]!.AsArray().Select(static audience => (string)audience!).ToList();
        var status = new JsonObject();
        if (Tokens.TryGetValue(token, out var known))
        {
            status["authenticated"] = true;
            status["user"] = new JsonObject { ["username"] = known.User };
            status["audiences"] = new JsonArray([.. known.Audiences.Where(asked.Contains).Select(static audience => (JsonNode)audience)]);
        }
        else
        {
            status["error"] = "invalid bearer token";
        }

        review["status"] = status;
        http.Response.StatusCode = StatusCodes.Status201Created;
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(review.ToJsonString(), http.RequestAborted);
    }
}
