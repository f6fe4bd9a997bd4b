using System.Globalization;
using Shop.Chapters;
using Shop.Load;
using Spectre.Console;

namespace Shop.View;

/// <summary>For people: what has happened scrolls by; on a terminal, a panel below it shows the load of this moment.</summary>
internal sealed class ConsoleView(IAnsiConsole console) : IShowView
{
    private const int WideEnough = 160;

    public static ConsoleView Create()
    {
        var console = AnsiConsole.Console;
        if (!console.Profile.Out.IsTerminal)
        {
            // A file or a pipe has no width: lines stay whole.
            console.Profile.Width = Math.Max(console.Profile.Width, WideEnough);
        }

        return new ConsoleView(console);
    }

    public void Say(string text) => console.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"  [grey]·[/] {text}");

    public async Task<ChapterResult> PlayAsync(int number, Chapter chapter, LoadGenerator load, Func<Action<string>, Task<ChapterResult>> play)
    {
        console.WriteLine();
        console.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"[bold]{number}[/] [bold blue]{chapter.Title}[/]");
        var result = console.Profile.Out.IsTerminal
            ? await new LivePanel(console, load).ShowAsync(play, Say)
            : await play(Say);
        Tell(result);
        return result;
    }

    public void End(ShowResult result)
    {
        console.WriteLine();
        var table = new Table().RoundedBorder().AddColumns("chapter", "calls", "lost", "");
        table.Columns[1].RightAligned();
        table.Columns[2].RightAligned();
        foreach (var chapter in result.Chapters)
        {
            table.AddRow(
                Markup.Escape(chapter.Name), chapter.Calls.ToString(CultureInfo.InvariantCulture), chapter.Lost.ToString(CultureInfo.InvariantCulture),
                chapter.Ok ? "[green]holds[/]" : "[red]does not hold[/]");
        }

        console.Write(table);
        var verdict = result.Ok ? "[green bold]Everything holds.[/]" : "[red bold]Not everything holds.[/]";
        console.MarkupLine(string.Create(CultureInfo.InvariantCulture, $"{verdict} {result.Calls} calls, {result.Lost} lost, {result.Seconds:0} s."));
    }

    public void Fail(string message, IEnumerable<(string Instance, IReadOnlyList<string> Lines)> logTails)
    {
        foreach (var (instance, lines) in logTails)
        {
            console.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"[yellow]--- the end of {instance}'s log[/]");
            foreach (var line in lines)
            {
                console.WriteLine(line);
            }
        }

        console.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"[red]{message}[/]");
    }

    private void Tell(ChapterResult result)
    {
        console.MarkupLine(string.Create(CultureInfo.InvariantCulture, $"  {(result.Ok ? "[green]✓[/]" : "[red]✗[/]")} {result.Calls} calls, {result.Lost} lost"));
        foreach (var failure in result.Failures)
        {
            console.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"    [red]{failure}[/]");
        }
    }
}
