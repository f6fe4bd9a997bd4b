using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.ControlPlane.Xds;

namespace ProxylessMesh.ControlPlane.Tests.Xds;

/// <summary>Snapshots whose resources hold nothing but a text: what the sessions do does not depend on the content.</summary>
internal static class Snapshots
{
    public static readonly ResourceLookup Lookup = static (snapshot, typeUrl, name) => snapshot.TryGet(typeUrl, name, out var resource) ? resource : null;

    public static readonly AdsNode Node = new("node-1", null, "default", "test");

    public static XdsSnapshot Of(long number, string listeners = "", string routes = "", string clusters = "", string endpoints = "") => new()
    {
        Number = number,
        Revision = number,
        Listeners = Resources(listeners),
        Routes = Resources(routes),
        Clusters = Resources(clusters),
        Endpoints = Resources(endpoints),
    };

    /// <summary><c>a=1 b=2</c>: the resource a with the content 1, and b with 2.</summary>
    private static Dictionary<string, XdsResource> Resources(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        .Select(static pair => pair.Split('='))
        .ToDictionary(static pair => pair[0], static pair => XdsResource.Create(pair[0], new StringValue { Value = pair[1] }));
}
