using System.Collections.Immutable;
using System.Globalization;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Istio's <c>PeerAuthentication</c>.</summary>
internal static class PeerAuthenticationReader
{
    public static PeerAuthenticationManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'mtls:' and its 'mode:' below it")?.Map() is not { } spec)
        {
            return null;
        }

        var policy = new PeerAuthenticationManifest
        {
            Name = header.Name,
            Selector = Selectors.Read(spec),
            Mode = ReadMode(spec.Map("mtls")),
            PortLevel = ReadPortLevel(spec),
        };
        spec.End();
        return policy;
    }

    private static ImmutableSortedDictionary<int, MtlsMode> ReadPortLevel(YamlMap spec)
    {
        if (spec.Map("portLevelMtls") is not { } ports)
        {
            return ImmutableSortedDictionary<int, MtlsMode>.Empty;
        }

        if (ports.IsEmpty)
        {
            ports.Fail("it names no port", "Write a port with its 'mode' below, or remove the field");
        }

        if (!spec.Has("selector"))
        {
            ports.Fail("it is used without a selector, which Istio ignores", "Add a 'selector' for the workloads that have these ports");
        }

        return ports.FreeFields(PortKey)
            .Where(port => PortKey(port.Key) is null)
            .ToImmutableSortedDictionary(port => int.Parse(port.Key, CultureInfo.InvariantCulture), port => ReadMode(port.Field.Map()));
    }

    private static Mistake? PortKey(string text)
        => PortNumbers.Parse(text) is null ? new("the key is not a port", "Write a number from 1 to 65535") : null;

    private static MtlsMode ReadMode(YamlMap? map)
    {
        var mode = map?.Field("mode")?.Choice<MtlsMode>(
            [("STRICT", MtlsMode.Strict), ("PERMISSIVE", MtlsMode.Permissive), ("DISABLE", MtlsMode.Disable), ("UNSET", MtlsMode.Unset)]);
        map?.End();
        return mode ?? MtlsMode.Unset;
    }
}
