namespace ProxylessMesh.Client.Resilience;

/// <summary>
/// What the code that runs here knows of the call that it serves: whether that call is a retry already. Then a failure is left to
/// whoever retries: each hop that retried as well would multiply the load of an outage. Set by the inbound side; flows with the
/// execution context, as <see cref="MeshDeadline"/> does. Read only after a failure.
/// </summary>
internal static class ServedCall
{
    private static readonly AsyncLocal<bool> Retry = new();

    /// <summary>Gets or sets whether the call being served is a further attempt of its caller.</summary>
    public static bool IsRetry
    {
        get => Retry.Value;
        set => Retry.Value = value;
    }
}
