using System.Globalization;
using System.Text;
using ProxylessMesh.ControlPlane.Workloads;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

/// <summary>Meshes of four services in two namespaces, different with each seed.</summary>
internal static class RandomMesh
{
    public static List<Workload> Workloads(Random random)
        => [.. Enumerable.Range(1, random.Next(12)).Select(i => Given.Workload(Pick(random, "a", "b", "c", "d"), $"w{i}", Pick(random, "x", "y"), Pick(random, "", "v1", "v2")))];

    private static string Pick(Random random, params string[] values) => values[random.Next(values.Length)];

    /// <summary>Valid manifests with references that dangle as often as not.</summary>
    public static string Yaml(Random random)
    {
        var yaml = new StringBuilder();
        string[] names = ["a", "b", "c", "d"];
        foreach (var ns in (string[])["x", "y"])
        {
            foreach (var name in names.Where(_ => random.Next(2) == 0))
            {
                yaml.AppendLine(CultureInfo.InvariantCulture, $$"""
                    apiVersion: v1
                    kind: Service
                    metadata: { name: {{name}}, namespace: {{ns}} }
                    spec: { ports: [{ name: one, port: 80 }{{Pick(random, "", ", { name: two, port: 8080, targetPort: two }")}}]{{Pick(random, "", ", selector: { version: v1 }")}} }
                    ---
                    """);
            }

            foreach (var name in names.Where(_ => random.Next(3) == 0))
            {
                yaml.AppendLine(CultureInfo.InvariantCulture, $$"""
                    apiVersion: networking.istio.io/v1
                    kind: DestinationRule
                    metadata: { name: {{name}}, namespace: {{ns}} }
                    spec: { host: {{name}}, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
                    ---
                    apiVersion: networking.istio.io/v1
                    kind: VirtualService
                    metadata: { name: {{name}}, namespace: {{ns}} }
                    spec:
                      hosts: [{{name}}]
                      http:
                      - match: [{ uri: { prefix: /old } }]
                        route: [{ destination: { host: {{Pick(random, names)}}.{{Pick(random, "x", "y", "z")}} } }]
                      - route: [{ destination: { host: {{name}}, subset: v1 }, weight: {{random.Next(100)}} }, { destination: { host: {{name}}, subset: v2 }, weight: 1 }]
                    ---
                    """);
            }

            foreach (var name in names.Where(_ => random.Next(2) == 0))
            {
                yaml.AppendLine(CultureInfo.InvariantCulture, $$"""
                    apiVersion: gateway.networking.k8s.io/v1
                    kind: HTTPRoute
                    metadata: { name: {{name}}, namespace: {{ns}} }
                    spec:
                      parentRefs: [{ group: "", kind: Service, name: {{Pick(random, names)}} }]
                      rules:
                      - matches: [{ path: { value: /{{Pick(random, names)}} } }]
                        backendRefs: [{ name: {{Pick(random, names)}}, port: 80, weight: {{random.Next(3)}} }, { name: other, port: 80, weight: {{random.Next(3)}} }]
                      - backendRefs: [{ name: {{Pick(random, names)}}, port: 80 }]
                    ---
                    """);
            }
        }

        return yaml.ToString();
    }
}
