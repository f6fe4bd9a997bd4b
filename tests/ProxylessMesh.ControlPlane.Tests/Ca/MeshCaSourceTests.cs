using System.Net;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.ControlPlane.Tests.Ca;

/// <summary>The source over hours, by a clock of its own, against a real control plane.</summary>
public sealed class MeshCaSourceTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly SleepClock _time = new();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Certificate_is_renewed_around_half_of_its_lifetime_without_the_token()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var token = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd);
        await using var run = new Run(host.SettingsFor(token), _time);
        var first = await run.Source.GetAsync(TestEnd);
        await _time.AsleepAsync();

        _time.Advance(TimeSpan.FromHours(9.5));
        Assert.Same(first, run.Source.Current);
        _time.Advance(TimeSpan.FromHours(5));
        await _time.AsleepAsync();

        Assert.NotSame(first, run.Source.Current);
        Assert.Equal(first.Id, run.Source.Current!.Id);
        Assert.Equal(IdentityState.Ready, run.Source.Status.State);
    }

    [Fact]
    public async Task Lost_control_plane_makes_the_identity_stale_then_expired_is_logged_once_and_mends_itself()
    {
        var host = await TestCaHost.StartAsync(_folder.Path);
        var address = new IPEndPoint(IPAddress.Loopback, host.Address.Port);
        var token = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromDays(30), 0, TestEnd);
        await using var run = new Run(host.SettingsFor(token), _time);
        var first = await run.Source.GetAsync(TestEnd);
        await host.DisposeAsync();

        await _time.AsleepAsync();
        _time.Advance(TimeSpan.FromHours(15));
        await _time.AsleepAsync();
        var status = run.Source.Status;
        Assert.Equal(IdentityState.Stale, status.State);
        Assert.Equal(IdentityError.ControlPlaneUnreachable, status.Error!.Error);
        Assert.Same(first, run.Source.Current);
        for (var attempt = 0; attempt < 4; attempt++)
        {
            _time.Advance(TimeSpan.FromMinutes(1));
            await _time.AsleepAsync();
        }

        Assert.Single(run.Log.Entries, static entry => entry.Level == LogLevel.Warning);

        await using var again = await TestCaHost.StartAsync(_folder.Path, static options => options.SvidLifetime = TimeSpan.FromHours(48), address);
        _time.SetUtcNow(first.ExpiresAt);
        Assert.Equal(IdentityState.Expired, run.Source.Status.State);
        Assert.NotNull(run.Source.Status.FailingSince);

        await _time.AsleepAsync();
        status = run.Source.Status;
        Assert.Equal(IdentityState.Ready, status.State);
        Assert.Null(status.FailingSince);
    }

    [Fact]
    public async Task Sealed_identity_is_in_force_at_once_and_renews_without_a_token()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var sealedOne = await host.JoinAsync(await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd));
        await using var run = new Run(host.SettingsFor(""), _time, sealedOne);
        Assert.Same(sealedOne, run.Source.Current);
        await _time.AsleepAsync();

        _time.Advance(TimeSpan.FromHours(15));
        await _time.AsleepAsync();

        Assert.NotSame(sealedOne, run.Source.Current);
    }

    [Fact]
    public async Task Sealed_identity_of_somebody_else_or_of_the_past_is_not_taken()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var ca = TestCa.Create();
        var source = new MeshCaSource(host.SettingsFor(""), _time, new LoggerFactory().CreateLogger<MeshCaSource>());

        Assert.False(source.Restore(ca.Issue("shop", "pricing")));
        Assert.False(source.Restore(ca.Issue("shop", "catalog", TimeSpan.FromMinutes(-1))));
        Assert.Null(source.Current);
    }

    /// <summary>A source that runs until the test ends.</summary>
    private sealed class Run : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestEnd);
        private readonly ILoggerFactory _loggers;
        private readonly Task _running;

        public Run(MeshCaSettings settings, TimeProvider time, WorkloadIdentity? restored = null)
        {
            _loggers = LoggerFactory.Create(logging => logging.AddProvider(Log));
            Source = new MeshCaSource(settings with { AttemptTimeout = SleepClock.NoSleep }, time, _loggers.CreateLogger<MeshCaSource>());
            if (restored is not null)
            {
                Assert.True(Source.Restore(restored));
            }

            _running = Source.RunAsync(_stop.Token);
        }

        public MeshCaSource Source { get; }

        public LogGuard Log { get; } = new();

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running;
            _stop.Dispose();
            _loggers.Dispose();
        }
    }

    /// <summary>A clock that tells when the source has gone to sleep: only then may a test move it.</summary>
    private sealed class SleepClock() : FakeTimeProvider(TimeProvider.System.GetUtcNow())
    {
        /// <summary>A timer of this length is an attempt's time limit, no sleep.</summary>
        public static readonly TimeSpan NoSleep = TimeSpan.FromHours(100);

        private readonly Channel<bool> _sleeps = Channel.CreateUnbounded<bool>();

        public async Task AsleepAsync() => await _sleeps.Reader.ReadAsync(TestEnd);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            if (dueTime > TimeSpan.Zero && dueTime != NoSleep)
            {
                _sleeps.Writer.TryWrite(true);
            }

            return timer;
        }
    }
}
