using System.Net;
using Microsoft.AspNetCore.Builder;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>Faults with an end, from the file to the call and back.</summary>
public sealed class FaultExperimentTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Experiment_begins_with_its_file_hits_whom_it_names_and_ends_by_itself()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", static app => app.MapGet("/", static () => "here"));
        var storefront = (await mesh.StartClientAsync("storefront")).CreateClient();
        var batch = (await mesh.StartClientAsync("batch")).CreateClient();
        await Eventually.Async(() => storefront.GetStringAsync("/", TestEnd), TestEnd);
        await Eventually.Async(() => batch.GetStringAsync("/", TestEnd), TestEnd);

        await mesh.WriteManifestAsync("experiment.yaml", Experiment("from: [{ serviceAccount: storefront }], match: { headers: { x-user: { exact: tester } } }, abort: { httpStatus: 418, percentage: 100 }"));
        await Eventually.TrueAsync(async () => await StatusAsync(storefront, "tester") == (HttpStatusCode)418, TestEnd);

        Assert.Equal(HttpStatusCode.OK, await StatusAsync(storefront, "ann"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(batch, "tester"));
        await Eventually.TrueAsync(async () => await StatusAsync(storefront, "tester") == HttpStatusCode.OK, TestEnd);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Failure_is_the_exception_that_a_network_would_throw()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", static app => app.MapGet("/", static () => "here"));
        var client = (await mesh.StartClientAsync("storefront")).CreateClient();
        await Eventually.Async(() => client.GetStringAsync("/", TestEnd), TestEnd);

        await mesh.WriteManifestAsync("experiment.yaml", Experiment("exception: { reason: NameResolution, percentage: 100 }"));

        var error = default(HttpRequestException);
        while (error is null)
        {
            error = await Record.ExceptionAsync(() => client.GetStringAsync("/", TestEnd)) as HttpRequestException;
        }

        Assert.Equal(HttpRequestError.NameResolutionError, error.HttpRequestError);
    }

    private static string Experiment(string spec) => $$"""
        apiVersion: mesh.proxyless.dev/v1alpha1
        kind: FaultExperiment
        metadata: { name: chaos, namespace: test }
        spec: { targetRef: { kind: Service, name: server }, ttl: 5s, {{spec}} }
        """;

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, string user)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { { "x-user", user } } };
        using var response = await client.SendAsync(request, TestEnd);
        return response.StatusCode;
    }
}
