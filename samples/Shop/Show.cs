using Shop.Chapters;
using Shop.Load;
using Shop.Processes;
using Shop.View;
using Shop.Wire;

namespace Shop;

/// <summary>Starts the shop, plays the chapters and takes everything down again, however it ends.</summary>
internal sealed class Show(ShopOptions options, IShowView view, TimeProvider time)
{
    private const int LogTailLines = 12;
    private const double WarmUpRate = 20;

    private readonly List<ChapterResult> _results = [];

    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var folder = RunFolder.Create(options.Folder);
        string? error = null;
        await using (var fleet = new Fleet(folder, time))
        {
            try
            {
                await RunAsync(fleet, folder, started, cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                error = "Interrupted.";
            }
            catch (ShowException e)
            {
                error = e.Message;
            }

            if (error is not null)
            {
                view.Fail(error, cancellationToken.IsCancellationRequested ? [] : fleet.LogTails(LogTailLines));
                view.End(ResultOf(started, error));
            }
        }

        return Clean(folder, error is null && _results.All(result => result.Ok));
    }

    private async Task RunAsync(Fleet fleet, RunFolder folder, long started, CancellationToken cancellationToken)
    {
        await using var relay = new RecordingRelay();
        await StartCastAsync(fleet, relay, cancellationToken);

        await using var host = await LoadHost.StartAsync(fleet, folder, time, cancellationToken);
        await using var load = new LoadGenerator(host.Customers, time);
        var stage = new Stage(fleet, load, new ManifestFolder(folder.Manifests), relay, host.Identity, options.Duration, time);

        // Cold processes get a trickle: the full rate would only pile up before them.
        load.Start(Math.Min(WarmUpRate, options.Rate));
        await WarmUpAsync(stage, cancellationToken);
        load.CallsPerSecond = options.Rate;
        view.Say($"{load.CallsPerSecond:0} calls a second, every instance answers: the shop is open");

        await PlayAsync(stage, cancellationToken);
        view.End(ResultOf(started, error: null));
        if (options.Keep)
        {
            await StayAsync(fleet, folder, host.Http, cancellationToken);
        }
    }

    private async Task StartCastAsync(Fleet fleet, RecordingRelay relay, CancellationToken cancellationToken)
    {
        // One catalog is called through the relay: the chapters listen there to what goes over the wire.
        fleet.Advertise(ChildSpec.CatalogV1A, relay.Address);

        await fleet.StartAsync(ChildSpec.ControlPlane, cancellationToken);
        view.Say($"control-plane at {fleet.ControlPlane}");
        await Task.WhenAll(ChildSpec.Cast.Select(async spec =>
        {
            var child = await fleet.StartAsync(spec, cancellationToken);
            if (spec == ChildSpec.CatalogV1A)
            {
                relay.PointTo(child.Address);
            }
        }));
        foreach (var member in fleet.Members.OrderBy(member => member.Instance, StringComparer.Ordinal))
        {
            view.Say(member.Spec.Serves ? $"{member.Instance}, process {member.Id}, at {member.Address.Authority}" : $"{member.Instance}, process {member.Id}");
        }
    }

    private static async Task WarmUpAsync(Stage stage, CancellationToken cancellationToken)
    {
        try
        {
            await Task.WhenAll(stage.Fleet.Members
                .Where(member => member.Spec.Serves && member.Spec != ChildSpec.Storefront)
                .Select(member => stage.WaitForAnswersOfAsync(member, cancellationToken)));
        }
        catch (ShowException e)
        {
            var errors = new CallTally(stage.Load.Calls.ToList()).Errors.Take(3);
            throw new ShowException($"{e.Message} What the calls got instead: {string.Join("; ", errors)}", e);
        }
    }

    private async Task PlayAsync(Stage stage, CancellationToken cancellationToken)
    {
        for (var number = 1; number <= ChapterList.Count; number++)
        {
            if (options.Chapters.Count > 0 && !options.Chapters.Contains(number))
            {
                continue;
            }

            var chapter = ChapterList.All[number - 1];
            var result = await view.PlayAsync(number, chapter, stage.Load, tell => PlayAsync(chapter, stage, tell, cancellationToken));
            _results.Add(result);
        }
    }

    private static async Task<ChapterResult> PlayAsync(Chapter chapter, Stage stage, Action<string> tell, CancellationToken cancellationToken)
    {
        var report = new ChapterReport(tell);
        var calls = stage.Load.OpenWindow();
        try
        {
            await chapter.PlayAsync(stage, report, cancellationToken);
        }
        catch (ShowException e)
        {
            report.Fail(e);
        }

        return report.ToResult(chapter.Name, await calls.CloseAsync());
    }

    private async Task StayAsync(Fleet fleet, RunFolder folder, IHttpClientFactory http, CancellationToken cancellationToken)
    {
        await using var door = await FrontDoor.OpenAsync(http, cancellationToken);
        view.Say($"The shop stays open until Ctrl+C: {door.Address} takes customers without the mesh to the storefront.");
        view.Say($"Edit the files in {folder.Manifests} and see what changes; logs are in {folder.Logs}.");
        foreach (var member in fleet.Members.Where(member => member.Spec.Serves).OrderBy(member => member.Instance, StringComparer.Ordinal))
        {
            view.Say($"{member.Instance}, process {member.Id}, at {member.Address.Authority}");
        }

        var end = new TaskCompletionSource();
        await using var registration = cancellationToken.Register(end.SetResult);
        await end.Task;
    }

    private ShowResult ResultOf(long started, string? error) => new(
        error is null && _results.All(result => result.Ok), Math.Round(time.GetElapsedTime(started).TotalSeconds, 1),
        _results.Sum(result => result.Calls), _results.Sum(result => result.Lost), _results, error);

    private bool Clean(RunFolder folder, bool ok)
    {
        if (ok)
        {
            folder.Delete();
        }
        else
        {
            view.Say($"Logs and state are kept in {folder.Path}");
        }

        return ok;
    }
}
