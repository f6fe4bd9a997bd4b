using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Options;
using ProxylessMesh.Authentication;
using ProxylessMesh.Authorization;
using ProxylessMesh.Limits;

namespace ProxylessMesh;

/// <summary>Puts the mesh in front of the application's own pipeline, so that nobody forgets it and nothing runs before it.</summary>
internal sealed class MeshStartupFilter(IOptions<MeshOptions> options) : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        if (options.Value.Inbound.Enabled)
        {
            app.UseMiddleware<PeerIdentityMiddleware>();
            app.UseMiddleware<RbacMiddleware>();
            app.UseMiddleware<LoadReportMiddleware>();
            app.UseMiddleware<AdmissionMiddleware>();
            app.UseMiddleware<DeadlineMiddleware>();
        }

        next(app);
    };
}
