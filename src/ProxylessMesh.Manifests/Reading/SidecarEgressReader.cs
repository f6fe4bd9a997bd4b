using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>egress</c> of a Sidecar: which hosts may be seen.</summary>
internal static class SidecarEgressReader
{
    private const char Excluded = '~';
    private const string Any = "*";

    public static ImmutableArray<SidecarEgress> Read(YamlMap spec, string ownNamespace)
    {
        var entries = spec.List("egress", entry => ReadEntry(entry, ownNamespace));
        for (var i = 0; i < entries.Length - 1; i++)
        {
            if (entries[i].Port is null)
            {
                At(spec, i).Fail("an entry without a port stands before others", "Put it last; there can be one");
            }
        }

        foreach (var twice in entries.Select((entry, index) => (entry.Port, index)).Where(entry => entry.Port > 0).GroupBy(entry => entry.Port).Where(same => same.Count() > 1))
        {
            At(spec, twice.Last().index).Fail($"port {twice.Key} has an entry already", "Put the hosts of both into one");
        }

        return entries;
    }

    private static YamlField At(YamlMap spec, int index) => spec.Field("egress")!.Value.Items().ElementAt(index);

    private static SidecarEgress ReadEntry(YamlMap map, string ownNamespace)
    {
        var port = map.Map("port") is { } field ? SidecarPorts.Read(field, isSocket: IsSocket(map)) : (int?)null;
        SidecarPorts.CheckBind(map, mayBeSocket: port == 0);
        map.Field("captureMode")?.Choice<int>([("DEFAULT", 0), ("IPTABLES", 1), ("NONE", 2)]);
        if (map.Field("hosts") is null or { Node: ListNode { Items.IsEmpty: true } })
        {
            map.Fail("it names no hosts", "Write 'hosts:' with entries such as 'shop/*'");
        }

        var texts = map.Texts("hosts", Host);
        WarnOfMore(map, texts, ownNamespace);
        map.End();
        return new SidecarEgress(port, [.. texts.Select(text => Parse(text, ownNamespace))]);
    }

    private static bool IsSocket(YamlMap map)
        => map.Node.Entries.Any(entry => entry is { Key: "bind", Value: ScalarNode scalar } && scalar.Text.StartsWith(SidecarPorts.Socket, StringComparison.Ordinal));

    private static EgressHost Parse(string text, string ownNamespace)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var isExcluded = text[0] == Excluded;
        var ns = text[(isExcluded ? 1 : 0)..slash];
        return new EgressHost(ns switch { "." => ownNamespace, "" => Any, _ => ns }, HostNames.Resolve(text[(slash + 1)..], ownNamespace), isExcluded);
    }

    private static Mistake? Host(string text)
    {
        var parts = text.Split('/', 2);
        if (parts is not [{ Length: > 0 } ns, { Length: > 0 } host])
        {
            return new("it is not namespace and host", "Write 'shop/catalog.shop.svc.cluster.local', 'shop/*', './*' or '*/*'");
        }

        // '~/host' leaves a host out of every namespace, '~shop/*' the hosts of one.
        var name = ns[0] == Excluded ? ns[1..] : ns;
        if (name is not ("" or Any or ".") && TextRules.DnsLabel(name) is not null)
        {
            return new($"'{ReadingErrors.Show(name)}' is no namespace", "Write a namespace, '.' for this one or '*' for any; before it '~' to leave out");
        }

        if (host == Any)
        {
            return null;
        }

        if (!host.Contains('.', StringComparison.Ordinal))
        {
            return new("short names are not taken here", "Write the full name, such as 'catalog.shop.svc.cluster.local'");
        }

        return host.StartsWith('*') && !host.StartsWith("*.", StringComparison.Ordinal)
            ? new("the '*' stands before a part of a name", "Write '*.suffix' or '*'")
            : TextRules.HostPattern(host);
    }

    private static void WarnOfMore(YamlMap map, ImmutableArray<string> texts, string ownNamespace)
    {
        var hosts = texts.Select(text => Parse(text, ownNamespace)).Where(host => !host.IsExcluded).ToList();
        var isMore = hosts.Count > 1 && (hosts.Contains(new EgressHost(Any, Any, IsExcluded: false)) || hosts.Any(wide => wide.Host == Any && hosts.Any(other => other != wide && other.Namespace == wide.Namespace)))
            || hosts.Distinct().Count() < hosts.Count;
        if (isMore)
        {
            map.Field("hosts")?.Warn("one of the entries says what another says already", "Keep the wider one");
        }
    }
}
