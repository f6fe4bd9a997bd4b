using System.IO.Pipelines;
using System.Text;
using ProxylessMesh.Listening;

namespace ProxylessMesh.Tests.Listening;

public sealed class FirstBytesReaderTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("\u0016\u0003\u0001", nameof(FirstBytes.Tls))]
    [InlineData("GET / HTTP/1.1\r\n", nameof(FirstBytes.Other))]
    [InlineData("PUT / HTTP/1.1\r\n", nameof(FirstBytes.Other))]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrest", nameof(FirstBytes.Http2))]
    [InlineData("PRI * HTTP/1.1\r\n", nameof(FirstBytes.Other))]
    [InlineData("\0", nameof(FirstBytes.Other))]
    public async Task First_bytes_tell_the_protocol_whole_or_byte_by_byte_and_stay_to_be_read(string sent, string expected)
    {
        Assert.Equal((expected, sent), await PeekAsync(sent, chunk: sent.Length));
        Assert.Equal((expected, sent), await PeekAsync(sent, chunk: 1));
    }

    [Theory]
    [InlineData("", nameof(FirstBytes.Closed))]
    [InlineData("PRI * HT", nameof(FirstBytes.Other))]
    public async Task Connection_that_ends_early_is_told_too(string sent, string expected)
        => Assert.Equal((expected, sent), await PeekAsync(sent, chunk: 100));

    private static async Task<(string Kind, string Left)> PeekAsync(string sent, int chunk)
    {
        var pipe = new Pipe();
        var peek = FirstBytesReader.PeekAsync(pipe.Reader, TestEnd).AsTask();
        foreach (var part in Encoding.Latin1.GetBytes(sent).Chunk(chunk))
        {
            await pipe.Writer.WriteAsync(part, TestEnd);
        }

        await pipe.Writer.CompleteAsync();
        var kind = await peek;
        using var left = new MemoryStream();
        await pipe.Reader.CopyToAsync(left, TestEnd);
        return (kind.ToString(), Encoding.Latin1.GetString(left.ToArray()));
    }
}
