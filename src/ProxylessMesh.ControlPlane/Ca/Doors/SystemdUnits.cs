namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary>
/// Finds the system's unit of a process in <c>/proc/PID/cgroup</c>: the first part of the path that is no slice. What lies below it belongs to the
/// unit, and its owner may name it as he likes; so a user's own services are all <c>user@UID.service</c>.
/// </summary>
internal static class SystemdUnits
{
    private const string UnifiedHierarchy = "0::";
    private const string NamedHierarchy = ":name=systemd:";

    public static string? Find(string groups)
    {
        string? unified = null;
        string? named = null;
        foreach (var line in groups.Split('\n'))
        {
            if (line.StartsWith(UnifiedHierarchy, StringComparison.Ordinal))
            {
                unified = line[UnifiedHierarchy.Length..];
            }
            else if (line.IndexOf(NamedHierarchy, StringComparison.Ordinal) is > 0 and var at)
            {
                named = line[(at + NamedHierarchy.Length)..];
            }
        }

        // Version 1 keeps its own hierarchy for systemd; beside it, the unified one may be empty.
        return UnitOf(named ?? unified ?? "");
    }

    private static string? UnitOf(string path)
    {
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            // cg_escape: a name that could be taken for one of the kernel's files begins with '_'.
            var name = part.StartsWith('_') ? part[1..] : part;
            if (name.EndsWith(".slice", StringComparison.Ordinal))
            {
                continue;
            }

            return name.EndsWith(".service", StringComparison.Ordinal) || name.EndsWith(".scope", StringComparison.Ordinal) || name.EndsWith(".socket", StringComparison.Ordinal) ? name : null;
        }

        return null;
    }
}
