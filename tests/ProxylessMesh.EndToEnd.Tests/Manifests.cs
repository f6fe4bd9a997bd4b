namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>Manifests that several tests use.</summary>
internal static class Manifests
{
    /// <summary>A route of the service <c>server</c> that stamps each request with its revision.</summary>
    public static string MarkingRoute(int revision) => $$"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: { name: server, namespace: test }
        spec:
          parentRefs: [{ group: "", kind: Service, name: server }]
          rules:
            - filters:
                - type: RequestHeaderModifier
                  requestHeaderModifier: { set: [{ name: x-revision, value: "{{revision}}" }] }
              backendRefs: [{ name: server, port: 80 }]
        """;
}
