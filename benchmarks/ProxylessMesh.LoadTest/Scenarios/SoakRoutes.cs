using System.Globalization;

namespace ProxylessMesh.LoadTest.Scenarios;

/// <summary>
/// Routes of <c>load/server</c> and <c>load/orders</c>, another one each time: splits, header changes, delays, faults, mirrors, balancers.
/// What a caller must see is the same under all of them: 200, or the status of an injected fault.
/// </summary>
internal sealed class SoakRoutes(string manifestFolder, int seed)
{
    /// <summary>No server answers so: a call that ends with it was meant to.</summary>
    public const int InjectedStatus = 418;

    private static readonly string[] Balancers =
    [
        "simple: LEAST_REQUEST", "simple: ROUND_ROBIN", "simple: RANDOM",
        "consistentHash: { httpHeaderName: x-user }", "consistentHash: { httpHeaderName: x-user, maglev: { tableSize: 1009 } }",
    ];

    private readonly Random _random = new(seed);

    public async Task ChangeAsync()
    {
        var temporary = Path.Combine(manifestFolder, "soak.yaml.tmp");
        await File.WriteAllTextAsync(temporary, Routes("server", "attempts: 5, retryOn: '5xx,reset,connect-failure', perTryTimeout: 2s") + Routes("orders", "attempts: 2, retryOn: connect-failure"));
        File.Move(temporary, Path.Combine(manifestFolder, "soak.yaml"), overwrite: true);
    }

    private string Routes(string service, string retries) => string.Create(CultureInfo.InvariantCulture, $$"""
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: { name: {{service}}, namespace: load }
        spec:
          hosts: [{{service}}]
          http:
            - match: [{ headers: { x-user: { exact: nobody } } }]
              redirect: { authority: elsewhere }
            - fault:
                delay: { percentage: { value: {{_random.Next(10)}} }, fixedDelay: {{1 + _random.Next(20)}}ms }
                abort: { percentage: { value: {{_random.Next(3)}} }, httpStatus: {{InjectedStatus}} }
              headers: { request: { set: { x-soak: "{{_random.Next()}}" } } }
              {{(_random.Next(3) == 0 ? $"mirrors: [{{ destination: {{ host: {service} }}, percentage: {{ value: 5 }} }}]" : "timeout: 20s")}}
              retries: { {{retries}} }
              route:
                - { destination: { host: {{service}}, subset: all }, weight: {{_random.Next(1, 100)}} }
                - { destination: { host: {{service}} }, weight: {{_random.Next(1, 100)}} }
        ---
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: { name: {{service}}, namespace: load }
        spec:
          host: {{service}}
          trafficPolicy:
            loadBalancer: { {{Balancers[_random.Next(Balancers.Length)]}} }
            outlierDetection: { consecutive5xxErrors: {{_random.Next(5, 50)}}, interval: 1s, baseEjectionTime: 1s, maxEjectionPercent: 34 }
          subsets: [{ name: all, labels: {} }]
        ---

        """);
}
