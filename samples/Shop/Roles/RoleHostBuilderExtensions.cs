using Microsoft.Extensions.Logging.Console;
using Shop.Processes;

namespace Shop.Roles;

/// <summary>What every process of the shop has besides the mesh: its line to the show, and a log on standard error.</summary>
internal static class RoleHostBuilderExtensions
{
    public static TBuilder AddShopRole<TBuilder>(this TBuilder builder, ParentLine parent)
        where TBuilder : IHostApplicationBuilder
    {
        builder.Logging.ClearProviders();
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "HH:mm:ss.fff ";
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        });
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        builder.Logging.AddFilter("System.Net.Http.HttpClient", LogLevel.Warning);

        // Standard output is the line to the show.
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);

        builder.Services.AddSingleton(parent);
        builder.Services.AddSingleton(new RoleName(builder.Configuration["Shop:Instance"] ?? "", builder.Configuration["Mesh:Version"] ?? ""));
        builder.Services.AddHostedService<ParentCommands>();
        return builder;
    }
}
