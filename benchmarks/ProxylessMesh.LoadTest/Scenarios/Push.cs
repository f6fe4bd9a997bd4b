using System.Diagnostics;
using System.Globalization;
using ProxylessMesh.LoadTest.Arrangements;

namespace ProxylessMesh.LoadTest.Scenarios;

/// <summary>
/// How long a change of a manifest file takes to be in force in many workloads: each of them calls the service in a loop, the change adds
/// a header to the request by the route, which the server sends back.
/// </summary>
internal static class Push
{
    public static async Task RunAsync(int workloads, int changes)
    {
        await using var mesh = await MeshProcesses.StartAsync(serverCount: 1);
        var clients = new List<IHost>();
        try
        {
            for (var i = 0; i < workloads; i++)
            {
                clients.Add(await mesh.StartClientAsync());
            }

            var medians = new List<double>();
            var slowest = new List<double>();
            for (var change = 1; change <= changes; change++)
            {
                var taken = await MeasureAsync(mesh, clients, change);
                medians.Add(taken[taken.Length / 2]);
                slowest.Add(taken[^1]);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"change {change}: median {taken[taken.Length / 2]:F0} ms, last of {workloads} {taken[^1]:F0} ms"));
            }

            medians.Sort();
            slowest.Sort();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{changes} changes to {workloads} workloads: median {medians[medians.Count / 2]:F0} ms, last workload {slowest[slowest.Count / 2]:F0} ms (medians over the changes)"));
        }
        finally
        {
            foreach (var client in clients)
            {
                await client.StopAsync();
                client.Dispose();
            }
        }
    }

    // Milliseconds from the file's rename to the first call that carries the mark, per workload, sorted.
    private static async Task<double[]> MeasureAsync(MeshProcesses mesh, List<IHost> clients, int change)
    {
        var revision = change.ToString(CultureInfo.InvariantCulture);
        using var ready = new CountdownEvent(clients.Count);
        long written = 0;
        var waits = clients.Select(client => Task.Run(async () =>
        {
            using var http = client.Services.GetRequiredService<IHttpClientFactory>().CreateClient();
            using var first = await http.GetAsync(new Uri("http://server/echo"));
            ready.Signal();
            while (true)
            {
                using var response = await http.GetAsync(new Uri("http://server/echo"));
                response.EnsureSuccessStatusCode();
                if (MarkingRoute.Of(response) == revision && Volatile.Read(ref written) is var start and not 0)
                {
                    return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                }

                await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System);
            }
        })).ToArray();

        ready.Wait();
        Volatile.Write(ref written, await MarkingRoute.WriteAsync(mesh.ManifestFolder, change, TimeProvider.System));
        var taken = await Task.WhenAll(waits);
        Array.Sort(taken);
        return taken;
    }
}
