using Envoy.Extensions.Filters.Http.ExtAuthz.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using ProxylessMesh.ControlPlane.Translation;
using RbacFilter = Envoy.Extensions.Filters.Http.Rbac.V3.RBAC;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

public class CustomTranslatorTests
{
    private const string Yaml = """
        apiVersion: mesh.proxyless.dev/v1alpha1
        kind: MeshConfig
        metadata: { name: default, namespace: mesh-system }
        spec:
          extensionProviders:
            - name: checks
              envoyExtAuthzGrpc:
                service: checks.security.svc.cluster.local
                port: 9000
                timeout: 2s
                failOpen: true
                statusOnError: "503"
                includeRequestBodyInCheck: { maxRequestBytes: 1000, allowPartialMessage: true, packAsBytes: true }
        ---
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: { name: admin, namespace: shop }
        spec:
          action: CUSTOM
          provider: { name: checks }
          rules: [{ to: [{ operation: { paths: ["/admin/*"] } }] }]
        ---
        apiVersion: v1
        kind: Service
        metadata: { name: checks, namespace: security }
        spec: { selector: { app: checks }, ports: [{ name: grpc, port: 9000 }] }
        """;

    [Fact]
    public void The_policy_says_what_is_asked_about_and_the_provider_who_is_asked()
    {
        var filters = Filters(RuleAudience.Mesh);

        Assert.Equal(["envoy.filters.http.rbac.custom.checks", "envoy.filters.http.ext_authz.checks"], filters.Select(filter => filter.Name));
        var rbac = RbacFilter.Parser.ParseFrom(filters[0].TypedConfig.Value);
        Assert.Null(rbac.Rules);
        Assert.Equal("istio_ext_authz_", rbac.ShadowRulesStatPrefix);
        Assert.Equal("istio-ext-authz-checks-ns[shop]-policy[admin]-rule[0]", Assert.Single(rbac.ShadowRules.Policies).Key);
        var authorizer = ExtAuthz.Parser.ParseFrom(filters[1].TypedConfig.Value);
        Assert.Equal("outbound|9000||checks.security.svc.cluster.local", authorizer.GrpcService.EnvoyGrpc.ClusterName);
        Assert.Equal((TimeSpan.FromSeconds(2), true, 503), (authorizer.GrpcService.Timeout.ToTimeSpan(), authorizer.FailureModeAllow, (int)authorizer.StatusOnError.Code));
        Assert.Equal(new BufferSettings { MaxRequestBytes = 1000, AllowPartialMessage = true, PackAsBytes = true }, authorizer.WithRequestBody);
        Assert.Equal(("envoy.filters.http.rbac", "istio_ext_authz_shadow_effective_policy_id", "istio-ext-authz-checks-ns["), (authorizer.FilterEnabledMetadata.Filter, authorizer.FilterEnabledMetadata.Path[0].Key, authorizer.FilterEnabledMetadata.Value.StringMatch.Prefix));
    }

    [Fact]
    public void Servers_that_cannot_ask_deny_what_would_be_asked_about()
    {
        var rbac = RbacFilter.Parser.ParseFrom(Assert.Single(Filters(RuleAudience.Grpc)).TypedConfig.Value);

        Assert.Equal(Envoy.Config.Rbac.V3.RBAC.Types.Action.Deny, rbac.Rules.Action);
        Assert.Single(rbac.Rules.Policies);
    }

    private static List<HttpFilter> Filters(RuleAudience audience) => [.. AuthorizationTranslator.Filters(Given.Manifests(Yaml), Given.Workload("catalog", "c1"), audience)];
}
