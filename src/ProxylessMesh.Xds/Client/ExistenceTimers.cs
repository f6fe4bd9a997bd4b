namespace ProxylessMesh.Xds.Client;

/// <summary>
/// The time in which the server owes an answer for each name that was asked for (gRFC A57). It runs only while a stream is up. On the
/// client's loop only.
/// </summary>
internal sealed class ExistenceTimers(XdsClientOptions options, TimeProvider time, EventLoop loop, ResourceCache cache, IAdsEvents events)
{
    private static readonly TimeSpan PatientTimeout = TimeSpan.FromSeconds(30);

    private readonly TimeSpan _timeout = options.ResourceTimerIsTransientError && options.ResourceTimeout < PatientTimeout ? PatientTimeout : options.ResourceTimeout;
    private bool _stopped;

    /// <summary>For every name of the request that was just written, and that has no answer yet.</summary>
    public void Start(ResourceType type, IReadOnlySet<string>? names)
    {
        foreach (var entry in cache[type].Values)
        {
            if (entry is { IsUnanswered: true, Timer: null } && names is not null && names.Contains(entry.Name) && !entry.WasRefused)
            {
                entry.Timer = time.CreateTimer(_ => loop.Post(() => Expire(entry)), null, _timeout, Timeout.InfiniteTimeSpan);
            }
        }
    }

    public void Stop()
    {
        foreach (var entry in cache.All)
        {
            entry.StopTimer();
        }
    }

    public void StopForGood()
    {
        _stopped = true;
        Stop();
    }

    private void Expire(CacheEntry entry)
    {
        // A timer that was stopped may have fired already.
        if (entry.Timer is null || _stopped)
        {
            return;
        }

        entry.StopTimer();
        if (entry.IsUnanswered)
        {
            events.OnSilence(entry, _timeout);
        }
    }
}
