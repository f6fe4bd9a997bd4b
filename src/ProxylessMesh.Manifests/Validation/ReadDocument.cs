using System.Globalization;
using ProxylessMesh.Manifests.Reading;

namespace ProxylessMesh.Manifests.Validation;

/// <summary>A manifest together with the document it was read from, so that what is found later still has its place.</summary>
internal sealed class ReadDocument(Manifest manifest, MapNode root, string file)
{
    public Manifest Manifest { get; private set; } = manifest;

    /// <summary>When a Kubernetes API server took it; null: it was read from a file that a person wrote.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    public string File { get; } = file;

    public MapNode Root { get; } = root;

    /// <summary>No error so far.</summary>
    public bool IsValid { get; set; } = true;

    /// <summary>Gives it its place among all: the lower number is the older.</summary>
    public void PlaceAt(int order) => Manifest = Manifest with { Order = order };

    /// <summary>A mistake at the value of <paramref name="path"/>, such as <c>spec.http[0].route[1].destination.subset</c>.</summary>
    public ManifestError Finding(string path, string problem, string cure, ManifestErrorSeverity severity = ManifestErrorSeverity.Error)
    {
        if (severity == ManifestErrorSeverity.Error)
        {
            IsValid = false;
        }

        var node = Find(path);
        return new ManifestError
        {
            File = File,
            Line = node.At.Line,
            Column = node.At.Column,
            Subject = Manifest.DisplayName,
            Field = path,
            Value = node is ScalarNode scalar ? ReadingErrors.Show(scalar.Text) : null,
            Problem = problem,
            Cure = cure,
            Severity = severity,
        };
    }

    // As deep as the path leads: a value that is a default is not written.
    private YamlNode Find(string path)
    {
        YamlNode node = Root;
        foreach (var step in path.Split('.', '['))
        {
            var next = node switch
            {
                MapNode map => map.Entries.FirstOrDefault(entry => entry.Key == step).Value,
                ListNode list when int.TryParse(step.TrimEnd(']'), NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < list.Items.Length => list.Items[index],
                _ => null,
            };
            if (next is null)
            {
                break;
            }

            node = next;
        }

        return node;
    }
}
