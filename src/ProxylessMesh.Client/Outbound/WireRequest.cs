using System.Globalization;
using System.Net;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Client.Routing;
using ProxylessMesh.Client.Snapshots;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// A request as it goes on the wire, and as the application wrote it: scheme, version, body and headers are changed for the time of
/// the call and put back afterwards, because outer handlers may send the same message again.
/// </summary>
internal sealed class WireRequest
{
    private readonly HttpRequestMessage _request;
    private readonly HostSlot _host;
    private readonly Uri _uri;
    private readonly Version _version;
    private readonly HttpVersionPolicy _versionPolicy;
    private readonly CallPlan? _plan;
    private HeaderRestore? _headers;

    // The request had no limit header and has one of ours now: to be taken off, nothing to be put back.
    private bool _isLimitOurs;

    public WireRequest(HttpRequestMessage request, HostSlot host, Uri uri, bool isGrpc, int retryBufferBytes, CallPlan? plan = null)
    {
        _request = request;
        _host = host;
        _uri = uri;
        IsGrpc = isGrpc;
        _version = request.Version;
        _versionPolicy = request.VersionPolicy;
        _plan = plan;
        if (request.Content is { } content)
        {
            request.Content = RecordingContent.For(content, retryBufferBytes);
        }
    }

    public HttpRequestMessage Request => _request;

    public HostSlot Host => _host;

    public bool IsGrpc { get; }

    /// <summary>As matchers see it.</summary>
    public HttpRequestInput Input => new(_request, _uri, _host.Authority);

    /// <summary>Null where the route has no extras.</summary>
    public CallPlan? Plan => _plan;

    /// <summary>The body can be sent (again).</summary>
    public bool CanSend => _request.Content is not RecordingContent { CanSend: false };

    public HeaderRestore Headers => _headers ??= new HeaderRestore();

    /// <summary>https where the endpoint speaks TLS and HTTP/2 where it speaks mesh TLS, whatever the application wrote; otherwise what it asked for.</summary>
    public void AddressTo(Cluster cluster, ClusterEndpoint endpoint)
    {
        var scheme = endpoint.IsTls ? Uri.UriSchemeHttps : Uri.UriSchemeHttp;
        var uri = _plan?.Uri ?? _uri;
        _request.RequestUri = uri.Scheme == scheme ? uri : _host.WithScheme(uri, scheme);
        _plan?.AddressTo(this, endpoint);
        if (endpoint.MeshTls || IsGrpc || cluster.Config.Http2 || endpoint.SpeaksHttp2)
        {
            _request.Version = HttpVersion.Version20;
            _request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        }
        else
        {
            _request.Version = _version;
            _request.VersionPolicy = _versionPolicy;
        }
    }

    /// <summary>Tells the next hop how long it has, never more than the application itself allowed.</summary>
    /// <param name="remaining">Null: as long as it wants.</param>
    /// <param name="route">The route's own limit, whose text is at hand.</param>
    public void LimitTo(TimeSpan? remaining, ExpectedTimeout? route = null)
    {
        if (remaining is not { } rest)
        {
            return;
        }

        rest = rest > TimeSpan.Zero ? rest : TimeSpan.FromMilliseconds(1);
        if (!IsGrpc)
        {
            SetLimit(route?.Of(rest) ?? ExpectedTimeout.Format(rest));
            return;
        }

        var own = _request.Headers.NonValidated.TryGetValues(GrpcTimeout.HeaderName, out var values) ? GrpcTimeout.Parse(values.ToString()) : null;
        if (own is null || own > rest)
        {
            Headers.Set(_request, GrpcTimeout.HeaderName, GrpcTimeout.Format(rest));
        }
    }

    public void StampAttempt(int number)
    {
        if (number > 1)
        {
            Headers.Set(_request, "x-envoy-attempt-count", number.ToString(CultureInfo.InvariantCulture));
            if (IsGrpc)
            {
                Headers.Set(_request, "grpc-previous-rpc-attempts", (number - 1).ToString(CultureInfo.InvariantCulture));
            }
        }
    }

    public void Restore()
    {
        _request.RequestUri = _uri;
        _request.Version = _version;
        _request.VersionPolicy = _versionPolicy;
        if (_request.Content is RecordingContent recording)
        {
            _request.Content = recording.Inner;
        }

        // First: what the route's header changes noted was there before this was set.
        if (_isLimitOurs)
        {
            _request.Headers.Remove(ExpectedTimeout.HeaderName);
            _isLimitOurs = false;
        }

        _headers?.Undo(_request);
        _plan?.End();
    }

    // Nearly every call gets this header, and nearly none brings one: what is to be put back is noted only for the few.
    private void SetLimit(string text)
    {
        var headers = _request.Headers;
        if (_isLimitOurs)
        {
            headers.Remove(ExpectedTimeout.HeaderName);
        }
        else if (headers.NonValidated.Contains(ExpectedTimeout.HeaderName))
        {
            Headers.Set(_request, ExpectedTimeout.HeaderName, text);
            return;
        }

        _isLimitOurs = headers.TryAddWithoutValidation(ExpectedTimeout.HeaderName, text);
    }
}
