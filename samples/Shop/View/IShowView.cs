using Shop.Chapters;
using Shop.Load;

namespace Shop.View;

/// <summary>Where the show is shown.</summary>
internal interface IShowView
{
    /// <summary>Something happened outside of any chapter.</summary>
    void Say(string text);

    /// <summary>Shows a chapter while it plays.</summary>
    Task<ChapterResult> PlayAsync(int number, Chapter chapter, LoadGenerator load, Func<Action<string>, Task<ChapterResult>> play);

    /// <summary>The show is over.</summary>
    void End(ShowResult result);

    /// <summary>The show broke off.</summary>
    void Fail(string message, IEnumerable<(string Instance, IReadOnlyList<string> Lines)> logTails);
}
