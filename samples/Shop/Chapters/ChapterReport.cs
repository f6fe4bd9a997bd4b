using Shop.Load;

namespace Shop.Chapters;

/// <summary>Gathers a chapter's figures and checks while it plays.</summary>
internal sealed class ChapterReport(Action<string> tell)
{
    private readonly Dictionary<string, object> _figures = [];
    private readonly List<string> _failures = [];

    /// <summary>Tells the audience what is going on.</summary>
    public void Say(string text) => tell(text);

    public void Figure(string name, object value) => _figures[name] = value;

    /// <summary>Asserts something. The sentence is for the case that it does not hold, and carries the values.</summary>
    public void Check(bool holds, string otherwise)
    {
        if (!holds)
        {
            _failures.Add(otherwise);
        }
    }

    public void Fail(Exception error) => _failures.Add(error.Message);

    public ChapterResult ToResult(string name, CallTally calls)
    {
        // The one rule that holds in every chapter, whatever happens in it.
        Check(calls.Lost == 0, $"{calls.Lost} of {calls.Calls} calls were lost: {string.Join("; ", calls.Errors.Take(3))}");
        return new ChapterResult(name, _failures.Count == 0, calls.Calls, calls.Lost, _figures, _failures);
    }
}
