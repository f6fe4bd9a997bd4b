namespace ProxylessMesh.Xds.Client;

/// <summary>What one stream has said about one type: the names on the wire, the answer that is due.</summary>
internal sealed class TypeStream(string typeUrl, ResourceType? resource)
{
    private bool _answerDue;
    private string? _error;

    public string TypeUrl { get; } = typeUrl;

    /// <summary>Null for a type that is only acknowledged.</summary>
    public ResourceType? Resource { get; } = resource;

    /// <summary>The names that the server knows to be wanted.</summary>
    public HashSet<string> Names { get; } = new(StringComparer.Ordinal);

    /// <summary>A request of this type went out on this stream.</summary>
    public bool IsBegun { get; set; }

    /// <summary>Of the last response.</summary>
    public string Nonce { get; private set; } = "";

    /// <summary>Of the last response that was taken whole; what state of the world acknowledges.</summary>
    public string Version { get; private set; } = "";

    /// <summary>NACKs since the last ACK.</summary>
    public int Nacks { get; private set; }

    /// <summary>A NACK waits until then, so that a server that answers each by the same response cannot spin.</summary>
    public long HeldUntil { get; private set; }

    public bool IsDue(long now) => _answerDue && now >= HeldUntil;

    public void Answer(string nonce, string version, string? error, long heldUntil)
    {
        Nonce = nonce;
        _answerDue = true;
        _error = error;
        HeldUntil = error is null ? 0 : heldUntil;
        Nacks = error is null ? 0 : Nacks + 1;
        if (error is null)
        {
            Version = version;
        }
    }

    /// <summary>The answer that goes with the next request; empty where none is due.</summary>
    public (string Nonce, string? Error) TakeAnswer()
    {
        if (!_answerDue)
        {
            return ("", null);
        }

        _answerDue = false;
        return (Nonce, _error);
    }
}

/// <summary>All types of one stream.</summary>
internal sealed class TypeStreams(ResourceCache cache)
{
    private readonly Dictionary<string, TypeStream> _byUrl = new(StringComparer.Ordinal);

    // Bounds what a server can make grow by sending types that nobody asked for.
    private const int MaxUnknownTypes = 16;

    /// <summary>The type that <see cref="TakeDue"/> gave last.</summary>
    public TypeStream? Last { get; private set; }

    public TypeStream? Of(string typeUrl)
    {
        if (_byUrl.TryGetValue(typeUrl, out var stream))
        {
            return stream;
        }

        var resource = ResourceType.Find(typeUrl);
        if (resource is null && _byUrl.Count > ResourceType.All.Count + MaxUnknownTypes)
        {
            return null;
        }

        stream = new TypeStream(typeUrl, resource);
        _byUrl.Add(typeUrl, stream);
        return stream;
    }

    /// <summary>A type with something to say, in the order of dependencies; null: nothing is due.</summary>
    public TypeStream? TakeDue(long now)
    {
        Last = ResourceType.All.Select(type => Of(type.TypeUrl)).FirstOrDefault(stream => stream is not null && IsDue(stream, now))
            ?? _byUrl.Values.FirstOrDefault(stream => stream.Resource is null && stream.IsDue(now));
        if (Last?.Resource is { } resource)
        {
            cache.Resubscribe.Remove(resource);
        }

        return Last;
    }

    private bool IsDue(TypeStream stream, long now)
    {
        if (stream.Resource is not { } resource)
        {
            return false;
        }

        return stream.IsBegun
            ? stream.IsDue(now) || cache.Resubscribe.Contains(resource)
            : cache[resource].Count > 0;
    }
}
