using System.Collections.Concurrent;
using System.Globalization;
using Shop.Chapters;
using Shop.Load;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Shop.View;

/// <summary>
/// The load of this moment, drawn again four times a second while a chapter plays: rate, losses, and which instance answers how much.
/// The chapter's sentences appear above it and stay.
/// </summary>
internal sealed class LivePanel(IAnsiConsole console, LoadGenerator load)
{
    private const int BarWidth = 40;
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Span = TimeSpan.FromSeconds(1);

    public async Task<ChapterResult> ShowAsync(Func<Action<string>, Task<ChapterResult>> play, Action<string> say)
    {
        var sentences = new ConcurrentQueue<string>();
        ChapterResult? result = null;
        await console.Live(Draw([], TimeSpan.Zero)).AutoClear(true).StartAsync(async live =>
        {
            var playing = play(sentences.Enqueue);
            using var timer = new PeriodicTimer(Refresh, TimeProvider.System);
            var begin = TimeProvider.System.GetTimestamp();
            while (!playing.IsCompleted)
            {
                live.UpdateTarget(Draw(sentences, TimeProvider.System.GetElapsedTime(begin)));
                live.Refresh();
                await Task.WhenAny(playing, timer.WaitForNextTickAsync().AsTask());
            }

            result = await playing;
        });

        // The panel is gone; what it said stays.
        foreach (var sentence in sentences)
        {
            say(sentence);
        }

        return result!;
    }

    private Rows Draw(IEnumerable<string> sentences, TimeSpan elapsed)
    {
        var now = TimeProvider.System.GetTimestamp();
        var recent = load.Calls.Newest(call => TimeProvider.System.GetElapsedTime(call.FinishedAt, now) < Span);
        var tally = new CallTally(recent);
        var chart = new BarChart().Width(BarWidth + 20);
        foreach (var (instance, calls) in tally.ByCatalogInstance)
        {
            chart.AddItem(Markup.Escape(instance), calls, instance.Contains("-v2-", StringComparison.Ordinal) ? Color.Green : Color.Blue);
        }

        foreach (var (instance, calls) in tally.ByPricingInstance)
        {
            chart.AddItem(Markup.Escape(instance), calls, Color.Grey);
        }

        var headline = string.Create(
            CultureInfo.InvariantCulture,
            $"{tally.Calls,4} calls/s   {tally.Lost} lost   p50 {tally.Percentile(0.5).TotalMilliseconds:0.0} ms   p99 {tally.Percentile(0.99).TotalMilliseconds:0.0} ms   {elapsed.TotalSeconds:0} s");
        IEnumerable<IRenderable> rows = [.. sentences.Select(sentence => new Text($"  · {sentence}")), new Panel(new Rows(new Text(headline), chart)).Header("this second").RoundedBorder()];
        return new Rows(rows);
    }
}
