namespace Shop.Chapters;

/// <summary>The chapters in the order they are played; the first has number 1.</summary>
internal static class ChapterList
{
    public const int Count = 8;

    public static IReadOnlyList<Chapter> All { get; } =
    [
        new IdentitiesChapter(),
        new BalanceChapter(),
        new CanaryChapter(),
        new LossChapter(),
        new FaultsChapter(),
        new IntruderChapter(),
        new ControlPlaneChapter(),
        new RotationChapter(),
    ];
}
