using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Tool.Checks;

/// <summary>
/// The <c>policies</c> and the <c>workload</c> of a case. A mesh here has one name for its root namespace, so that of the case
/// (<c>rootNamespace</c>) is exchanged with it; a policy whose name Kubernetes would refuse gets a stand-in.
/// </summary>
internal sealed class CasePolicies
{
    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-.");

    // Where Istio is installed, if a case does not say it and does not speak of ours.
    private const string IstioRoot = "istio-system";

    private readonly string _root;
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);

    /// <exception cref="FormatException">A policy is not valid.</exception>
    public CasePolicies(JsonElement testCase)
    {
        _root = testCase.OptionalText("rootNamespace") ?? (testCase.Required("policies").GetRawText().Contains($"\"{HostNames.RootNamespace}\"", StringComparison.Ordinal) ? HostNames.RootNamespace : IstioRoot);
        var files = testCase.Required("policies").EnumerateArray()
            .Select((policy, index) => new ManifestFile($"policies[{index.ToString("D6", CultureInfo.InvariantCulture)}]", Adapt(policy, index)));
        var reading = ManifestReader.Read(files);
        if (!reading.IsValid)
        {
            throw new FormatException("The policies are not valid: " + string.Join(" ", reading.Errors.Select(static error => error.ToString())));
        }

        Manifests = reading.Manifests;
    }

    public ManifestSet Manifests { get; }

    /// <summary>The workload that the case asks about.</summary>
    /// <exception cref="FormatException">It has no namespace.</exception>
    public Workload Workload(JsonElement testCase)
    {
        var workload = testCase.Required("workload");
        var ns = Exchange(workload.Text("namespace"));
        var account = workload.OptionalText("serviceAccount") ?? "default";
        var labels = workload.TryGetProperty("labels", out var given) && given.ValueKind == JsonValueKind.Object
            ? given.EnumerateObject().ToFrozenDictionary(static label => label.Name, static label => label.Value.GetString() ?? "")
            : FrozenDictionary<string, string>.Empty;
        return new Workload
        {
            InstanceId = "case",
            Id = SpiffeId.ForServiceAccount(TrustDomain.Parse(workload.OptionalText("trustDomain") ?? "cluster.local"), ns, account),
            Service = labels.GetValueOrDefault("app") ?? "case",
            Namespace = ns,
            ServiceAccount = account,
            Labels = labels,
            Addresses = [IPAddress.Loopback],
        };
    }

    /// <summary>The identity of the case's <c>source</c>, its namespace exchanged as those of policies are; null: it has none.</summary>
    public string? Principal(JsonElement source)
    {
        if (source.OptionalText("principal") is not { } principal)
        {
            return null;
        }

        var parts = principal.Split('/');
        if (parts is [_, "ns", var ns, ..])
        {
            parts[2] = Exchange(ns);
        }

        return "spiffe://" + string.Join('/', parts);
    }

    /// <summary><c>namespace/name</c> as the case has them.</summary>
    public string NameOf(Manifest policy) => $"{Exchange(policy.Namespace)}/{_names.GetValueOrDefault(policy.Name, policy.Name)}";

    private string Adapt(JsonElement policy, int index)
    {
        var adapted = JsonNode.Parse(policy.GetRawText())!;
        if (adapted["metadata"] is JsonObject metadata)
        {
            if (metadata["namespace"]?.GetValue<string>() is { } ns)
            {
                metadata["namespace"] = Exchange(ns);
            }

            if (metadata["name"]?.GetValue<string>() is { } name && name.AsSpan().ContainsAnyExcept(NameCharacters))
            {
                var standIn = string.Create(CultureInfo.InvariantCulture, $"policy-{index}");
                _names[standIn] = name;
                metadata["name"] = standIn;
            }
        }

        return adapted.ToJsonString();
    }

    // Its own inverse, so no other namespace of the case becomes the root by chance.
    private string Exchange(string ns) => ns == _root ? HostNames.RootNamespace : ns == HostNames.RootNamespace ? _root : ns;
}
