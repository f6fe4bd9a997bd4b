namespace ProxylessMesh.Manifests.Tests;

public sealed class SampleManifestsTests
{
    [Fact]
    public void The_manifests_of_the_shop_are_valid_together_with_its_faults()
    {
        var files = Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "shop"), "*.yaml", SearchOption.AllDirectories)
            .Select(static file => new ManifestFile(Path.GetFileName(file), File.ReadAllText(file)))
            .ToList();

        var reading = ManifestReader.Read(files);

        Assert.True(files.Count > 4);
        Assert.Empty(reading.Errors);
    }
}
