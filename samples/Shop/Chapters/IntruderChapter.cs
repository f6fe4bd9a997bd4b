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

        await CheckLogsAsync(stage, report, cancellationToken);
    }

    /// <summary>Each service that it called has a process whose log names it. A process that refuses many calls does not write a line for each.</summary>
    private static async Task CheckLogsAsync(Stage stage, ChapterReport report, CancellationToken cancellationToken)
    {
        foreach (var service in new[] { "catalog", "pricing" })
        {
            await stage.WaitUntilAsync(() => LinesThatNameIt(stage, service).Count > 0, $"a line in the log of '{service}' that names {IntruderId}", cancellationToken);
            var lines = LinesThatNameIt(stage, service);
            report.Figure($"namedInLogOf {service}", lines.Count);
            report.Say($"log of {lines[0].Instance}: {lines[0].Line}");
        }
    }

    private static List<(string Instance, string Line)> LinesThatNameIt(Stage stage, string service) =>
    [
        .. stage.Fleet.Members.Where(member => member.Spec.Service == service).SelectMany(member => member.LogLines.ToList()
            .Where(line => line.Contains(IntruderId, StringComparison.Ordinal)).Select(line => (member.Instance, line))),
    ];

    private static List<IntruderAnswered> Answers(ChildProcess intruder) => [.. intruder.Messages.ToList().OfType<IntruderAnswered>()];
}
