using Google.Protobuf;

namespace ProxylessMesh.Xds.Client;

/// <summary>
/// What is known of one name. Exactly one of these holds: a value (<see cref="Config"/>), known missing, failed with a reason,
/// or nothing heard yet. Touched by the client's loop only.
/// </summary>
internal sealed class CacheEntry(ResourceType type, string name)
{
    public ResourceType Type { get; } = type;

    public string Name { get; } = name;

    /// <summary>How many watches need it; at 0 it is dropped.</summary>
    public int Needed { get; set; }

    /// <summary>The last good value.</summary>
    public object? Config { get; private set; }

    public string Version { get; private set; } = "";

    public ByteString Value { get; private set; } = ByteString.Empty;

    public bool IsMissing { get; private set; }

    /// <summary>Why there is no value; null while nothing was heard, and while there is a value.</summary>
    public string? Problem { get; private set; }

    /// <summary>Runs while the server owes an answer (gRFC A57).</summary>
    public ITimer? Timer { get; set; }

    /// <summary>The server's only value was refused; it has answered, though not well.</summary>
    public bool WasRefused { get; private set; }

    /// <summary>Neither a value nor the word that there is none.</summary>
    public bool IsUnanswered => Config is null && !IsMissing;

    /// <returns>Whether the value is another one than before.</returns>
    public bool Accept(string version, ByteString value, object config)
    {
        StopTimer();
        Version = version;
        if (Config is not null && Value == value)
        {
            return false;
        }

        Config = config;
        Value = value;
        IsMissing = false;
        WasRefused = false;
        Problem = null;
        return true;
    }

    /// <summary>A new value was refused; the last good one stays, unless <paramref name="dropValue"/>.</summary>
    /// <returns>Whether that changes what watchers see.</returns>
    public bool Refuse(string error, bool dropValue)
    {
        StopTimer();
        if (Config is not null && !dropValue)
        {
            return false;
        }

        Clear();
        WasRefused = true;
        Problem = error;
        return true;
    }

    /// <returns>Whether that is news.</returns>
    public bool SetMissing(string reason)
    {
        StopTimer();
        if (IsMissing)
        {
            return false;
        }

        Clear();
        IsMissing = true;
        Problem = reason;
        return true;
    }

    /// <summary>The server cannot be reached, or it is silent: a value stays, and so does the word that there is none.</summary>
    /// <returns>Whether that is news.</returns>
    public bool Fail(string reason)
    {
        StopTimer();
        if (!IsUnanswered || Problem is not null)
        {
            return false;
        }

        Problem = reason;
        return true;
    }

    public void StopTimer()
    {
        Timer?.Dispose();
        Timer = null;
    }

    private void Clear()
    {
        Config = null;
        Version = "";
        Value = ByteString.Empty;
        IsMissing = false;
        WasRefused = false;
    }
}
