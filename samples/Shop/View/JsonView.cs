using System.Text.Json;
using System.Text.Json.Serialization;
using Shop.Chapters;
using Shop.Load;

namespace Shop.View;

/// <summary>One JSON object at the end, and nothing else.</summary>
internal sealed class JsonView(TextWriter output) : IShowView
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    public void Say(string text)
    {
        // For people only.
    }

    public Task<ChapterResult> PlayAsync(int number, Chapter chapter, LoadGenerator load, Func<Action<string>, Task<ChapterResult>> play) => play(Say);

    public void End(ShowResult result) => output.WriteLine(JsonSerializer.Serialize(result, Options));

    public void Fail(string message, IEnumerable<(string Instance, IReadOnlyList<string> Lines)> logTails)
    {
        // The result carries the message; logs are for people, and standard error is free for them.
        Console.Error.WriteLine(message);
        foreach (var (instance, lines) in logTails)
        {
            Console.Error.WriteLine($"--- {instance}");
            foreach (var line in lines)
            {
                Console.Error.WriteLine(line);
            }
        }
    }
}
