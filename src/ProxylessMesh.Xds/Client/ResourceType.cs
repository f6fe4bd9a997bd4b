using System.Collections.Frozen;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Google.Protobuf;
using ProxylessMesh.Protos;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Xds.Client;

/// <summary>One kind of resource: its type URL and how its bytes become a config. Decoding is pure and never throws.</summary>
internal abstract class ResourceType(string typeUrl, string noun, bool absentMeansDeleted)
{
    public static readonly ResourceType Listeners = new ResourceType<Listener>(
        XdsTypeUrls.Listener, "listeners", true, Listener.Parser, static message => message.Name, ListenerDecoder.Decode);

    public static readonly ResourceType Routes = new ResourceType<RouteConfiguration>(
        XdsTypeUrls.RouteConfiguration, "route_configurations", false, RouteConfiguration.Parser, static message => message.Name, RouteDecoder.Decode);

    public static readonly ResourceType Clusters = new ResourceType<Cluster>(
        XdsTypeUrls.Cluster, "clusters", true, Cluster.Parser, static message => message.Name, ClusterDecoder.Decode);

    public static readonly ResourceType Endpoints = new ResourceType<ClusterLoadAssignment>(
        XdsTypeUrls.ClusterLoadAssignment, "endpoints", false, ClusterLoadAssignment.Parser, static message => message.ClusterName, EndpointDecoder.Decode);

    /// <summary>In the order of their dependencies: requests go out in it.</summary>
    public static readonly IReadOnlyList<ResourceType> All = [Listeners, Routes, Clusters, Endpoints];

    public string TypeUrl { get; } = typeUrl;

    /// <summary>What the type is called at the root of a field path.</summary>
    public string Noun { get; } = noun;

    /// <summary>In state of the world: a response has all of them, so one that is not in it is gone (LDS and CDS, gRFC A53).</summary>
    public bool AbsentMeansDeleted { get; } = absentMeansDeleted;

    public static ResourceType? Find(string typeUrl) => All.FirstOrDefault(type => type.TypeUrl == typeUrl);

    /// <summary>The config in <paramref name="bytes"/>, or what is wrong with it. Without a list of certificate providers any name is one.</summary>
    public abstract DecodedResource Decode(ByteString bytes, FrozenSet<string>? certificateProviders);

    public override string ToString() => Noun;
}

/// <summary>A resource that was read: valid with a <paramref name="Config"/>, or refused with an <paramref name="Error"/>.</summary>
/// <param name="Name">As it stands in the resource; empty where the bytes do not parse.</param>
/// <param name="Config">Null where there are errors.</param>
/// <param name="Error">Every mistake with its field path; null where there is none.</param>
internal sealed record DecodedResource(string Name, object? Config, string? Error);

/// <summary>The decoder of one message type.</summary>
internal sealed class ResourceType<TMessage>(
    string typeUrl,
    string noun,
    bool absentMeansDeleted,
    MessageParser<TMessage> parser,
    Func<TMessage, string> nameOf,
    Func<TMessage, DecodeContext, object?> decode)
    : ResourceType(typeUrl, noun, absentMeansDeleted)
    where TMessage : IMessage<TMessage>
{
    public override DecodedResource Decode(ByteString bytes, FrozenSet<string>? certificateProviders)
    {
        if (!WireParser.TryParse(parser, bytes, out var message, out var broken))
        {
            return new DecodedResource("", null, $"{Noun}: does not parse as {TypeUrl}: {broken}");
        }

        var name = nameOf(message);
        var context = new DecodeContext(certificateProviders);
        object? config;
        using (context.Errors.In(Noun, name))
        {
            if (name.Length == 0)
            {
                context.Errors.Add("has no name");
            }

            config = decode(message, context);
        }

        return context.Errors.IsEmpty && config is not null
            ? new DecodedResource(name, config, null)
            : new DecodedResource(name, null, context.Errors.ToString());
    }
}
