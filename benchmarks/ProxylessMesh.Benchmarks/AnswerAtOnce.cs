using System.Net;

namespace ProxylessMesh.Benchmarks;

/// <summary>A transport that answers 200 with an empty body before it returns.</summary>
internal sealed class AnswerAtOnce : HttpMessageHandler
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        => Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK));
}
