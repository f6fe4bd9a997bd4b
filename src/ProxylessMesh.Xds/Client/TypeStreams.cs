namespace ProxylessMesh.Xds.Client;

/// <summary>What one stream has said about one type: the names on the wire, the answers that are due.</summary>
internal sealed class TypeStream(string typeUrl, ResourceType? resource)
{
    // Bounds what a server can make grow by sending without ever reading.
    private const int MaxAnswers = 64;

    private readonly List<AdsAnswer> _answers = [];

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

    public bool IsDue(long now) => _answers.Exists(answer => now >= answer.HeldUntil);

    /// <summary>A response was taken (no error: ACK) or not; a NACK may be held back until a moment.</summary>
    public void Answer(string nonce, string version, string? error, long heldUntil)
    {
        Nonce = nonce;
        Nacks = error is null ? 0 : Nacks + 1;
        Version = error is null ? version : Version;
        if (_answers.Count == MaxAnswers)
        {
            _answers.RemoveAt(0);
        }

        _answers.Add(new AdsAnswer(nonce, error, error is null ? long.MinValue : heldUntil));
    }

    /// <summary>The first answer that may go out now; null: none.</summary>
    public AdsAnswer? TakeDue(long now)
    {
        var index = _answers.FindIndex(answer => now >= answer.HeldUntil);
        if (index < 0)
        {
            return null;
        }

        var answer = _answers[index];
        _answers.RemoveAt(index);
        return answer;
    }

    /// <summary>The last answer, held back or not; those before it are dropped. Null: none.</summary>
    public AdsAnswer? TakeLast()
    {
        var answer = _answers.LastOrDefault();
        _answers.Clear();
        return answer;
    }
}

/// <summary>What is said to one response; a NACK where there is an error.</summary>
internal sealed record AdsAnswer(string Nonce, string? Error, long HeldUntil);

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
