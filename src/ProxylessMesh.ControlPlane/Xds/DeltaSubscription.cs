using System.Globalization;
using Envoy.Service.Discovery.V3;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>One type of a delta stream: only what changed is sent, a name that is not there is told at once.</summary>
/// <remarks>
/// One response per type is on its way at a time, besides answers to new names: what changes meanwhile is sent as its latest state
/// when the client has answered. Large states go in several responses.
/// </remarks>
internal sealed class DeltaSubscription(string typeUrl, ResourceLookup lookup) : Subscription(typeUrl, lookup)
{
    private const int MaxUnacknowledged = 64;

    // Stands for the version of a resource that the client was told is not there.
    private const string Missing = "";

    private readonly Dictionary<string, string> _known = new(StringComparer.Ordinal);
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);
    private readonly HashSet<string> _refused = new(StringComparer.Ordinal);
    private readonly Queue<string> _unacknowledged = new();
    private bool _hasBegun;

    public override bool IsUnacknowledged => _unacknowledged.Count > 0;

    public void Handle(DeltaDiscoveryRequest request)
    {
        // With an unknown nonce the lists count all the same: they are changes and, unlike in state of the world, come only once.
        Acknowledge(request);
        if (!_hasBegun)
        {
            Begin(request);
        }
        else
        {
            foreach (var name in request.ResourceNamesSubscribe)
            {
                // "The server must resend" a resource that is asked for again.
                _known.Remove(name);
            }
        }

        foreach (var name in request.ResourceNamesSubscribe)
        {
            Subscribe(name);
        }

        foreach (var name in request.ResourceNamesUnsubscribe)
        {
            Unsubscribe(name);
        }

        ConfirmIfCurrent();
    }

    /// <summary>The next response, or null when there is nothing to say (now).</summary>
    /// <param name="snapshot">The latest state.</param>
    /// <param name="holdRemovals">Whether what is gone is kept back until nothing can refer to it any more.</param>
    /// <param name="nextNonce">Makes a nonce.</param>
    public DeltaDiscoveryResponse? Next(XdsSnapshot snapshot, bool holdRemovals, Func<string> nextNonce)
    {
        var owesAnswer = _asked.Count > 0 || _refused.Count > 0;
        if (!owesAnswer && (IsUnacknowledged || (ReferenceEquals(Scanned, snapshot) && (!HasHeldRemovals || holdRemovals))))
        {
            return null;
        }

        var response = new DeltaDiscoveryResponse { TypeUrl = TypeUrl, SystemVersionInfo = snapshot.Revision.ToString(CultureInfo.InvariantCulture) };
        response.RemovedResources.Add(_refused);
        _refused.Clear();
        var onlyAsked = IsUnacknowledged;
        var isComplete = Fill(response, snapshot, onlyAsked ? [.. _asked] : EffectiveNames(snapshot), holdRemovals, onlyAsked);
        if (!onlyAsked && isComplete)
        {
            Scanned = snapshot;
        }

        if (response.Resources.Count == 0 && response.RemovedResources.Count == 0)
        {
            ConfirmIfCurrent();
            return null;
        }

        response.Nonce = nextNonce();
        _unacknowledged.Enqueue(response.Nonce);
        if (_unacknowledged.Count > MaxUnacknowledged)
        {
            _unacknowledged.Dequeue();
        }

        return response;
    }

    private bool Fill(DeltaDiscoveryResponse response, XdsSnapshot snapshot, IEnumerable<string> names, bool holdRemovals, bool onlyAsked)
    {
        var bytes = 0;
        var hasHeld = false;
        foreach (var name in names)
        {
            if (bytes > ResponseBytes)
            {
                return false;
            }

            var wasAsked = _asked.Remove(name);
            var isKnown = _known.TryGetValue(name, out var version);
            if (Find(snapshot, name) is { } resource)
            {
                if (!isKnown || version != resource.Version)
                {
                    response.Resources.Add(resource.Versioned);
                    _known[name] = resource.Version;
                    bytes += resource.Bytes.Length + name.Length;
                }
            }
            else if (isKnown && version != Missing && holdRemovals && !wasAsked)
            {
                hasHeld = true;
            }
            else if (!isKnown || version != Missing)
            {
                response.RemovedResources.Add(name);
                _known[name] = Missing;
                bytes += name.Length;
            }
        }

        if (!onlyAsked)
        {
            hasHeld |= IsWildcard && RemoveWhatIsGone(response, snapshot, holdRemovals);
            HasHeldRemovals = hasHeld;
        }

        return true;
    }

    // With a wildcard the client also has what it never named.
    private bool RemoveWhatIsGone(DeltaDiscoveryResponse response, XdsSnapshot snapshot, bool holdRemovals)
    {
        var all = snapshot.OfType(TypeUrl);
        var gone = _known.Keys.Where(name => !all.ContainsKey(name) && !Names.Contains(name)).ToList();
        if (!holdRemovals)
        {
            gone.ForEach(name => _known.Remove(name));
            response.RemovedResources.Add(gone);
        }

        return holdRemovals && gone.Count > 0;
    }

    private void Begin(DeltaDiscoveryRequest request)
    {
        _hasBegun = true;
        IsWildcard = AllowsWildcard && request.ResourceNamesSubscribe.Count == 0;
        foreach (var (name, version) in request.InitialResourceVersions.Take(MaxNames))
        {
            if (name.Length <= MaxNameLength && version.Length is > 0 and <= MaxNameLength)
            {
                _known[name] = version;
            }
        }

        if (!IsWildcard && !request.ResourceNamesSubscribe.Contains(Wildcard))
        {
            foreach (var name in _known.Keys.Except(request.ResourceNamesSubscribe, StringComparer.Ordinal).ToList())
            {
                _known.Remove(name);
            }
        }
    }

    private void Subscribe(string name)
    {
        if (name == Wildcard && AllowsWildcard)
        {
            IsWildcard = true;
            Scanned = null;
        }
        else if (TryAddName(name))
        {
            _asked.Add(name);
        }
        else if (_refused.Count < MaxNames)
        {
            _refused.Add(name);
        }
    }

    private void Unsubscribe(string name)
    {
        if (name == Wildcard)
        {
            IsWildcard = false;
            foreach (var known in _known.Keys.Where(known => !Names.Contains(known)).ToList())
            {
                _known.Remove(known);
            }

            return;
        }

        _asked.Remove(name);
        _refused.Remove(name);
        if (Names.Remove(name) && !IsWildcard)
        {
            _known.Remove(name);
        }
    }

    private void Acknowledge(DeltaDiscoveryRequest request)
    {
        if (!_unacknowledged.Contains(request.ResponseNonce))
        {
            return;
        }

        // Answers come in order: an older one that was skipped is taken with it.
        string answered;
        do
        {
            answered = _unacknowledged.Dequeue();
        }
        while (answered != request.ResponseNonce);
        Answered(request.ErrorDetail);
    }
}
