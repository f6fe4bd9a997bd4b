using System.CommandLine;
using Shop.Chapters;
using Shop.View;

namespace Shop;

/// <summary>The command line of the show.</summary>
internal static class ShopCommand
{
    // Ctrl+C ends the children in good order; this bounds it.
    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(10);

    private static readonly Option<bool> Json = new("--json") { Description = "Print one JSON object and nothing else." };
    private static readonly Option<int[]> Chapter = new("--chapter") { Description = "Play this chapter only (1-8). May be given more than once." };
    private static readonly Option<double> Duration = new("--duration") { Description = "Seconds that each measurement lasts.", DefaultValueFactory = _ => 3 };
    private static readonly Option<double> Rate = new("--rate") { Description = "Calls per second.", DefaultValueFactory = _ => 150 };
    private static readonly Option<bool> Keep = new("--keep") { Description = "Stay up after the last chapter, to play with." };
    private static readonly Option<DirectoryInfo?> Folder = new("--folder") { Description = "Put manifests, state and logs here instead of into a temporary folder." };

    public static Task<int> RunAsync(string[] args)
    {
        Validate();
        var command = new RootCommand("A shop on a mesh without proxies: real processes, eight chapters, every claim checked.") { Json, Chapter, Duration, Rate, Keep, Folder };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            new ShopOptions
            {
                Json = parsed.GetValue(Json),
                Chapters = (parsed.GetValue(Chapter) ?? []).ToHashSet(),
                Duration = TimeSpan.FromSeconds(parsed.GetValue(Duration)),
                Rate = parsed.GetValue(Rate),
                Keep = parsed.GetValue(Keep),
                Folder = parsed.GetValue(Folder),
            },
            cancellationToken));
        return command.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = EndTimeout });
    }

    private static void Validate()
    {
        Chapter.AllowMultipleArgumentsPerToken = true;
        Chapter.Validators.Add(result =>
        {
            foreach (var number in result.GetValueOrDefault<int[]>().Where(number => number is < 1 or > ChapterList.Count))
            {
                result.AddError($"There is no chapter {number}. Chapters are 1 to {ChapterList.Count}.");
            }
        });
        Duration.Validators.Add(result => RequireBetween(result, 1, 600));
        Rate.Validators.Add(result => RequireBetween(result, 10, 2000));
    }

    private static void RequireBetween(System.CommandLine.Parsing.OptionResult result, double least, double most)
    {
        if (result.GetValueOrDefault<double>() is var value && (value < least || value > most))
        {
            result.AddError($"{result.Option.Name} is {value}. It must be between {least} and {most}.");
        }
    }

    private static async Task<int> RunAsync(ShopOptions options, CancellationToken cancellationToken)
    {
        IShowView view = options.Json ? new JsonView(Console.Out) : ConsoleView.Create();
        return await new Show(options, view, TimeProvider.System).RunAsync(cancellationToken) ? 0 : 1;
    }
}
