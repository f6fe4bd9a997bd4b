namespace ProxylessMesh.Manifests.Tests;

/// <summary>Short ways to read text and to say what is expected of it.</summary>
internal static class ReadManifests
{
    public const string File = "shop.yaml";

    /// <summary>A document of namespace <c>shop</c> with this content under <c>spec</c>, which begins in line 7, column 3.</summary>
    public static string Document(ManifestKind kind, string name, string spec)
    {
        var indented = string.Join('\n', spec.TrimEnd().Split('\n').Select(line => "  " + line));
        return $"apiVersion: {kind.ApiVersion}\nkind: {kind.Name}\nmetadata:\n  name: {name}\n  namespace: shop\nspec:\n{indented}\n";
    }

    public static ManifestReading Read(params string[] documents) => ManifestReader.Read(string.Join("---\n", documents), File);

    /// <summary>The only manifest of a text that has no mistakes.</summary>
    public static T Valid<T>(string text)
        where T : Manifest
    {
        var reading = Read(text);
        Assert.Empty(reading.Errors);
        return Assert.IsType<T>(Assert.Single(reading.Manifests.All));
    }

    /// <summary>The only mistake of a text that has one; the manifest is not taken.</summary>
    public static ManifestError Invalid(string text)
    {
        var reading = Read(text);
        Assert.Empty(reading.Manifests.All);
        return Assert.Single(reading.Errors);
    }

    /// <summary>The mistake is at this place and says at least this.</summary>
    public static void Is(this ManifestError error, int line, int column, string field, string problem, string cure)
    {
        Assert.Equal((line, column, field), (error.Line, error.Column, error.Field));
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
        Assert.Contains(cure, error.Cure, StringComparison.Ordinal);
    }
}
