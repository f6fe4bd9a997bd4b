namespace ProxylessMesh.Summaries;

/// <summary>Which facts of recorded calls are known. Calls of which the same is known are judged by the same rules.</summary>
/// <param name="HasMethod">The method.</param>
/// <param name="HasPath">The path.</param>
/// <param name="PathPrefix">Without the path: what it begins with; null where that is not known either.</param>
/// <param name="HasHost">The host.</param>
/// <param name="HasRemoteAddress">Where they came from.</param>
/// <param name="HasLocalAddress">Where they came to.</param>
/// <param name="HasServerName">The name that the TLS handshake asked for.</param>
/// <param name="IsTls">They came with mesh TLS.</param>
/// <param name="Outcome">What became of them, which tells something about policies that have not changed; null where others decided.</param>
/// <param name="Policy">The policy that decided.</param>
internal readonly record struct RecordedFacts(
    bool HasMethod,
    bool HasPath,
    string? PathPrefix,
    bool HasHost,
    bool HasRemoteAddress,
    bool HasLocalAddress,
    bool HasServerName,
    bool IsTls,
    CallOutcome? Outcome,
    string? Policy)
{
    public static RecordedFacts Of(in CallKey key, CallEntry entry, bool isOfToday) => new(
        key.Method is not null,
        key.Path is not null,
        key is { Path: null, Endpoint: { } template } ? CallKey.Literal(template).ToString() : null,
        key.Host is not null,
        (key.Address ?? entry.RemoteAddress) is not null,
        entry.LocalAddress is not null,
        entry.ServerName is not null,
        key.IsTls,
        isOfToday ? key.Outcome : null,
        isOfToday ? key.Policy : null);
}
