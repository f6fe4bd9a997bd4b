using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.ControlPlane.Tests.Store;

public sealed class ManifestStoreTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-store-");
    private readonly IOptions<MeshControlPlaneOptions> _options;

    public ManifestStoreTests()
        => _options = Options.Create(new MeshControlPlaneOptions
        {
            ManifestFolder = _folder.CreateSubdirectory("manifests").FullName,
            StateFolder = Path.Combine(_folder.FullName, "state"),
        });

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Files_of_the_folder_are_in_force_as_revision_one()
    {
        Write("a.yaml", Service("catalog"));
        Write("sub/b.yml", Service("pricing"));
        Write("readme.md", "nothing");

        var revision = Open(static store => store.Current);

        Assert.Equal(1, revision.Number);
        Assert.Equal(["catalog", "pricing"], Names(revision));
    }

    [Fact]
    public async Task Bad_file_keeps_its_last_good_version_while_others_change()
    {
        Write("a.yaml", Service("catalog"));
        Write("b.yaml", Service("pricing"));
        using var state = new StateFolder(_options);
        using var store = Open(state);

        Write("a.yaml", "kind: [");
        Write("b.yaml", Service("search"));
        await store.RefreshAsync(TestEnd);

        Assert.Equal(["catalog", "search"], Names(store.Current));
        Assert.Equal(2, store.Current.Number);
        Assert.All(store.Current.Errors, static error => Assert.Equal("a.yaml", error.File));
        Assert.NotEmpty(store.Current.Errors);

        Write("a.yaml", Service("orders"));
        await store.RefreshAsync(TestEnd);
        Assert.Equal(["orders", "search"], Names(store.Current));
        Assert.Empty(store.Current.Errors);
    }

    [Fact]
    public async Task Look_at_an_unchanged_folder_makes_no_revision()
    {
        Write("a.yaml", Service("catalog"));
        using var state = new StateFolder(_options);
        using var store = Open(state);
        store.Changed += static () => Assert.Fail("nothing changed");

        await store.RefreshAsync(TestEnd);
        await store.RefreshAsync(TestEnd);

        Assert.Equal(1, store.Current.Number);
    }

    [Fact]
    public void Start_with_a_bad_folder_serves_the_last_good_revision()
    {
        Write("a.yaml", Service("catalog"));
        Assert.Equal(1, Open(static store => store.Current).Number);
        Write("a.yaml", "not: a manifest");

        var revision = Open(static store => store.Current);

        Assert.Equal(1, revision.Number);
        Assert.Equal(["catalog"], Names(revision));
        Assert.NotEmpty(revision.Errors);
    }

    [Fact]
    public void Numbers_go_on_after_a_restart()
    {
        Write("a.yaml", Service("catalog"));
        Assert.Equal(1, Open(static store => store.Current).Number);
        Write("a.yaml", Service("pricing"));

        Assert.Equal(2, Open(static store => store.Current).Number);
    }

    [Fact]
    public async Task Bad_apply_changes_nothing_and_tells_every_mistake()
    {
        Write("a.yaml", Service("catalog"));
        using var state = new StateFolder(_options);
        using var store = Open(state);

        var errors = await store.ApplyAsync([new ManifestFile("b.yaml", "kind: Foo"), new ManifestFile("c.yaml", "also: bad")], TestEnd);

        Assert.Equal(["b.yaml", "c.yaml"], errors.Select(static error => error.File).Distinct().Order());
        Assert.Equal(1, store.Current.Number);
        Assert.False(File.Exists(Path.Combine(_options.Value.ManifestFolder, "b.yaml")));
    }

    [Fact]
    public async Task Apply_and_delete_are_revisions_that_the_folder_has_too()
    {
        using var state = new StateFolder(_options);
        using var store = Open(state);

        Assert.Empty(await store.ApplyAsync([new ManifestFile("b.yaml", Service("pricing"))], TestEnd));
        Assert.Equal(["pricing"], Names(store.Current));
        Assert.True(File.Exists(Path.Combine(_options.Value.ManifestFolder, "b.yaml")));

        Assert.Empty((await store.DeleteAsync("b.yaml", TestEnd))!.Value);
        Assert.Empty(Names(store.Current));
        Assert.Null(await store.DeleteAsync("b.yaml", TestEnd));
        Assert.Equal(2, store.Current.Number);
        Assert.Equal([2, 1], (await store.RevisionsAsync(TestEnd)).Select(static revision => revision.Number));
    }

    [Theory]
    [InlineData("../a.yaml")]
    [InlineData("/etc/a.yaml")]
    [InlineData("a/../../b.yaml")]
    [InlineData(".hidden.yaml")]
    [InlineData("a.txt")]
    [InlineData("a b.yaml")]
    [InlineData("")]
    public void Name_that_leads_out_of_the_folder_is_none(string name) => Assert.False(ManifestFolder.IsFileName(name));

    [Fact]
    public void Missing_manifest_folder_is_one_clear_error()
    {
        _options.Value.ManifestFolder = Path.Combine(_folder.FullName, "nowhere");

        var error = Assert.Throws<MeshControlPlaneException>(() => Open(static store => store.Current));

        Assert.Contains("nowhere", error.Message, StringComparison.Ordinal);
        Assert.Contains("--manifests", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void State_folder_belongs_to_one_control_plane_at_a_time()
    {
        using var first = new StateFolder(_options);

        var error = Assert.Throws<MeshControlPlaneException>(() => new StateFolder(_options));

        Assert.Contains("in use by another control plane", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void State_folder_that_cannot_be_made_is_one_clear_error()
    {
        File.WriteAllText(_options.Value.StateFolder, "a file stands in its place");

        var error = Assert.Throws<MeshControlPlaneException>(() => new StateFolder(_options));

        Assert.Contains("--state", error.Message, StringComparison.Ordinal);
    }

    private static string Service(string name) => $"apiVersion: v1\nkind: Service\nmetadata: {{ name: {name}, namespace: shop }}\nspec: {{ ports: [{{ name: http, port: 80 }}] }}\n";

    private static IEnumerable<string> Names(ManifestRevision revision) => revision.Manifests.Services.Select(static service => service.Name).Order();

    private T Open<T>(Func<ManifestStore, T> use)
    {
        using var state = new StateFolder(_options);
        using var store = Open(state);
        return use(store);
    }

    private ManifestStore Open(StateFolder state) => new(_options, state, TimeProvider.System, NullLogger<ManifestStore>.Instance);

    private void Write(string name, string text)
    {
        var path = Path.Combine(_options.Value.ManifestFolder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
