namespace ProxylessMesh.Client.Resilience;

/// <summary>Whether a call can be carried out twice to the effect of once.</summary>
internal static class Idempotency
{
    /// <summary>By its method (RFC 9110 §9.2.2), or by a key that says that the server knows a second attempt for what it is.</summary>
    public static bool IsGiven(HttpRequestMessage request)
    {
        var method = request.Method;
        return method == HttpMethod.Get || method == HttpMethod.Head || method == HttpMethod.Put || method == HttpMethod.Delete
            || method == HttpMethod.Options || method == HttpMethod.Trace || request.Headers.NonValidated.Contains("Idempotency-Key");
    }
}
