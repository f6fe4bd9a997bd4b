using System.Diagnostics;
using System.Globalization;
using ProxylessMesh.Client.Snapshots;
using ProxylessMesh.LoadTest.Arrangements;
using ProxylessMesh.LoadTest.Processes;

namespace ProxylessMesh.LoadTest.Scenarios;

/// <summary>
/// Everything at once, for long: routes, faults, mirrors and balancers change every second, an instance is replaced every second and
/// another killed every five, servers misbehave, and certificates live one minute. Holds if no call is lost that nothing should have
/// ended, memory and handles level off, and every count of calls in flight is back at zero.
/// </summary>
internal static class Soak
{
    private const long HeapGrowthMiB = 8;
    private const int HandleGrowth = 64;

    public static async Task<int> RunAsync(TimeSpan length, int seed)
    {
        await using var mesh = await MeshProcesses.StartAsync(serverCount: 3, new Dictionary<string, string> { [MeshRoles.LifetimeVariable] = "60", [MeshRoles.TroubleVariable] = "2" });
        await using var fleet = await ChildProcess.StartAsync("fleet", MeshProcesses.Settings(mesh.ControlPlane, "orders"));
        using var client = await mesh.StartClientAsync();
        var callers = new SoakCallers(client.Services.GetRequiredService<IHttpClientFactory>().CreateClient());
        var routes = new SoakRoutes(mesh.ManifestFolder, seed);
        await routes.ChangeAsync();
        callers.Start();

        Console.WriteLine("| minute | calls | injected | lost | client heap MiB | client MiB | handles | threads | control plane MiB |");
        Console.WriteLine("|--|--|--|--|--|--|--|--|--|");
        var started = Stopwatch.GetTimestamp();
        using var second = new PeriodicTimer(TimeSpan.FromSeconds(1), TimeProvider.System);
        var marks = new List<(long Heap, int Handles)>();
        for (var tick = 1; Stopwatch.GetElapsedTime(started) < length; tick++)
        {
            await second.WaitForNextTickAsync();
            await routes.ChangeAsync();
            if (tick % 5 == 0)
            {
                await mesh.AddServerAsync();
                await mesh.KillServerAsync();
            }

            if (tick % 30 == 0)
            {
                marks.Add(Print(Stopwatch.GetElapsedTime(started), callers, mesh.ControlPlane.Process));
            }
        }

        await callers.StopAsync();
        var last = Print(Stopwatch.GetElapsedTime(started), callers, mesh.ControlPlane.Process);
        var inFlight = await InFlightAsync(client.Services.GetRequiredService<SnapshotSource>());
        await client.StopAsync();
        Console.WriteLine();
        Console.WriteLine($"Lost: {callers.Lost}{(callers.Lost > 0 ? $" ({callers.Losses})" : "")}. In flight at the end: {inFlight}.");

        // The first third fills pools and compiles code.
        var level = marks.Count < 3 ? last : marks[marks.Count / 3];
        var grown = last.Heap - level.Heap > HeapGrowthMiB || last.Handles - level.Handles > HandleGrowth;
        Console.WriteLine($"Heap {level.Heap} → {last.Heap} MiB, handles {level.Handles} → {last.Handles}: {(grown ? "grown" : "level")}.");
        if (callers.Injected == 0)
        {
            Console.WriteLine("No fault was injected: the manifests were not in force, so this run says nothing.");
        }

        return callers is { Lost: 0, Injected: > 0 } && inFlight == 0 && !grown ? 0 : 1;
    }

    private static (long Heap, int Handles) Print(TimeSpan at, SoakCallers callers, Process controlPlane)
    {
        var self = Process.GetCurrentProcess();
        self.Refresh();
        controlPlane.Refresh();
        var heap = GC.GetTotalMemory(forceFullCollection: true) >> 20;
        var handles = self.HandleCount;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {at.TotalMinutes:0.0} | {callers.Calls} | {callers.Injected} | {callers.Lost} | {heap} | {self.WorkingSet64 >> 20} | {handles} | {self.Threads.Count} | {controlPlane.WorkingSet64 >> 20} |"));
        return (heap, handles);
    }

    // Mirrors may still be on their way when the last call has ended; they have time to end too.
    private static async Task<long> InFlightAsync(SnapshotSource snapshots)
    {
        var inFlight = Count(snapshots);
        for (var i = 0; i < 100 && inFlight > 0; i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
            inFlight = Count(snapshots);
        }

        return inFlight;
    }

    private static long Count(SnapshotSource snapshots)
        => snapshots.Hosts.Where(static host => host.State.Routes is not null).SelectMany(static host => host.State.Routes!.Clusters)
            .Sum(static cluster => cluster.Members.Breaker.Active + cluster.Endpoints.Sum(static endpoint => endpoint.ActiveCalls));
}
