using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Client.Tests.Outbound;

public sealed class IdleTimeoutTests
{
    private readonly FakeTimeProvider _time = new();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Call_without_an_answer_is_silent()
    {
        var asked = new TaskCompletionSource();
        await using var backend = await TestBackend.StartAsync(http =>
        {
            asked.TrySetResult();
            return Never(http);
        });
        await using var mesh = Mesh(backend);
        using var client = mesh.Client();

        var call = client.GetAsync(new Uri("http://catalog/"), TestEnd);
        await asked.Task.WaitAsync(TestEnd);
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(call.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));

        var error = await Assert.ThrowsAsync<MeshException>(() => call);
        Assert.Equal(MeshError.DeadlineExceeded, error.Error);
        Assert.Contains("idle timeout", error.Message, StringComparison.Ordinal);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Stream_that_goes_on_may_last_longer_than_its_longest_silence()
    {
        using var next = new SemaphoreSlim(0);
        await using var backend = await TestBackend.StartAsync(async http =>
        {
            for (var i = 0; i < 4; i++)
            {
                await http.Response.WriteAsync("x");
                await http.Response.Body.FlushAsync();
                await next.WaitAsync(http.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default);
            }

            await Never(http);
        });
        await using var mesh = Mesh(backend);
        using var client = mesh.Client();

        using var response = await client.GetAsync(new Uri("http://catalog/"), HttpCompletionOption.ResponseHeadersRead, TestEnd);
        var body = await response.Content.ReadAsStreamAsync(TestEnd);
        var buffer = new byte[16];
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(1, await body.ReadAsync(buffer, TestEnd));
            _time.Advance(TimeSpan.FromSeconds(9));
            next.Release();
        }

        var last = body.ReadAsync(buffer, TestEnd).AsTask();
        _time.Advance(TimeSpan.FromSeconds(1));

        var error = await Assert.ThrowsAsync<MeshException>(() => last);
        Assert.Contains("idle timeout", error.Message, StringComparison.Ordinal);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Request_body_that_goes_on_is_no_silence()
    {
        await using var backend = await TestBackend.StartAsync(static async http =>
        {
            await http.Request.Body.CopyToAsync(Stream.Null, http.RequestAborted);
            await http.Response.WriteAsync("done");
        });
        await using var mesh = Mesh(backend);
        using var client = mesh.Client();

        using var response = await client.PostAsync(new Uri("http://catalog/"), new StreamContent(new SlowSource(_time, portions: 5)), TestEnd);

        Assert.Equal("done", await response.Content.ReadAsStringAsync(TestEnd));
        RetryTests.AssertIdle(mesh);
    }

    private TestMesh Mesh(TestBackend backend)
    {
        var mesh = new TestMesh(time: _time);
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog") with { IdleTimeout = TimeSpan.FromSeconds(10) }, Configs.Cluster("catalog", backend.Address)));
        return mesh;
    }

    private static Task Never(HttpContext http)
        => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default);

    /// <summary>Nine seconds pass before each portion.</summary>
    private sealed class SlowSource(FakeTimeProvider time, int portions) : Stream
    {
        private int _left = portions;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (_left-- == 0)
            {
                return 0;
            }

            time.Advance(TimeSpan.FromSeconds(9));
            buffer[offset] = (byte)'x';
            return 1;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
