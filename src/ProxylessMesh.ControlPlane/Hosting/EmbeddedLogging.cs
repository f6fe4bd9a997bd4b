using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ProxylessMesh.ControlPlane.Hosting;

/// <summary>The app's logging, without what a host says of itself: "application started" and the like would stand there twice.</summary>
internal sealed class EmbeddedLogging(ILoggerFactory application) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName)
        => categoryName.StartsWith("Microsoft.Hosting.Lifetime", StringComparison.Ordinal) || categoryName.StartsWith("Microsoft.Extensions.Hosting", StringComparison.Ordinal)
            ? NullLogger.Instance
            : application.CreateLogger(categoryName);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("The app's logging is set up by the app.");

    public void Dispose()
    {
        // The app owns it.
    }
}
