using System.Security.Cryptography;
using System.Text;
using Envoy.Service.Discovery.V3;
using Google.Protobuf.Collections;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>
/// One type of a state-of-the-world stream. Listeners and Clusters come whole, so that leaving one out says that it is gone; of routes
/// and endpoints only what changed is sent, as the protocol allows.
/// </summary>
internal sealed class SotwSubscription(string typeUrl, ResourceLookup lookup) : Subscription(typeUrl, lookup)
{
    private readonly Dictionary<string, XdsResource> _sent = new(StringComparer.Ordinal);
    private string _nonce = "";
    private string? _claimedVersion;
    private bool _isUnacknowledged;
    private bool _hasBegun;
    private bool _hasNamed;
    private bool _isAsked;

    public override bool IsUnacknowledged => _isUnacknowledged;

    private bool ComesWhole => AllowsWildcard;

    public void Handle(DiscoveryRequest request)
    {
        if (request.ResponseNonce.Length > 0)
        {
            // A stale answer: the one to the latest response comes with the names of that moment.
            if (request.ResponseNonce != _nonce)
            {
                return;
            }

            _isUnacknowledged = false;
            Answered(request.ErrorDetail);
        }

        if (!_hasBegun)
        {
            _hasBegun = true;
            _isAsked = true;
            _claimedVersion = request.VersionInfo.Length > 0 ? request.VersionInfo : null;
        }

        TakeNames(request.ResourceNames);
        ConfirmIfCurrent();
    }

    /// <summary>The next response, or null when there is nothing to say (now).</summary>
    /// <param name="snapshot">The latest state.</param>
    /// <param name="holdRemovals">Whether what is gone is kept in until nothing can refer to it any more.</param>
    /// <param name="nextNonce">Makes a nonce.</param>
    public DiscoveryResponse? Next(XdsSnapshot snapshot, bool holdRemovals, Func<string> nextNonce)
    {
        if (!_isAsked && (IsUnacknowledged || (ReferenceEquals(Scanned, snapshot) && (!HasHeldRemovals || holdRemovals))))
        {
            return null;
        }

        var current = CurrentState(snapshot, holdRemovals);
        var isChange = Differs(current) || (_isAsked && ComesWhole);
        Scanned = snapshot;
        _isAsked = false;
        var version = isChange ? VersionOf(current) : "";
        var isUpToDate = isChange && _claimedVersion == version;
        _claimedVersion = null;
        if (!isChange || isUpToDate)
        {
            // A reconnect that is up to date costs no bytes.
            Remember(current);
            ConfirmIfCurrent();
            return null;
        }

        var response = new DiscoveryResponse { TypeUrl = TypeUrl, VersionInfo = version, Nonce = nextNonce() };
        response.Resources.Add((ComesWhole ? TakeAll(current) : TakeChanged(current)).Select(resource => resource.Any));
        _nonce = response.Nonce;
        _isUnacknowledged = true;
        return response;
    }

    private List<XdsResource> TakeAll(Dictionary<string, XdsResource> current)
    {
        Remember(current);
        return [.. current.Values];
    }

    private List<XdsResource> TakeChanged(Dictionary<string, XdsResource> current)
    {
        var taken = new List<XdsResource>();
        var bytes = 0;
        foreach (var resource in current.Values)
        {
            if (_sent.TryGetValue(resource.Name, out var sent) && sent.Version == resource.Version)
            {
                continue;
            }

            if (bytes > ResponseBytes)
            {
                // The rest comes when the client has answered.
                Scanned = null;
                break;
            }

            _sent[resource.Name] = resource;
            taken.Add(resource);
            bytes += resource.Bytes.Length;
        }

        return taken;
    }

    private Dictionary<string, XdsResource> CurrentState(XdsSnapshot snapshot, bool holdRemovals)
    {
        var current = new Dictionary<string, XdsResource>(StringComparer.Ordinal);
        foreach (var name in EffectiveNames(snapshot))
        {
            if (Find(snapshot, name) is { } resource)
            {
                current[name] = resource;
            }
        }

        HasHeldRemovals = false;
        if (holdRemovals && ComesWhole)
        {
            foreach (var (name, resource) in _sent)
            {
                // Only what is still asked for is in _sent.
                HasHeldRemovals |= current.TryAdd(name, resource);
            }
        }

        return current;
    }

    private bool Differs(Dictionary<string, XdsResource> current)
    {
        foreach (var (name, resource) in current)
        {
            if (!_sent.TryGetValue(name, out var sent) || sent.Version != resource.Version)
            {
                return true;
            }
        }

        return ComesWhole && current.Count != _sent.Count;
    }

    private void Remember(Dictionary<string, XdsResource> current)
    {
        _sent.Clear();
        foreach (var (name, resource) in current)
        {
            _sent[name] = resource;
        }
    }

    private void TakeNames(RepeatedField<string> asked)
    {
        // No names in the first request is a wildcard; later it means that the client wants nothing more.
        IsWildcard = AllowsWildcard && (asked.Contains(Wildcard) || (asked.Count == 0 && !_hasNamed));
        _hasNamed |= asked.Count > 0;
        var names = asked.Where(name => name != Wildcard).ToHashSet(StringComparer.Ordinal);
        foreach (var name in Names.Where(name => !names.Contains(name)).ToList())
        {
            Names.Remove(name);
            if (!IsWildcard)
            {
                _sent.Remove(name);
            }
        }

        foreach (var name in names)
        {
            _isAsked |= !Names.Contains(name) && TryAddName(name);
        }
    }

    // The names that are not there count too: who asks for one more that is missing is to be told.
    private string VersionOf(Dictionary<string, XdsResource> current)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var name in Names.Union(current.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(name));
            hash.AppendData(Encoding.UTF8.GetBytes(current.TryGetValue(name, out var resource) ? $"={resource.Version};" : "=;"));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 10));
    }
}
