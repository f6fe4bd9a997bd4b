using System.Diagnostics;
using System.Globalization;
using ProxylessMesh.LoadTest.Arrangements;

namespace ProxylessMesh.LoadTest.Scenarios;

/// <summary>
/// Changes a route again and again while calls run. Each change is waited for before the next is made, so that every one of them is
/// really pushed. Prints the lost calls, and the memory of the control plane, a server and this client on the way.
/// </summary>
internal static class Applies
{
    private const int Callers = 8;

    public static async Task<int> RunAsync(int applies)
    {
        await using var mesh = await MeshProcesses.StartAsync(serverCount: 2);
        using var client = await mesh.StartClientAsync();
        using var http = client.Services.GetRequiredService<IHttpClientFactory>().CreateClient();
        long calls = 0;
        long lost = 0;
        var inForce = 0;
        var stopped = false;
        var callers = Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
        {
            while (!Volatile.Read(ref stopped))
            {
                try
                {
                    using var response = await http.PostAsync(new Uri("http://server/order"), new StringContent("order"));
                    Interlocked.Add(ref lost, response.IsSuccessStatusCode ? 0 : 1);
                    if (int.TryParse(MarkingRoute.Of(response), CultureInfo.InvariantCulture, out var revision) && revision > Volatile.Read(ref inForce))
                    {
                        Volatile.Write(ref inForce, revision);
                    }
                }
                catch (HttpRequestException failure)
                {
                    Interlocked.Increment(ref lost);
                    Console.Error.WriteLine(failure.Message);
                }

                Interlocked.Increment(ref calls);
            }
        })).ToArray();

        Console.WriteLine("| applies | calls | lost | control plane MiB | server MiB | client MiB (heap) |");
        Console.WriteLine("|--|--|--|--|--|--|");
        for (var revision = 1; revision <= applies; revision++)
        {
            await MarkingRoute.WriteAsync(mesh.ManifestFolder, revision, TimeProvider.System);
            while (Volatile.Read(ref inForce) < revision)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System);
            }

            if (revision % Math.Max(1, applies / 5) == 0)
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {revision} | {Interlocked.Read(ref calls)} | {Interlocked.Read(ref lost)} | {MiB(mesh.ControlPlane.Process)} | {MiB(mesh.Servers[0].Process)} | {MiB(Process.GetCurrentProcess())} ({GC.GetTotalMemory(forceFullCollection: true) >> 20}) |"));
            }
        }

        Volatile.Write(ref stopped, true);
        await Task.WhenAll(callers);
        await client.StopAsync();
        return lost == 0 ? 0 : 1;
    }

    private static long MiB(Process process)
    {
        process.Refresh();
        return process.WorkingSet64 >> 20;
    }
}
