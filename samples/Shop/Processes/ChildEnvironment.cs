using System.Globalization;

namespace Shop.Processes;

/// <summary>
/// The settings of each process, as environment variables: the <c>Mesh</c> section of an ordinary application. Secrets are not among them:
/// a join token is a file.
/// </summary>
internal sealed class ChildEnvironment(RunFolder folder)
{
    public const string Namespace = "shop";

    /// <summary>Everyone who joins: the services, the intruder, and the customers, who are the show itself.</summary>
    public static readonly IReadOnlyList<string> ServiceAccounts = ["storefront", "catalog", "pricing", "intruder", Customers];

    /// <summary>The service account of the load.</summary>
    public const string Customers = "load";

    private readonly Dictionary<string, string> _advertised = [];

    public Uri ControlPlane { get; } = new(string.Create(CultureInfo.InvariantCulture, $"https://127.0.0.1:{LoopbackPorts.Free()}"));

    public void Advertise(ChildSpec spec, Uri address) => _advertised[spec.Name] = address.Authority;

    public string TokenFile(string serviceAccount) => Path.Combine(folder.Tokens, serviceAccount);

    /// <summary>What a process keeps for a start without the control plane.</summary>
    public string StateFolder(ChildSpec spec) => Path.Combine(folder.State, spec.Name);

    public IReadOnlyDictionary<string, string> For(ChildSpec spec, string instance, int port)
    {
        var environment = new Dictionary<string, string>
        {
            ["DOTNET_ENVIRONMENT"] = "Production",
            ["ASPNETCORE_ENVIRONMENT"] = "Production",
            ["ASPNETCORE_URLS"] = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"),
            ["Shop__Instance"] = instance,
        };
        AddTo(environment, spec == ChildSpec.ControlPlane ? ControlPlaneSettings() : MemberSettings(spec));
        return environment;
    }

    private static void AddTo(Dictionary<string, string> environment, IEnumerable<(string Name, string Value)> settings)
    {
        foreach (var (name, value) in settings)
        {
            environment[name] = value;
        }
    }

    private IEnumerable<(string Name, string Value)> ControlPlaneSettings() =>
    [
        ("MeshControlPlane__Listen", ControlPlane.Authority),
        ("MeshControlPlane__ManifestFolder", folder.Manifests),
        ("MeshControlPlane__StateFolder", Path.Combine(folder.State, "control-plane")),

        // The shortest there is: everybody's certificate rotates during the show.
        ("MeshControlPlane__SvidLifetime", "00:01:00"),
        ("Shop__Tokens", folder.Tokens),
    ];

    private IEnumerable<(string Name, string Value)> MemberSettings(ChildSpec spec)
    {
        yield return ("Mesh__Service", spec.Service);
        yield return ("Mesh__Namespace", Namespace);
        yield return ("Mesh__Version", spec.Version);
        yield return ("Mesh__ControlPlane", ControlPlane.ToString());
        yield return ("Mesh__JoinTokenFile", TokenFile(spec.Service));
        yield return ("Mesh__State__Folder", StateFolder(spec));
        yield return ("Mesh__State__SealIdentity", "true");
        yield return ("Mesh__Inbound__DrainTimeout", "00:00:05");
        if (_advertised.TryGetValue(spec.Name, out var address))
        {
            yield return ("Mesh__Inbound__AdvertisedAddress", address);
        }
    }
}
