using Microsoft.Extensions.Logging.Abstractions;
using ProxylessMesh.ControlPlane.Store;

namespace ProxylessMesh.ControlPlane.Tests.Store;

public sealed class RevisionLogTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-revisions-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Revision_comes_back_as_it_was()
    {
        Open().Add(Revision(1, "a: ü\n"));

        var read = Open().Latest();

        Assert.Equal(1, read!.Number);
        Assert.Equal([new StoredFile("a.yaml", "a: ü\n")], read.Files);
    }

    [Fact]
    public void Write_that_ends_after_any_byte_leaves_the_revision_before_it()
    {
        Open().Add(Revision(1, "first"));
        Open().Add(Revision(2, "second"));
        var path = Directory.GetFiles(_folder.FullName).Max()!;
        var whole = File.ReadAllBytes(path);

        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);

            Assert.Equal(1, Open().Latest()!.Number);
        }

        File.WriteAllBytes(path, whole);
        Assert.Equal(2, Open().Latest()!.Number);
    }

    [Fact]
    public void Byte_that_rots_is_noticed()
    {
        Open().Add(Revision(1, "first"));
        Open().Add(Revision(2, "second"));
        var path = Directory.GetFiles(_folder.FullName).Max()!;
        var whole = File.ReadAllBytes(path);
        for (var i = 0; i < whole.Length; i++)
        {
            var rotten = (byte[])whole.Clone();
            rotten[i] ^= 0x20;
            File.WriteAllBytes(path, rotten);

            Assert.Equal(1, Open().Latest()!.Number);
        }
    }

    [Fact]
    public void Number_of_a_damaged_revision_is_not_used_again()
    {
        Open().Add(Revision(1, "first"));
        Open().Add(Revision(2, "second"));
        File.WriteAllText(Directory.GetFiles(_folder.FullName).Max()!, "");

        Assert.Equal(3, Open().NextNumber());
    }

    [Fact]
    public void Only_the_last_revisions_are_kept()
    {
        for (var i = 1; i <= 10; i++)
        {
            Open().Add(Revision(i, "text"));
        }

        Assert.Equal([10, 9, 8], Open().All().Select(static revision => revision.Number));
        Assert.Equal(3, _folder.GetFiles().Length);
    }

    [Fact]
    public void Leftovers_of_a_crash_do_not_count()
    {
        Open().Add(Revision(1, "first"));
        File.WriteAllText(Path.Combine(_folder.FullName, "000000000002.revision.0123" + AtomicFile.TemporarySuffix), "half");

        Assert.Equal(1, Open().Latest()!.Number);
        Assert.Equal(2, Open().NextNumber());
    }

    private static StoredRevision Revision(long number, string text) => new(number, DateTimeOffset.UnixEpoch, [new StoredFile("a.yaml", text)]);

    private RevisionLog Open() => new(_folder.FullName, 3, NullLogger.Instance);
}
