namespace Shop.Chapters;

/// <summary>One part of the show: does something to the running shop and checks what came of it. Plays alone as well as after the others.</summary>
internal abstract class Chapter
{
    /// <summary>Its name in the JSON.</summary>
    public abstract string Name { get; }

    /// <summary>Its headline on the console.</summary>
    public abstract string Title { get; }

    public abstract Task PlayAsync(Stage stage, ChapterReport report, CancellationToken cancellationToken);
}
