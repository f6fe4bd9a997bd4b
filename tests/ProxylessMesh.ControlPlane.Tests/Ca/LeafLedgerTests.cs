using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Store;

namespace ProxylessMesh.ControlPlane.Tests.Ca;

public sealed class LeafLedgerTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly StateFolder _state;

    public LeafLedgerTests() => _state = new StateFolder(Options.Create(new MeshControlPlaneOptions { StateFolder = _folder.Path }));

    public void Dispose()
    {
        _state.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Renewal_takes_the_place_of_what_it_renews_also_when_its_answer_was_lost_and_after_a_restart()
    {
        using (var ledger = Open())
        {
            ledger.Add(Leaf("1"));
            ledger.Add(Leaf("2", renews: "1"));
            ledger.Add(Leaf("3", renews: "1"));
            ledger.Add(Leaf("9"));
        }

        using var again = Open();
        Assert.Equal(["3", "9"], again.InUse().Select(static leaf => leaf.Serial).Order());
        Assert.Equal("3", again.FindLast("1")!.Serial);
        Assert.NotNull(again.Find("1"));
    }

    [Fact]
    public void Expired_is_neither_in_use_nor_found()
    {
        using var ledger = Open();
        ledger.Add(Leaf("1"));

        _time.Advance(TimeSpan.FromHours(1));

        Assert.Empty(ledger.InUse());
        Assert.Null(ledger.Find("1"));
        Assert.False(ledger.HasToken("t1"));
    }

    [Fact]
    public void Holder_that_left_in_order_does_not_count_until_it_is_back()
    {
        using (var ledger = Open())
        {
            ledger.Add(Leaf("1"));
            ledger.Add(Leaf("2", renews: "1"));
            ledger.NoteHolder("1", hasLeft: true);
            Assert.Empty(ledger.InUse());
        }

        using var again = Open();
        Assert.Empty(again.InUse());
        again.NoteHolder("2", hasLeft: false);
        Assert.Equal("2", Assert.Single(again.InUse()).Serial);
    }

    [Fact]
    public void Line_torn_by_a_crash_costs_that_line_alone()
    {
        using (var ledger = Open())
        {
            ledger.Add(Leaf("1"));
        }

        File.AppendAllText(_folder.File("leaves.jsonl"), "\n{\"Serial\":\"2\",\"Id\":\"spif");
        using (var ledger = Open())
        {
            ledger.Add(Leaf("3"));
        }

        using var again = Open();
        Assert.Equal(["1", "3"], again.InUse().Select(static leaf => leaf.Serial).Order());
    }

    [Fact]
    public void Journal_stays_small_while_certificates_come_and_go()
    {
        using var ledger = Open();
        for (var serial = 0; serial < 3000; serial++)
        {
            ledger.Add(Leaf($"{serial}"));
            _time.Advance(TimeSpan.FromMinutes(30));
        }

        Assert.InRange(File.ReadLines(_folder.File("leaves.jsonl")).Count(), 1, 1100);
        Assert.Single(ledger.InUse());
    }

    [Fact]
    public void Audit_log_turns_its_files_and_keeps_a_number_of_them()
    {
        using var audit = new AuditLog(_state, _time, NullLogger<AuditLog>.Instance) { MaxBytes = 500 };
        for (var number = 0; number < 200; number++)
        {
            audit.Write(audit.Now("issued") with { Serial = $"serial-{number}" });
        }

        var files = Directory.EnumerateFiles(_folder.Path, "audit*").ToList();
        Assert.Equal(AuditLog.KeptFiles + 1, files.Count);
        Assert.All(files, static file => Assert.InRange(new FileInfo(file).Length, 1, 500));
        using var newest = new StreamReader(new FileStream(_folder.File("audit.jsonl"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        Assert.Contains("serial-199", newest.ReadToEnd(), StringComparison.Ordinal);
        Assert.DoesNotContain("serial-199", File.ReadAllText(_folder.File("audit.1.jsonl")), StringComparison.Ordinal);
    }

    private LeafLedger Open() => new(_state, _time, NullLogger<LeafLedger>.Instance);

    private LeafRecord Leaf(string serial, string renews = "") => new()
    {
        Serial = serial,
        Id = "spiffe://mesh.local/ns/shop/sa/catalog",
        ExpiresAt = _time.GetUtcNow().AddHours(1),
        Authority = "a",
        NewestRoot = "r",
        Token = $"t{serial}",
        Renews = renews,
    };
}
