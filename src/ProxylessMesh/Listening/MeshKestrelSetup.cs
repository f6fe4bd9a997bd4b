using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace ProxylessMesh.Listening;

/// <summary>Puts <see cref="InboundTls"/> on every endpoint that Kestrel gets, from code, configuration or ASPNETCORE_URLS.</summary>
internal sealed class MeshKestrelSetup(IOptions<MeshOptions> options, InboundTls tls) : IConfigureOptions<KestrelServerOptions>
{
    public void Configure(KestrelServerOptions kestrel)
    {
        var inbound = options.Value.Inbound;
        if (!inbound.Enabled)
        {
            return;
        }

        // For plaintext HTTP/2 on a port that also takes TLS: its scheme is http.
        kestrel.AllowAlternateSchemes = true;
        kestrel.ConfigureEndpointDefaults(listen =>
        {
            // Unix sockets and pipes are not the network.
            if (listen.IPEndPoint is { } address && !inbound.PlaintextPorts.Contains(address.Port))
            {
                tls.Use(listen);
            }
        });
    }
}
