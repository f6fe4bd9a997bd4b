namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Istio's <c>Percent</c>: <c>{ value: 0.5 }</c>.</summary>
internal static class Percentages
{
    // A millionth is the smallest share that the wire can say.
    private const double Smallest = 0.0001;

    /// <summary>0-100; null where the field is not written.</summary>
    public static double? Read(YamlMap owner, string key)
    {
        if (owner.Map(key) is not { } map)
        {
            return null;
        }

        // An empty Percent is one of 0, as everywhere in proto3.
        var field = map.Field("value");
        var value = field?.Number(0, 100) ?? 0;
        if (value is > 0 and < Smallest)
        {
            field?.Fail("it is too small to be carried out", "Write 0, or a number from 0.0001 to 100");
        }

        map.End();
        return value;
    }
}
