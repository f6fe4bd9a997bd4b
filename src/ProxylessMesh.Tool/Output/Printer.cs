using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ProxylessMesh.ControlPlane.Admin;
using Spectre.Console;

namespace ProxylessMesh.Tool.Output;

/// <summary>Prints answers: tables for people, JSON for programs, mistakes one a line in the form that editors link.</summary>
internal static class Printer
{
    // Spectre takes 80 columns where there is no terminal and would break lines that scripts search.
    private static readonly IAnsiConsole Out = Create();

    public static void Json<T>(T value, JsonTypeInfo<T> type) => Console.Out.WriteLine(JsonSerializer.Serialize(value, type));

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
