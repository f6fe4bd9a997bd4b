using System.Net;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Authentication;
using ProxylessMesh.Rbac;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Tests.Rbac;

/// <summary>Requests as authorization sees them.</summary>
internal static class Requests
{
    public static RbacInput From(string? serviceAccount, string method = "GET", string path = "/", string namespaceName = "shop", string address = "10.0.0.7", string? serverName = null, params (string Name, string Value)[] headers)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = method;
        context.Request.Path = path;
        context.Request.Headers.Host = "catalog";
        foreach (var (name, value) in headers)
        {
            context.Request.Headers.Append(name, value);
        }

        var id = serviceAccount is null ? null : SpiffeId.ForServiceAccount(TrustDomain.Parse("mesh.local"), namespaceName, serviceAccount);
        return new RbacInput(context.Request, new MeshPeer(id, new IPEndPoint(IPAddress.Parse(address), 40000), new IPEndPoint(IPAddress.Parse("10.0.0.1"), 8080), serverName));
    }

    public static RbacInput WithHost(string host)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = "GET";
        context.Request.Path = "/";
        context.Request.Headers.Host = host;
        return new RbacInput(context.Request, new MeshPeer(null, new IPEndPoint(IPAddress.Loopback, 1), new IPEndPoint(IPAddress.Loopback, 2)));
    }
}
