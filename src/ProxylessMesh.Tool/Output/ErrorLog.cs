using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ProxylessMesh.Tool.Output;

/// <summary>Warnings and errors of a workload that runs inside a command go to standard error, one a line: standard output is for answers.</summary>
internal static class ErrorLog
{
    public static void Configure(ILoggingBuilder logging)
    {
        logging.SetMinimumLevel(LogLevel.Warning).AddFilter("Microsoft.Extensions.Hosting", LogLevel.None).AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None).AddSimpleConsole(static console => console.SingleLine = true);
        logging.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(static console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    }
}
