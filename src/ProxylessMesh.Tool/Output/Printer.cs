using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.Tool.Commands;
using Spectre.Console;

namespace ProxylessMesh.Tool.Output;

/// <summary>Prints answers: tables for people, JSON or YAML for programs, mistakes one a line in the form that editors link.</summary>
internal static class Printer
{
    // Spectre takes 80 columns where there is no terminal and would break lines that scripts search.
    private static readonly IAnsiConsole Out = Create();

    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Prints an answer for programs.</summary>
    public static void Data<T>(T value, JsonTypeInfo<T> type, OutputFormat format)
        => Console.Out.WriteLine(format == OutputFormat.Yaml ? YamlText.Of(JsonSerializer.SerializeToNode(value, type)) : JsonSerializer.Serialize(value, type));

    /// <summary>Prints an answer; people get it as programs that read YAML do.</summary>
    public static void Data(JsonNode value, OutputFormat format)
        => Console.Out.WriteLine(format == OutputFormat.Json ? value.ToJsonString(Plain) : YamlText.Of(value));

    public static void Table(string title, string[] columns, IEnumerable<string[]> rows)
    {
        var table = new Table().Title(Markup.Escape(title)).Border(TableBorder.Rounded).AddColumns([.. columns.Select(Markup.Escape)]);
        foreach (var row in rows)
        {
            table.AddRow([.. row.Select(Markup.Escape)]);
        }

        if (table.Rows.Count == 0)
        {
            Out.MarkupLine($"[grey]{Markup.Escape(title)}: none[/]");
            return;
        }

        Out.Write(table);
    }

    public static void Line(string text) => Console.Out.WriteLine(text);

    public static void Errors(IEnumerable<ManifestErrorAnswer> errors)
    {
        foreach (var error in errors)
        {
            Console.Error.WriteLine(error.Message);
        }
    }

    private static IAnsiConsole Create()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings());
        if (Console.IsOutputRedirected)
        {
            console.Profile.Width = 400;
        }

        return console;
    }
}
