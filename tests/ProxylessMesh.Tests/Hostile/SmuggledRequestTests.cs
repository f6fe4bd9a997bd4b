using System.Net.Security;
using System.Security.Authentication;
using System.Text;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Tests.Hostile.Http2Frames;

namespace ProxylessMesh.Tests.Hostile;

/// <summary>Requests that two readers could read in two ways (RFC 9112 §11.2), sent by a caller that may call <c>/open</c> alone.</summary>
public sealed class SmuggledRequestTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("two lengths", "POST /open HTTP/1.1\r\nHost: catalog\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!")]
    [InlineData("a list of lengths", "POST /open HTTP/1.1\r\nHost: catalog\r\nContent-Length: 5, 5\r\n\r\nhello")]
    [InlineData("a coding that is not the last", "POST /open HTTP/1.1\r\nHost: catalog\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n")]
    [InlineData("an unknown coding", "POST /open HTTP/1.1\r\nHost: catalog\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")]
    [InlineData("a space before the colon", "POST /open HTTP/1.1\r\nHost: catalog\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("a folded line", "GET /open HTTP/1.1\r\nHost: catalog\r\nx-a: 1\r\n x-b: 2\r\n\r\n")]
    [InlineData("CR in a value", "GET /open HTTP/1.1\r\nHost: catalog\r\nx-a: 1\rx-b: 2\r\n\r\n")]
    [InlineData("NUL in a value", "GET /open HTTP/1.1\r\nHost: catalog\r\nx-a: 1\02\r\n\r\n")]
    [InlineData("no host", "GET /open HTTP/1.1\r\n\r\n")]
    [InlineData("two hosts", "GET /open HTTP/1.1\r\nHost: catalog\r\nHost: admin\r\n\r\n")]
    [InlineData("a target of another host", "GET https://admin/open HTTP/1.1\r\nHost: catalog\r\n\r\n")]
    [InlineData("a version of its own", "GET /open HTTP/1.9\r\nHost: catalog\r\n\r\n")]
    [InlineData("NUL in the path", "GET /open%00 HTTP/1.1\r\nHost: catalog\r\n\r\n")]
    public async Task Ambiguous_request_is_no_request(string what, string bytes)
    {
        await using var target = await Target.StartAsync(OpenOnly());

        var answer = await TalkAsync(target, bytes + "GET /admin HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\n\r\n");

        Assert.True(answer.StartsWith("HTTP/1.1 400 ", StringComparison.Ordinal) || answer.StartsWith("HTTP/1.1 505 ", StringComparison.Ordinal) || answer.StartsWith("HTTP/1.1 501 ", StringComparison.Ordinal), $"{what}: {answer}");
        Assert.Equal(1, Count(answer, "HTTP/1.1 "));
        await target.UntouchedAndWellAsync();
    }

    [Theory]
    [InlineData("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: catalog\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Length: 60\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: catalog\r\n\r\n")]
    [InlineData("Content-Length: +5\r\n\r\nhelloGET /admin HTTP/1.1\r\nHost: catalog\r\n\r\n")]
    [InlineData("x-a: 1\n\nGET /admin HTTP/1.1\nHost: catalog\n\n")]
    [InlineData("Content-Length: 0\r\n\r\nGET /admin HTTP/1.1\r\nHost: catalog\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: catalog\r\n\r\n")]
    public async Task What_follows_a_request_is_authorized_like_any_other(string headersAndRest)
    {
        await using var target = await Target.StartAsync(OpenOnly());

        var answer = await TalkAsync(target, "POST /open HTTP/1.1\r\nHost: catalog\r\n" + headersAndRest);

        // The one for /open may be refused or served; the one for /admin must not be.
        Assert.InRange(Count(answer, "from the application"), 0, 1);
        Assert.InRange(target.Reached, 0, 1);
        await target.WellAsync();
    }

    [Theory]
    [InlineData("Transfer-Encoding", "chunked")]
    [InlineData("X-Upper", "1")]
    [InlineData("connection", "keep-alive")]
    [InlineData("transfer-encoding", "chunked")]
    [InlineData("x-a", "1\r\nx-forwarded-client-cert: URI=spiffe://mesh.local/ns/shop/sa/admin")]
    [InlineData(":method", "POST")]
    [InlineData(":authority", "admin")]
    [InlineData(":protocol", "websocket")]
    [InlineData("content-length", "-1")]
    [InlineData("te", "gzip")]
    public async Task Header_that_HTTP_2_forbids_ends_the_call(string name, string value)
    {
        await using var target = await Target.StartAsync(OpenOnly());
        await using var tls = await target.HandshakeAsync(target.App.Ca.Issue("shop", "storefront"), SslProtocols.Tls13, SslApplicationProtocol.Http2);

        await tls.WriteAsync((byte[])[.. Preface, .. Frame(Headers, EndHeaders | EndStream, 1, Block((":method", "GET"), (":scheme", "https"), (":path", "/open"), (":authority", "catalog"), (name, value)))], TestEnd);
        await tls.WriteAsync(Frame(7, 0, 0, new byte[8]), TestEnd); // GOAWAY: the server ends the connection when it is done with the stream
        var answer = await Target.ReadToEndAsync(tls);

        Assert.DoesNotContain("from the application", answer, StringComparison.Ordinal);
        Assert.Equal(0, target.Reached);
        await target.WellAsync();
    }

    [Fact]
    public async Task Host_header_beside_the_authority_is_not_believed()
    {
        // RFC 9113 §8.3.1: the authority is the host. A policy for host "catalog" must not be met by a header that says so.
        await using var target = await Target.StartAsync(Policies.Strict(Policies.Allow(Policies.Policy(
            "by host", new PermissionConfig.Header(new HeaderMatcher { Name = ":authority", Value = StringMatcher.Exact("catalog") }), Policies.Anyone))));
        await using var tls = await target.HandshakeAsync(target.App.Ca.Issue("shop", "storefront"), SslProtocols.Tls13, SslApplicationProtocol.Http2);

        await tls.WriteAsync((byte[])[.. Preface, .. Frame(Headers, EndHeaders | EndStream, 1, Block((":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "admin"), ("host", "catalog")))], TestEnd);
        await tls.WriteAsync(Frame(7, 0, 0, new byte[8]), TestEnd);
        var answer = await Target.ReadToEndAsync(tls);

        Assert.DoesNotContain("from the application", answer, StringComparison.Ordinal);
        await target.UntouchedAndWellAsync();
    }

    [Theory]
    [InlineData("/open/../admin")]
    [InlineData("/open/%2e%2e/admin")]
    [InlineData("/open/..%2fadmin")]
    [InlineData("/./admin")]
    [InlineData("/%61dmin")]
    [InlineData("//admin")]
    [InlineData("/admin;x=/open")]
    [InlineData("/open\\..\\admin")]
    public async Task Path_that_hides_another_path_is_judged_by_what_the_application_sees(string path)
    {
        await using var target = await Target.StartAsync(OpenOnly());
        var answer = await TalkAsync(target, $"GET {path} HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\n\r\n");

        Assert.DoesNotContain("200 OK", answer, StringComparison.Ordinal);
        await target.UntouchedAndWellAsync();
    }

    private static Xds.InboundConfig OpenOnly() => Policies.Strict(Policies.Allow(
        Policies.Policy("open", Policies.Path("/open"), Policies.Principal("storefront")),
        Policies.Policy("good", Policies.Path("/"), Policies.Principal("storefront"))));

    private static async Task<string> TalkAsync(Target target, string bytes)
    {
        await using var tls = await target.HandshakeAsync(target.App.Ca.Issue("shop", "storefront"), SslProtocols.Tls13, SslApplicationProtocol.Http11);
        await tls.WriteAsync(Encoding.Latin1.GetBytes(bytes), TestEnd);
        await tls.ShutdownAsync();
        return await Target.ReadToEndAsync(tls);
    }

    private static int Count(string text, string part) => (text.Length - text.Replace(part, "", StringComparison.Ordinal).Length) / part.Length;
}
