using Envoy.Config.Core.V3;
using Google.Protobuf.Collections;
using ProxylessMesh.Manifests.Kinds;
using AppendAction = Envoy.Config.Core.V3.HeaderValueOption.Types.HeaderAppendAction;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Header changes: what is removed, set and added.</summary>
internal static class HeaderTranslator
{
    public static void Add(HeaderModifier modifier, RepeatedField<HeaderValueOption> toAdd, RepeatedField<string> toRemove)
    {
        toRemove.AddRange(modifier.Remove);
        toAdd.AddRange(modifier.Set.Select(header => Option(header, AppendAction.OverwriteIfExistsOrAdd)));
        toAdd.AddRange(modifier.Add.Select(header => Option(header, AppendAction.AppendIfExistsOrAdd)));
    }

    private static HeaderValueOption Option(ProxylessMesh.Manifests.Kinds.HeaderValue header, AppendAction action) => new()
    {
        Header = new Envoy.Config.Core.V3.HeaderValue { Key = header.Name, Value = header.Value },
        AppendAction = action,
        KeepEmptyValue = header.Value.Length == 0,
    };
}
