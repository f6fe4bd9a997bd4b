using System.Diagnostics.CodeAnalysis;
using System.Net;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.ServiceDiscovery;
using ProxylessMesh.Client.Snapshots;

namespace ProxylessMesh.Client.Discovery;

/// <summary>The mesh as a provider of Microsoft.Extensions.ServiceDiscovery: names of the mesh resolve to themselves.</summary>
/// <remarks>
/// To themselves and not to addresses: an address would leave the mesh's routes, balancing and mTLS behind, while a name goes on to the
/// mesh's handler, which does all three. Names that the mesh does not know are left to the providers after this one.
/// </remarks>
internal sealed class MeshEndpointProviderFactory(SnapshotSource snapshots, IOptions<MeshOptions> options, TimeProvider time) : IServiceEndpointProviderFactory
{
    public bool TryCreateProvider(ServiceEndpointQuery query, [NotNullWhen(true)] out IServiceEndpointProvider? provider)
    {
        provider = Uri.CheckHostName(query.ServiceName) == UriHostNameType.Dns && query.EndpointName is null or ""
            ? new Provider(new HostKey(query.ServiceName.ToLowerInvariant(), 0), snapshots, options.Value.Outbound.ConfigTimeout, time)
            : null;
        return provider is not null;
    }

    private sealed class Provider(HostKey key, SnapshotSource snapshots, TimeSpan timeout, TimeProvider time) : IServiceEndpointProvider
    {
        public async ValueTask PopulateAsync(IServiceEndpointBuilder endpoints, CancellationToken cancellationToken)
        {
            if (endpoints.Endpoints.Count > 0)
            {
                return;
            }

            var host = snapshots.Find(key);
            var state = host.State.Kind == HostStateKind.Waiting ? await host.FirstAsync(timeout, time, cancellationToken).ConfigureAwait(false) : host.State;
            if (state.Kind == HostStateKind.Ready)
            {
                endpoints.Endpoints.Add(ServiceEndpoint.Create(new DnsEndPoint(key.Host, key.Port)));
            }
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
