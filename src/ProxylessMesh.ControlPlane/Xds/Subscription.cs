using Google.Rpc;
using ProxylessMesh.Protos;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>Finds a resource under the name a node asks for; null when there is none.</summary>
internal delegate XdsResource? ResourceLookup(XdsSnapshot snapshot, string typeUrl, string name);

/// <summary>What one stream asked of one resource type and what it has of it. Not thread safe: its session holds the lock.</summary>
internal abstract class Subscription(string typeUrl, ResourceLookup lookup)
{
    /// <summary>Names per type and stream; what goes beyond is answered as missing.</summary>
    protected const int MaxNames = 10_000;

    /// <summary>Longer names exist nowhere.</summary>
    protected const int MaxNameLength = 2048;

    /// <summary>Where a response is full. gRPC clients take 4 MiB by default; one resource may be large itself.</summary>
    protected const int ResponseBytes = 1024 * 1024;

    protected const string Wildcard = "*";

    private const int MaxNackLength = 4096;

    public string TypeUrl { get; } = typeUrl;

    /// <summary>Names asked for one by one.</summary>
    public HashSet<string> Names { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether everything of the type is asked for. Only Listeners and Clusters know that (xDS, "How the client specifies what resources to return").</summary>
    public bool IsWildcard { get; protected set; }

    /// <summary>The number of the last snapshot that the client has taken whole; 0 before the first.</summary>
    public long ConfirmedSnapshot { get; private set; }

    /// <summary>The manifest revision of that snapshot.</summary>
    public long ConfirmedRevision { get; private set; }

    /// <summary>Why the client refused what it was sent last; null when it did not.</summary>
    public string? Nack { get; private set; }

    /// <summary>Whether a response has not been answered yet.</summary>
    public abstract bool IsUnacknowledged { get; }

    protected bool AllowsWildcard => TypeUrl is XdsTypeUrls.Listener or XdsTypeUrls.Cluster;

    /// <summary>The snapshot that was last compared as a whole with what the client has.</summary>
    protected XdsSnapshot? Scanned { get; set; }

    /// <summary>Whether the last scan kept something back that is gone.</summary>
    protected bool HasHeldRemovals { get; set; }

    /// <summary>Whether the client has taken everything of this snapshot.</summary>
    public bool IsCurrent(XdsSnapshot snapshot) => ReferenceEquals(Scanned, snapshot) && !IsUnacknowledged && Nack is null;

    protected XdsResource? Find(XdsSnapshot snapshot, string name) => lookup(snapshot, TypeUrl, name);

    protected IEnumerable<string> EffectiveNames(XdsSnapshot snapshot)
        => IsWildcard ? snapshot.OfType(TypeUrl).Keys.Concat(Names.Where(name => !snapshot.OfType(TypeUrl).ContainsKey(name))) : Names;

    protected bool TryAddName(string name) => name.Length is > 0 and <= MaxNameLength && (Names.Contains(name) || (Names.Count < MaxNames && Names.Add(name)));

    protected void Answered(Status? error)
    {
        var message = error?.Message ?? "";
        Nack = error is null ? null : message.Length <= MaxNackLength ? message : message[..MaxNackLength];
    }

    protected void ConfirmIfCurrent()
    {
        if (Scanned is not null && IsCurrent(Scanned))
        {
            ConfirmedSnapshot = Scanned.Number;
            ConfirmedRevision = Scanned.Revision;
        }
    }
}
