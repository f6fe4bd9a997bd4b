using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

public class InboundTranslatorTests
{
    private const string MeshName = "proxylessmesh/inbound/10.0.0.1:5000";
    private const string GrpcName = "grpc/server?xds.resource.listening_address=10.0.0.1:5000";

    private static Listener Listener(string yaml, string name = MeshName)
    {
        Assert.True(InboundName.TryParse(name, out var parsed));
        return InboundTranslator.Translate(Given.Manifests(yaml), Given.Workload("catalog", "c1", version: "v1"), name, parsed);
    }

    // "tls", "raw_buffer", or both.
    private static string Transports(string yaml)
        => string.Join('+', Listener(yaml).FilterChains.Select(chain => chain.FilterChainMatch.TransportProtocol));

    private static string Policy(string name, string ns, string mode, string more = "") => $$"""
        apiVersion: security.istio.io/v1
        kind: PeerAuthentication
        metadata: { name: {{name}}, namespace: {{ns}} }
        spec: { mtls: { mode: {{mode}} }{{more}} }
        ---

        """;

    private const string SelectsCatalog = ", selector: { matchLabels: { app: catalog } }";

    [Fact]
    public void Without_a_policy_both_kinds_of_connection_are_taken() => Assert.Equal("tls+raw_buffer", Transports(""));

    [Theory]
    [InlineData("STRICT", "tls")]
    [InlineData("PERMISSIVE", "tls+raw_buffer")]
    [InlineData("DISABLE", "raw_buffer")]
    [InlineData("UNSET", "tls+raw_buffer")]
    public void The_mesh_policy_holds_where_no_other_speaks(string mode, string expected) => Assert.Equal(expected, Transports(Policy("default", "mesh-system", mode)));

    [Fact]
    public void A_namespace_overrides_the_mesh()
        => Assert.Equal("tls+raw_buffer", Transports(Policy("default", "mesh-system", "STRICT") + Policy("default", "shop", "PERMISSIVE")));

    [Fact]
    public void A_workload_overrides_its_namespace()
        => Assert.Equal("raw_buffer", Transports(Policy("default", "shop", "STRICT") + Policy("catalog", "shop", "DISABLE", SelectsCatalog)));

    [Fact]
    public void Unset_passes_on_to_the_next_wider_policy()
        => Assert.Equal("tls", Transports(Policy("default", "mesh-system", "STRICT") + Policy("default", "shop", "UNSET") + Policy("catalog", "shop", "UNSET", SelectsCatalog)));

    [Fact]
    public void A_port_overrides_its_workload()
        => Assert.Equal("raw_buffer", Transports(Policy("catalog", "shop", "STRICT", SelectsCatalog + ", portLevelMtls: { 5000: { mode: DISABLE } }")));

    [Fact]
    public void Another_port_changes_nothing()
        => Assert.Equal("tls", Transports(Policy("catalog", "shop", "STRICT", SelectsCatalog + ", portLevelMtls: { 5001: { mode: DISABLE } }")));

    [Fact]
    public void Another_namespace_and_other_labels_change_nothing()
        => Assert.Equal("tls+raw_buffer", Transports(Policy("default", "bank", "STRICT") + Policy("pricing", "shop", "STRICT", ", selector: { matchLabels: { app: pricing } }")));

    [Fact]
    public void Of_two_policies_for_one_workload_the_older_counts()
        => Assert.Equal("tls", Transports(Policy("b", "shop", "STRICT", SelectsCatalog) + Policy("a", "shop", "DISABLE", ", selector: { matchLabels: { version: v1 } }")));

    [Fact]
    public void A_selector_in_the_root_namespace_selects_nothing()
        => Assert.Equal("tls+raw_buffer", Transports(Policy("catalog", "mesh-system", "STRICT", SelectsCatalog)));

    [Fact]
    public void A_port_without_a_mode_has_that_of_its_workload()
        => Assert.Equal("tls", Transports(Policy("default", "mesh-system", "STRICT") + Policy("catalog", "shop", "UNSET", SelectsCatalog + ", portLevelMtls: { 5000: { } }")));

    [Fact]
    public void What_a_server_says_of_a_policy_s_age_goes_before_reading_order()
    {
        var first = Policy("a", "shop", "DISABLE", SelectsCatalog).Replace("namespace: shop", "namespace: shop, creationTimestamp: \"2026-02-02T00:00:00Z\"", StringComparison.Ordinal);
        var older = Policy("b", "shop", "STRICT", SelectsCatalog).Replace("namespace: shop", "namespace: shop, creationTimestamp: 2026-01-01T00:00:00Z", StringComparison.Ordinal);
        var unknown = Policy("z", "shop", "PERMISSIVE", SelectsCatalog).Replace("namespace: shop", "namespace: shop, creationTimestamp: null", StringComparison.Ordinal);

        Assert.Equal("tls", Transports(unknown + first + older));
    }

    [Fact]
    public void Tls_asks_for_a_certificate_of_the_mesh()
    {
        var chain = Assert.Single(Listener(Policy("default", "mesh-system", "STRICT")).FilterChains);

        var tls = chain.TransportSocket.TypedConfig.Unpack<DownstreamTlsContext>();
        Assert.True(tls.RequireClientCertificate);
        Assert.Equal("default", tls.CommonTlsContext.TlsCertificateProviderInstance.InstanceName);
        Assert.Equal("default", tls.CommonTlsContext.ValidationContext.CaCertificateProviderInstance.InstanceName);
        Assert.Empty(tls.CommonTlsContext.ValidationContext.MatchSubjectAltNames);
    }

    [Theory]
    [InlineData("TLSV1_3", MeshName, TlsParameters.Types.TlsProtocol.Tlsv13)]
    [InlineData("TLSV1_2", MeshName, TlsParameters.Types.TlsProtocol.TlsAuto)]
    [InlineData("TLSV1_3", GrpcName, TlsParameters.Types.TlsProtocol.TlsAuto)]
    internal void Least_version_of_the_mesh_reaches_its_own_servers(string written, string listener, TlsParameters.Types.TlsProtocol expected)
    {
        var chain = Listener(
            Policy("default", "mesh-system", "STRICT") + $$"""
            apiVersion: mesh.proxyless.dev/v1alpha1
            kind: MeshConfig
            metadata: { name: default, namespace: mesh-system }
            spec: { meshMTLS: { minProtocolVersion: {{written}} } }
            """,
            listener).FilterChains[0];

        Assert.Equal(expected, chain.TransportSocket.TypedConfig.Unpack<DownstreamTlsContext>().CommonTlsContext.TlsParams?.TlsMinimumProtocolVersion ?? TlsParameters.Types.TlsProtocol.TlsAuto);
    }

    [Theory]
    [InlineData("STRICT", true)]
    [InlineData("PERMISSIVE", true)]
    [InlineData("DISABLE", false)]
    public void A_gRPC_server_gets_one_chain_for_every_connection(string mode, bool tls)
    {
        var listener = Listener(Policy("default", "mesh-system", mode), GrpcName);

        var chain = Assert.Single(listener.FilterChains);
        Assert.Null(chain.FilterChainMatch);
        Assert.Equal(tls, chain.TransportSocket is not null);
        Assert.Equal(GrpcName, listener.Name);
        Assert.Equal(("10.0.0.1", 5000u), (listener.Address.SocketAddress.Address, listener.Address.SocketAddress.PortValue));
    }

    [Fact]
    public void A_gRPC_server_without_mesh_TLS_stays_in_plaintext_until_STRICT()
    {
        var plain = Given.Workload("catalog", "c1") with { Ports = [new("http", 5000, "grpc", TakesMeshTls: false)] };
        Assert.True(InboundName.TryParse(GrpcName, out var name));

        Assert.Null(InboundTranslator.Translate(ManifestSet.Empty, plain, GrpcName, name).FilterChains[0].TransportSocket);
        Assert.NotNull(InboundTranslator.Translate(Given.Manifests(Policy("default", "mesh-system", "STRICT")), plain, GrpcName, name).FilterChains[0].TransportSocket);
    }

    [Fact]
    public void Calls_are_for_the_process_itself_and_filters_end_with_the_router()
    {
        foreach (var chain in Listener("").FilterChains)
        {
            var http = Assert.Single(chain.Filters).TypedConfig.Unpack<HttpConnectionManager>();

            var route = Assert.Single(Assert.Single(http.RouteConfig.VirtualHosts).Routes);
            Assert.NotNull(route.NonForwardingAction);
            Assert.Equal("envoy.filters.http.router", Assert.Single(http.HttpFilters).Name);
        }
    }
}
