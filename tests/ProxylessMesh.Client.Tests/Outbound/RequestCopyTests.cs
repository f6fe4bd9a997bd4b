using System.Net;
using System.Net.Http.Json;
using ProxylessMesh.Client.Outbound;

namespace ProxylessMesh.Client.Tests.Outbound;

public sealed class RequestCopyTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public void Copy_has_everything_of_the_request_but_is_another_message()
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "http://catalog/items?x=1")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new StringContent("body"),
        };
        request.Headers.TryAddWithoutValidation("x-list", ["a", "b"]);
        request.Headers.TryAddWithoutValidation("User-Agent", "not(valid");
        request.Headers.Host = "other";
        request.Options.Set(new HttpRequestOptionsKey<string>("key"), "value");

        var source = new RequestCopy(request);
        request.Headers.Remove("x-list");
        using var copy = source.TryMake();

        Assert.NotNull(copy);
        Assert.Equal(HttpMethod.Put, copy.Method);
        Assert.Equal(request.RequestUri, copy.RequestUri);
        Assert.Equal(HttpVersion.Version20, copy.Version);
        Assert.Equal(HttpVersionPolicy.RequestVersionExact, copy.VersionPolicy);
        Assert.Equal("other", copy.Headers.Host);
        Assert.Equal(["a", "b"], copy.Headers.NonValidated["x-list"]);
        Assert.Equal("not(valid", copy.Headers.NonValidated["User-Agent"].ToString());
        Assert.True(copy.Options.TryGetValue(new HttpRequestOptionsKey<string>("key"), out var value));
        Assert.Equal("value", value);
        Assert.Equal("text/plain; charset=utf-8", copy.Content!.Headers.NonValidated["Content-Type"].ToString());
        Assert.Equal(4, copy.Content.Headers.ContentLength);
    }

    [Theory]
    [InlineData("bytes")]
    [InlineData("memory")]
    [InlineData("json")]
    public async Task Body_in_memory_is_sent_by_every_copy_and_outlives_each(string kind)
    {
        using HttpContent content = kind switch
        {
            "bytes" => new ByteArrayContent("\"body\""u8.ToArray()),
            "memory" => new ReadOnlyMemoryContent("\"body\""u8.ToArray()),
            _ => JsonContent.Create("body"),
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, "http://catalog/") { Content = RecordingContent.For(content, 100) };
        var source = new RequestCopy(request);

        for (var i = 0; i < 3; i++)
        {
            using var copy = source.TryMake();
            Assert.Equal("\"body\"", await copy!.Content!.ReadAsStringAsync(TestEnd));
        }

        Assert.Equal("\"body\"", await request.Content!.ReadAsStringAsync(TestEnd));
    }

    [Theory]
    [InlineData(100, true)]
    [InlineData(101, false)]
    public async Task Body_of_a_stream_is_copied_once_it_was_sent_whole_and_is_small(int bytes, bool isCopied)
    {
        var sent = 0;
        var content = RecordingContent.For(new StreamContent(new MemoryStream(new byte[bytes])), 100);
        ((RecordingContent)content!).Sent = () => sent++;
        using var request = new HttpRequestMessage(HttpMethod.Post, "http://catalog/") { Content = content };
        var source = new RequestCopy(request);
        Assert.False(source.CanMake);
        Assert.Null(source.TryMake());

        await content.CopyToAsync(Stream.Null, TestEnd);

        Assert.Equal(1, sent);
        Assert.Equal(isCopied, source.CanMake);
        using var copy = source.TryMake();
        Assert.Equal(isCopied ? bytes : null, copy?.Content?.Headers.ContentLength);
        Assert.Equal(isCopied, copy is not null);
    }
}
