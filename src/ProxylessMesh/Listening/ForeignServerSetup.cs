using Microsoft.Extensions.Options;
using ProxylessMesh.Client;

namespace ProxylessMesh.Listening;

/// <summary>
/// With a foreign xDS server alone (<c>GRPC_XDS_BOOTSTRAP</c>, no <c>Mesh:ControlPlane</c>) this process has no mesh identity, so it
/// only calls: Kestrel's endpoints stay as the application made them.
/// </summary>
internal sealed class ForeignServerSetup : IPostConfigureOptions<MeshOptions>
{
    public void PostConfigure(string? name, MeshOptions options)
    {
        if (options.ControlPlane is null && XdsBootstrapVariables.AreSet)
        {
            options.Inbound.Enabled = false;
        }
    }
}
