using System.Text.Json;

namespace ProxylessMesh.Tool.Checks;

/// <summary>Reads the fields of a case.</summary>
internal static class CaseFields
{
    /// <exception cref="FormatException">It is missing.</exception>
    public static JsonElement Required(this JsonElement testCase, string field)
        => testCase.ValueKind == JsonValueKind.Object && testCase.TryGetProperty(field, out var value) ? value : throw new FormatException($"The case has no field '{field}'.");

    /// <exception cref="FormatException">It is missing or no text.</exception>
    public static string Text(this JsonElement testCase, string field)
        => testCase.Required(field) is { ValueKind: JsonValueKind.String } text ? text.GetString()! : throw new FormatException($"The field '{field}' must be text.");

    /// <summary>Null where it is missing.</summary>
    /// <exception cref="FormatException">It is no text.</exception>
    public static string? OptionalText(this JsonElement testCase, string field)
        => testCase.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null ? testCase.Text(field) : null;
}
