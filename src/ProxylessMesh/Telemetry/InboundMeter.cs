using System.Diagnostics.Metrics;

namespace ProxylessMesh.Telemetry;

/// <summary>What happens to calls before the application sees them. <c>http.server.*</c> is ASP.NET's own.</summary>
internal sealed class InboundMeter
{
    /// <summary>The name of the meter, the client side's too.</summary>
    public const string MeterName = "ProxylessMesh";

    private readonly Counter<long> _decisions;
    private readonly Counter<long> _tokens;
    private readonly Counter<long> _authorizers;
    private readonly Counter<long> _plaintext;
    private readonly Counter<long> _handshakes;
    private readonly UpDownCounter<long> _connections;
    private readonly Counter<long> _shed;
    private readonly Counter<long> _connectionsRefused;

    public InboundMeter(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _decisions = meter.CreateCounter<long>("proxyless_mesh.inbound.decisions", "{request}", "Authorization decisions by outcome and policy.");
        _tokens = meter.CreateCounter<long>("proxyless_mesh.inbound.tokens", "{request}", "Requests where an end-user token could be, by issuer and what became of it.");
        _authorizers = meter.CreateCounter<long>("proxyless_mesh.inbound.authorizers", "{request}", "Requests that an external authorizer was asked about, and what came of it.");
        _plaintext = meter.CreateCounter<long>("proxyless_mesh.inbound.plaintext_connections", "{connection}", "Plaintext connections to mesh ports, taken or refused.");
        _handshakes = meter.CreateCounter<long>("proxyless_mesh.inbound.handshakes", "{handshake}", "TLS handshakes with callers; error.type says why one did not end in a proved peer.");
        _connections = meter.CreateUpDownCounter<long>("proxyless_mesh.inbound.connections", "{connection}", "Open connections that may carry calls, by mode: mtls or plaintext.");
        _shed = meter.CreateCounter<long>("proxyless_mesh.inbound.shed", "{request}", "Calls refused by a limit, by its kind.");
        _connectionsRefused = meter.CreateCounter<long>("proxyless_mesh.inbound.connections_refused", "{connection}", "Connections above the port's limit, or above their caller's.");
    }

    /// <summary>Outcome: allowed, denied, refused, audited, shadow_allowed, shadow_denied. Policy names are those of the configuration, so they are bounded.</summary>
    public void Decided(string outcome, string? policy)
    {
        if (_decisions.Enabled)
        {
            _decisions.Add(1, new("outcome", outcome), new("policy", policy ?? "none"));
        }
    }

    /// <summary>Outcome: valid, missing, not_asked, or why it was refused. Issuers are those of the configuration, so they are bounded.</summary>
    public void Token(string outcome, string? issuer)
    {
        if (_tokens.Enabled)
        {
            _tokens.Add(1, new("outcome", outcome), new("issuer", issuer ?? "none"));
        }
    }

    /// <summary>Outcome: allowed, denied, body_too_large, failure_allowed, failure_denied. Authorizers are those of the configuration, so they are bounded.</summary>
    public void AskedAuthorizer(string authorizer, string outcome)
    {
        if (_authorizers.Enabled)
        {
            _authorizers.Add(1, new("authorizer", authorizer), new("outcome", outcome));
        }
    }

    public void PlaintextConnection(int port, bool accepted)
    {
        if (_plaintext.Enabled)
        {
            _plaintext.Add(1, new("server.port", port), new("accepted", accepted));
        }
    }

    /// <param name="port">Where the caller called.</param>
    /// <param name="error">A bounded word; null: the caller proved who it is.</param>
    public void HandshakeEnded(int port, string? error)
    {
        if (!_handshakes.Enabled)
        {
            return;
        }

        if (error is null)
        {
            _handshakes.Add(1, new KeyValuePair<string, object?>("server.port", port));
        }
        else
        {
            _handshakes.Add(1, new("server.port", port), new("error.type", error));
        }
    }

    /// <summary>A connection that may carry calls came (1) or went (-1).</summary>
    public void ConnectionsChanged(int port, bool mtls, int change)
    {
        if (_connections.Enabled)
        {
            _connections.Add(change, new("server.port", port), new("mode", mtls ? "mtls" : "plaintext"));
        }
    }

    /// <summary>Limit: rate_limit, concurrency, adaptive_concurrency.</summary>
    public void Shed(string limit)
    {
        if (_shed.Enabled)
        {
            _shed.Add(1, new KeyValuePair<string, object?>("limit", limit));
        }
    }

    public void ConnectionRefused(int port, bool ofCaller)
    {
        if (_connectionsRefused.Enabled)
        {
            _connectionsRefused.Add(1, new("server.port", port), new("limit", ofCaller ? "caller" : "port"));
        }
    }
}
