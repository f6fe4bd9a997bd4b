using System.Collections.Frozen;
using System.Collections.Immutable;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Xds.Client;

/// <summary>A response in either form of ADS, read and decoded, before anything is done with it.</summary>
internal sealed record DiscoveryUpdate
{
    public required string TypeUrl { get; init; }

    /// <summary>Null: a type that nobody here asked for. Acknowledged, and nothing else.</summary>
    public required ResourceType? Type { get; init; }

    public required string Nonce { get; init; }

    public required string Version { get; init; }

    public ImmutableArray<ReceivedResource> Resources { get; init; } = [];

    /// <summary>Delta: names that are gone or never were.</summary>
    public ImmutableArray<string> Removed { get; init; } = [];

    /// <summary>State of the world: what is not here is not there (for types where that holds).</summary>
    public bool IsWhole { get; init; }

    /// <summary>Mistakes of resources whose name is not known.</summary>
    public ImmutableArray<string> NamelessErrors { get; init; } = [];
}

/// <summary>One resource of a response, with its bytes and what they say.</summary>
internal sealed record ReceivedResource(string Name, string Version, ByteString Value, object? Config, string? Error);

/// <summary>Unwraps and decodes the resources of one response.</summary>
internal sealed class ResourceReader(ResourceType? type, string typeUrl, FrozenSet<string> certificateProviders)
{
    private const string WrapperType = "type.googleapis.com/envoy.service.discovery.v3.Resource";

    private readonly Dictionary<string, ReceivedResource> _resources = new(StringComparer.Ordinal);
    private readonly List<string> _nameless = [];

    public ImmutableArray<ReceivedResource> Resources => [.. _resources.Values];

    public ImmutableArray<string> NamelessErrors => [.. _nameless];

    /// <summary>State of the world: the resources as they are, or each in a <c>Resource</c> (gRFC A47's wrapper).</summary>
    public ResourceReader ReadAll(RepeatedField<Any> resources, string version)
    {
        foreach (var any in resources)
        {
            Read("", version, any);
        }

        return this;
    }

    /// <summary>Delta: always wrapped.</summary>
    public ResourceReader ReadAll(RepeatedField<Envoy.Service.Discovery.V3.Resource> resources)
    {
        foreach (var resource in resources)
        {
            Read(resource.Name, resource.Version, resource.Resource_);
        }

        return this;
    }

    private void Read(string name, string version, Any? any)
    {
        if (type is null)
        {
            return;
        }

        if (any?.TypeUrl == WrapperType)
        {
            if (!WireParser.TryParse(Envoy.Service.Discovery.V3.Resource.Parser, any.Value, out var wrapper, out var broken))
            {
                Refuse(name, version, $"{type.Noun}: a Resource does not parse: {broken}");
                return;
            }

            name = wrapper.Name.Length > 0 ? wrapper.Name : name;
            version = wrapper.Version.Length > 0 ? wrapper.Version : version;
            any = wrapper.Resource_;
        }

        if (any?.TypeUrl != typeUrl)
        {
            Refuse(name, version, $"{type.Noun}[{Printable(name)}] is a {Printable(any?.TypeUrl ?? "")} in a response of {typeUrl}");
            return;
        }

        Add(name, version, any.Value, type.Decode(any.Value, certificateProviders));
    }

    private void Add(string wrapperName, string version, ByteString value, DecodedResource decoded)
    {
        var name = wrapperName.Length > 0 ? wrapperName : decoded.Name;
        if (decoded.Config is null || name.Length == 0)
        {
            Refuse(name, version, decoded.Error ?? "");
            return;
        }

        if (!_resources.TryAdd(name, new ReceivedResource(name, version, value, decoded.Config, null)))
        {
            Refuse(name, version, $"{type}[{Printable(name)}] occurs twice in one response");
        }
    }

    private void Refuse(string name, string version, string error)
    {
        if (name.Length == 0)
        {
            _nameless.Add(error);
        }
        else
        {
            _resources[name] = new ReceivedResource(name, version, ByteString.Empty, null, error);
        }
    }

    private static string Printable(string text) => DecodeErrors.Printable(text);
}
