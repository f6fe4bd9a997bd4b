using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Outbound;

/// <summary>What the TLS of every endpoint needs.</summary>
/// <param name="Identities">Ours.</param>
/// <param name="Policy">Versions and cipher suites of mesh TLS.</param>
/// <param name="Time">The clock of certificates.</param>
/// <param name="Meter">Counts handshakes.</param>
internal sealed record EndpointTlsServices(IdentitySource Identities, TlsPolicy Policy, TimeProvider Time, MeshMeter Meter);

/// <summary>
/// TLS of the connections to one endpoint, with the identity of the moment, so that rotation concerns new connections only. A peer of the
/// mesh must prove one of the identities that its cluster may have; a server of the world must show a certificate for its name.
/// </summary>
internal sealed class EndpointTls(ClusterConfig cluster, EndpointConfig endpoint, UpstreamTlsConfig tls, EndpointTlsServices services)
{
    // As an Istio sidecar calls another one: by the names of its own it knows mesh TLS from TLS of an application, on a port that takes
    // both. It negotiates h2, as every server does; those names are never chosen.
    private static readonly List<SslApplicationProtocol> MeshProtocols = [new("istio-h2"), new("istio"), SslApplicationProtocol.Http2];

    private readonly WebTls? _web = tls.IsMesh ? null : new WebTls(tls);

    /// <summary>Until when the connections made may be used.</summary>
    public ConnectionTerm Term { get; } = new();

    /// <param name="stream">The connection.</param>
    /// <param name="host">The host that is called.</param>
    /// <param name="first">The request that waits for the connection; null: none.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    public async Task<Stream> AuthenticateAsync(Stream stream, string host, HttpRequestMessage? first, CancellationToken cancellationToken)
    {
        var outcome = new Outcome();
        var options = Options(host, first, outcome);
        var secured = new SslStream(stream, leaveInnerStreamOpen: false);
        try
        {
            await secured.AuthenticateAsClientAsync(options, cancellationToken).ConfigureAwait(false);
            CheckProtocol(secured);
            services.Meter.HandshakeEnded(cluster.Name, error: null);
            return secured;
        }
        catch (Exception error)
        {
            await secured.DisposeAsync().ConfigureAwait(false);
            services.Meter.HandshakeEnded(cluster.Name, outcome.Refusal?.Reason ?? (error is OperationCanceledException ? "timeout" : "protocol"));
            if (error is AuthenticationException refused)
            {
                throw Explain(refused, outcome.Refusal);
            }

            throw;
        }
    }

    private SslClientAuthenticationOptions Options(string host, HttpRequestMessage? first, Outcome outcome)
    {
        var serverName = tls.AutoHostSni && endpoint.Hostname.Length > 0 ? endpoint.Hostname : tls.ServerName ?? host;
        if (_web is not null)
        {
            return _web.For(serverName, tls.IdentityProvider is null ? null : Identity(), first);
        }

        var identity = Identity();
        var options = SpiffeTls.ForClient(identity, IsExpected, serverName, MeshProtocols, services.Policy.WithTls13(tls.RequiresTls13), proof => Term.Add(services.Time.GetUtcNow(), identity.ExpiresAt < proof.EndsAt ? identity.ExpiresAt : proof.EndsAt));
        var validate = options.RemoteCertificateValidationCallback!;
        options.RemoteCertificateValidationCallback = (sender, certificate, chain, errors) =>
        {
            var allowed = validate(sender, certificate, chain, errors);
            outcome.Refusal = allowed ? null : PeerRefusal.Of(identity, certificate as X509Certificate2, chain, errors);
            return allowed;
        };
        return options;
    }

    private WorkloadIdentity Identity()
    {
        if (services.Identities.Current is not { } identity)
        {
            throw NoIdentity("this process has no certificate yet. Check that Mesh:ControlPlane can be reached and Mesh:JoinToken is valid");
        }

        return identity.ExpiresAt > services.Time.GetUtcNow()
            ? identity
            : throw NoIdentity($"the certificate of this process ended at {identity.ExpiresAt:u} and was not renewed. Check that what issues it can be reached, and the clock");
    }

    private EndpointConnectException NoIdentity(string why)
        => new(OutcomeKind.NoIdentity, MeshError.NoIdentity, $"Cluster '{cluster.Name}' takes mTLS only, and {why}.", null);

    /// <summary>Without names any identity under the roots will do, as gRFC A29 has it.</summary>
    private bool IsExpected(SpiffeId peer)
    {
        var id = peer.ToString();
        foreach (var name in tls.PeerNames)
        {
            if (name.Matches(id))
            {
                return true;
            }
        }

        return tls.PeerNames.IsEmpty;
    }

    // Every call to a workload is HTTP/2; a server that takes none would be heard of as a broken connection.
    private void CheckProtocol(SslStream secured)
    {
        if (_web is null && secured.NegotiatedApplicationProtocol != SslApplicationProtocol.Http2)
        {
            var chosen = secured.NegotiatedApplicationProtocol.ToString();
            throw new EndpointConnectException(
                OutcomeKind.ConnectFailed,
                MeshError.ConnectionFailed,
                $"Endpoint {endpoint.Address} of cluster '{cluster.Name}' speaks {(chosen.Length == 0 ? "no protocol that ALPN names" : $"'{chosen}'")} over mesh TLS; calls need h2. Let the server offer HTTP/2.",
                null);
        }
    }

    private EndpointConnectException Explain(AuthenticationException error, PeerRefusal? refusal) => new(
        OutcomeKind.PeerRefused,
        MeshError.PeerRefused,
        _web is not null
            ? $"Server {endpoint.Address} of cluster '{cluster.Name}' did not show a certificate that is valid for {Names("the name that was called")}, or refused ours: {error.Message}"
            : $"Endpoint {endpoint.Address} of cluster '{cluster.Name}' did not prove an identity that the cluster may have ({Names("any of the mesh")}), or refused ours: {refusal?.Detail ?? error.Message}",
        error);

    private string Names(string otherwise) => tls.PeerNames.IsEmpty ? otherwise : string.Join(", ", tls.PeerNames);

    /// <summary>Why one handshake was refused.</summary>
    private sealed class Outcome
    {
        public PeerRefusal? Refusal { get; set; }
    }
}
