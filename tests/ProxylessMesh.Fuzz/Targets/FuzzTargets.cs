using System.Text;

namespace ProxylessMesh.Fuzz;

/// <summary>Every decoder of outside bytes. One that is not here is not fuzzed: a new door gets its line.</summary>
internal static class FuzzTargets
{
    /// <summary>All of them, in the order of the layers.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        .. IdentityTargets.All,
        .. DocumentTargets.All,
        .. StateTargets.All,
        .. ManifestTargets.All,
        .. XdsTargets.All,
        .. WireTargets.All,
        .. EndUserTargets.All,
    ];

    /// <summary>Text that a program on the wire would make of these bytes.</summary>
    public static string Text(byte[] bytes) => Encoding.UTF8.GetString(bytes);

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static IReadOnlyList<byte[]> Words(params string[] words) => [.. words.Select(Bytes)];

    /// <summary>A call whose documented refusal is this exception.</summary>
    public static bool Takes<TRefusal>(Action decode)
        where TRefusal : Exception
    {
        try
        {
            decode();
            return true;
        }
        catch (TRefusal)
        {
            return false;
        }
    }

    public static void Must(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new FindingException(otherwise);
        }
    }
}
