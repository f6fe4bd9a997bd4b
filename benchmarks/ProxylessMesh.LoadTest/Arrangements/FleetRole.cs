using ProxylessMesh.LoadTest.Processes;

namespace ProxylessMesh.LoadTest.Arrangements;

/// <summary>
/// Instances of the service <c>orders</c> in one process, of which one a second is replaced: a new one joins, then the oldest is told to
/// stop and drains. A rolling restart that never ends.
/// </summary>
internal static class FleetRole
{
    private const int Instances = 3;

    public static async Task RunAsync()
    {
        var fleet = new Queue<WebApplication>();
        for (var i = 0; i < Instances; i++)
        {
            fleet.Enqueue(await JoinAsync());
        }

        Console.WriteLine("READY 0");
        using var stop = new CancellationTokenSource();
        var parent = Console.OpenStandardInput().CopyToAsync(Stream.Null).ContinueWith(_ => stop.CancelAsync(), TaskScheduler.Default).Unwrap();
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), TimeProvider.System);
        try
        {
            while (await timer.WaitForNextTickAsync(stop.Token))
            {
                fleet.Enqueue(await JoinAsync());
                await LeaveAsync(fleet.Dequeue());
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The parent has ended or wants an end.
        }

        await Task.WhenAll(fleet.Select(LeaveAsync));
        await parent;
    }

    private static async Task<WebApplication> JoinAsync()
    {
        var builder = ParentWatch.QuietBuilder();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.AddMesh();
        var app = builder.Build();
        app.Run(ServerRole.AnswerAsync);
        await app.StartAsync();
        return app;
    }

    private static async Task LeaveAsync(WebApplication app)
    {
        await app.StopAsync();
        await app.DisposeAsync();
    }
}
