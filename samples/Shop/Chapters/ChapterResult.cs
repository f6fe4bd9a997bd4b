namespace Shop.Chapters;

/// <summary>What a chapter came to.</summary>
/// <param name="Name">Short name.</param>
/// <param name="Ok">Every check of the chapter holds, and no call was lost.</param>
/// <param name="Calls">Calls of the load while it played.</param>
/// <param name="Lost">Those that were not answered with success.</param>
/// <param name="Figures">What was measured.</param>
/// <param name="Failures">The checks that do not hold, as sentences with their values.</param>
internal sealed record ChapterResult(
    string Name, bool Ok, int Calls, int Lost, IReadOnlyDictionary<string, object> Figures, IReadOnlyList<string> Failures);
