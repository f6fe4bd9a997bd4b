namespace ProxylessMesh.LoadTest.Scenarios;

/// <summary>A route of <c>load/server</c> that stamps each request with its revision; the server sends the stamp back.</summary>
internal static class MarkingRoute
{
    public const string Header = "x-revision";

    /// <summary>Replaces the file in one step, as an editor that renames does.</summary>
    /// <returns>When the file was in place.</returns>
    public static async Task<long> WriteAsync(string manifestFolder, int revision, TimeProvider time)
    {
        var temporary = Path.Combine(manifestFolder, "route.yaml.tmp");
        await File.WriteAllTextAsync(temporary, $$"""
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: { name: server, namespace: load }
            spec:
              parentRefs: [{ kind: Service, group: "", name: server }]
              rules:
                - filters:
                    - type: RequestHeaderModifier
                      requestHeaderModifier: { set: [{ name: {{Header}}, value: "{{revision}}" }] }
                  backendRefs: [{ name: server, port: 80 }]
            """);
        var written = time.GetTimestamp();
        File.Move(temporary, Path.Combine(manifestFolder, "route.yaml"), overwrite: true);
        return written;
    }

    /// <summary>The revision that a call ran under; null before the first.</summary>
    public static string? Of(HttpResponseMessage response) => response.Headers.TryGetValues(Header, out var values) ? values.Single() : null;
}
