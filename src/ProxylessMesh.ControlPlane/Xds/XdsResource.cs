using System.Security.Cryptography;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>One resource, serialized once; the same bytes go to everyone who subscribes.</summary>
internal sealed class XdsResource
{
    private const string TypeUrlPrefix = "type.googleapis.com/";

    private XdsResource(string name, string typeUrl, ByteString bytes)
    {
        Name = name;
        Any = new Any { TypeUrl = typeUrl, Value = bytes };
        Version = Convert.ToHexStringLower(SHA256.HashData(bytes.Span).AsSpan(0, 10));
        Versioned = new Resource { Name = name, Version = Version, Resource_ = Any };
    }

    public string Name { get; }

    public string TypeUrl => Any.TypeUrl;

    /// <summary>A hash of the content: replicas and restarts of the control plane agree on it.</summary>
    public string Version { get; }

    /// <summary>The serialized message.</summary>
    public ByteString Bytes => Any.Value;

    /// <summary>The message as it stands in a response. Shared: never change it.</summary>
    public Any Any { get; }

    /// <summary>The same with its name and version, as it stands in a delta response. Shared: never change it.</summary>
    public Resource Versioned { get; }

    /// <summary>Serializes a message. Maps are written in the order of their keys, so that equal messages have equal versions.</summary>
    public static XdsResource Create(string name, IMessage message)
    {
        var size = message.CalculateSize();
        var buffer = new byte[size];
        using (var output = new CodedOutputStream(buffer) { Deterministic = true })
        {
            message.WriteTo(output);
        }

        return new XdsResource(name, TypeUrlPrefix + message.Descriptor.FullName, UnsafeByteOperations.UnsafeWrap(buffer));
    }
}
