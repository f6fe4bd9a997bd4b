using Envoy.Config.Core.V3;
using Google.Protobuf.Collections;
using ProxylessMesh.Manifests.Kinds;
using AppendAction = Envoy.Config.Core.V3.HeaderValueOption.Types.HeaderAppendAction;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Header changes: what is removed, set and added. The authority is none of them.</summary>
internal static class HeaderTranslator
{
    public static void Add(HeaderModifier modifier, RepeatedField<HeaderValueOption> toAdd, RepeatedField<string> toRemove)
    {
        toRemove.AddRange(modifier.Remove);
        toAdd.AddRange(modifier.Set.Where(header => !header.IsAuthority).Select(header => Option(header, AppendAction.OverwriteIfExistsOrAdd)));
        toAdd.AddRange(modifier.Add.Where(header => !header.IsAuthority).Select(header => Option(header, AppendAction.AppendIfExistsOrAdd)));
    }

    /// <summary>The authority among the headers: clients take it as a rewrite of the host only. Null: there is none.</summary>
    public static string? Authority(HeaderModifier modifier)
        => modifier.Set.Concat(modifier.Add).FirstOrDefault(header => header.IsAuthority && header.Value.Length > 0)?.Value;

    private static HeaderValueOption Option(ProxylessMesh.Manifests.Kinds.HeaderValue header, AppendAction action) => new()
    {
        Header = new Envoy.Config.Core.V3.HeaderValue { Key = header.Name, Value = Escaped(header.Value) },
        AppendAction = action,
        KeepEmptyValue = header.Value.Length == 0,
    };

    // On the wire a percent sign begins a variable, and two of them are one.
    private static string Escaped(string value) => value.Replace("%", "%%", StringComparison.Ordinal);
}
