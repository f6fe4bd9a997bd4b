using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ProxylessMesh.Tool.Echo;

/// <summary>A web application that joined the mesh as any other does and answers with what it saw.</summary>
internal static class EchoServer
{
    /// <summary>Builds the application; nothing listens before it is started.</summary>
    public static WebApplication Create(EchoSettings settings, Action<MeshOptions> mesh, Action<ILoggingBuilder> logging)
    {
        // A port is named by its number, so a free one is chosen before.
        var ports = settings.Ports.Select(port => port with { Number = port.Number == 0 ? FreePort(settings.Address) : port.Number }).ToList();
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.UseUrls([.. ports.Select(port => $"http://{new IPEndPoint(settings.Address, port.Number)}")]);
        builder.Logging.ClearProviders();
        logging(builder.Logging);
        builder.AddMesh(options =>
        {
            mesh(options);
            ports.ForEach(port => options.Inbound.PortNames[port.Number] = port.Name);
        });
        builder.Services.AddSingleton(settings with { Ports = ports });
        builder.Services.AddSingleton<EchoResponder>();
        var app = builder.Build();
        app.Run(app.Services.GetRequiredService<EchoResponder>().AnswerAsync);
        return app;
    }

    /// <summary>Takes NAME:NUMBER apart; a number alone is a port named <c>http</c>, or <c>http-NUMBER</c> where it is not the first.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static EchoPort ParsePort(string text, bool isFirst)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var number = text.AsSpan(colon + 1);
        if (!ushort.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || colon == 0)
        {
            throw new FormatException($"'{text}' is no port. Write NAME:NUMBER, such as http:8080; 0 takes any that is free.");
        }

        return new EchoPort(colon > 0 ? text[..colon] : isFirst ? "http" : $"http-{port}", port);
    }

    private static int FreePort(IPAddress address)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(address, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
