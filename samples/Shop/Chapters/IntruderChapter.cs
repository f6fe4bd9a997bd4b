using Shop.Processes;

namespace Shop.Chapters;

/// <summary>A member of the mesh calls what it has no business with: refused, and named in the log of those it called.</summary>
internal sealed class IntruderChapter : Chapter
{
    private const int Targets = 3;
    private const string IntruderId = "spiffe://mesh.local/ns/shop/sa/intruder";

    public override string Name => "intruder";

    public override string Title => "An intruder with a valid certificate is refused, and named";

    public override async Task PlayAsync(Stage stage, ChapterReport report, CancellationToken cancellationToken)
    {
        var intruder = stage.Fleet[ChildSpec.Intruder];
        var before = Answers(intruder).Count;
        intruder.Tell(ParentLine.Attack);
        await intruder.Messages.FirstAsync(_ => Answers(intruder).Count >= before + Targets, "the intruder's calls to end", Stage.Patience, cancellationToken);

        var answers = Answers(intruder).Skip(before).ToList();
        report.Figure("answers", answers.ToDictionary(answer => answer.Target, answer => answer.Status));
        foreach (var answer in answers)
        {
            report.Say($"{answer.Target}: {answer.Status} {answer.Detail}");
            report.Check(answer.Status == StatusCodes.Status403Forbidden, $"The intruder's '{answer.Target}' got {answer.Status} ({answer.Detail}); it should get 403.");
        }

        var named = stage.Fleet.Members.SelectMany(member => member.LogLines.ToList()
            .Where(line => member != intruder && line.Contains(IntruderId, StringComparison.Ordinal)).Select(line => (member.Instance, line))).ToList();
        report.Figure("logLinesThatNameIt", named.Count);
        report.Check(named.Count >= Targets, $"{named.Count} log lines name {IntruderId}; each of its {Targets} calls should leave one.");
        if (named is [var first, ..])
        {
            report.Say($"log of {first.Instance}: {first.line}");
        }
    }

    private static List<IntruderAnswered> Answers(ChildProcess intruder) => [.. intruder.Messages.ToList().OfType<IntruderAnswered>()];
}
