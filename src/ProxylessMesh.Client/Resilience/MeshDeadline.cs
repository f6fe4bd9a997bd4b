namespace ProxylessMesh.Client.Resilience;

/// <summary>
/// The time by which the call being served must be answered: it bounds every outgoing call made meanwhile. Set by the inbound side;
/// flows with the execution context, as <c>Activity.Current</c> does, which is why it is ambient and static.
/// </summary>
internal sealed class MeshDeadline
{
    private static readonly AsyncLocal<MeshDeadline?> Ambient = new();

    private readonly TimeProvider _time;
    private readonly long _end;

    /// <param name="time">The clock that it is measured by.</param>
    /// <param name="remaining">From now.</param>
    public MeshDeadline(TimeProvider time, TimeSpan remaining)
    {
        _time = time;
        _end = time.GetTimestamp() + (long)(remaining.TotalSeconds * time.TimestampFrequency);
    }

    /// <summary>Gets or sets the deadline of the code that runs here. Setting it affects what this asynchronous flow calls, not its caller.</summary>
    public static MeshDeadline? Current
    {
        get => Ambient.Value;
        set => Ambient.Value = value;
    }

    /// <summary>What is left; zero or less when it has passed.</summary>
    public TimeSpan Remaining => _time.GetElapsedTime(_time.GetTimestamp(), _end);
}
