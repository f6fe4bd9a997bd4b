using Shop.Chapters;

namespace Shop;

/// <summary>The whole show.</summary>
/// <param name="Ok">Every chapter is.</param>
/// <param name="Seconds">How long it took, start of the processes included.</param>
/// <param name="Calls">Calls in the chapters.</param>
/// <param name="Lost">Those that were lost.</param>
/// <param name="Chapters">One by one.</param>
/// <param name="Error">Why the show broke off; <see langword="null"/> where it did not.</param>
internal sealed record ShowResult(bool Ok, double Seconds, int Calls, int Lost, IReadOnlyList<ChapterResult> Chapters, string? Error);
