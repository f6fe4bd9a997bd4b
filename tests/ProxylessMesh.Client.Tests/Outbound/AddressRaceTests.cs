using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Client.Outbound;

namespace ProxylessMesh.Client.Tests.Outbound;

public sealed class AddressRaceTests
{
    private static readonly IPEndPoint First = IPEndPoint.Parse("[2001:db8::1]:80");
    private static readonly IPEndPoint Second = IPEndPoint.Parse("192.0.2.1:80");

    private readonly FakeTimeProvider _time = new();
    private readonly Dictionary<IPEndPoint, TaskCompletionSource<Connection>> _attempts = [];

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public void Families_take_turns_beginning_with_that_of_the_first_address()
    {
        string[] others = ["[2001:db8::2]:80", "[2001:db8::3]:80", "192.0.2.1:80", "192.0.2.2:80"];

        var turns = AddressRace.InTurn(First, [.. others.Select(IPEndPoint.Parse)]);

        Assert.Equal(["[2001:db8::1]:80", "192.0.2.1:80", "[2001:db8::2]:80", "192.0.2.2:80", "[2001:db8::3]:80"], turns.Select(static turn => turn.ToString()));
    }

    [Fact]
    public async Task Second_address_is_tried_after_a_quarter_of_a_second_and_may_win()
    {
        var connecting = ConnectAsync(TestEnd);
        Assert.Equal([First], _attempts.Keys);
        _time.Advance(TimeSpan.FromMilliseconds(249));
        Assert.Single(_attempts);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        var winner = new Connection();
        (await AttemptAsync(Second)).SetResult(winner);

        Assert.Same(winner, await connecting);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _attempts[First].Task);
    }

    [Fact]
    public async Task First_address_goes_on_and_may_still_win()
    {
        var connecting = ConnectAsync(TestEnd);
        _time.Advance(AddressRace.AttemptDelay);
        await AttemptAsync(Second);
        var winner = new Connection();
        _attempts[First].SetResult(winner);

        Assert.Same(winner, await connecting);
    }

    [Fact]
    public async Task Failure_starts_the_next_at_once()
    {
        var connecting = ConnectAsync(TestEnd);
        _attempts[First].SetException(new SocketException((int)SocketError.ConnectionRefused));
        (await AttemptAsync(Second)).SetResult(new Connection());

        Assert.False((await connecting).IsDisposed);
    }

    [Fact]
    public async Task Connection_that_comes_too_late_is_closed()
    {
        var late = new TaskCompletionSource<Connection>();
        var loser = new Connection();
        var winner = new Connection();
        var connecting = AddressRace.ConnectAsync([First, Second], (address, _) => address.Equals(First) ? late.Task : Task.FromResult(winner), _time, TestEnd);
        _time.Advance(AddressRace.AttemptDelay);
        Assert.Same(winner, await connecting);

        late.SetResult(loser);

        await loser.Disposed.Task.WaitAsync(TestEnd);
        Assert.False(winner.IsDisposed);
    }

    [Fact]
    public async Task Error_of_the_first_address_is_told_when_none_connects()
    {
        var connecting = ConnectAsync(TestEnd);
        _attempts[First].SetException(new IOException("first"));
        (await AttemptAsync(Second)).SetException(new IOException("second"));

        Assert.Equal("first", (await Assert.ThrowsAsync<IOException>(() => connecting)).Message);
    }

    [Fact]
    public async Task Giving_up_gives_up_everything()
    {
        using var cancel = new CancellationTokenSource();
        var connecting = ConnectAsync(cancel.Token);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _attempts[First].Task);
    }

    private Task<Connection> ConnectAsync(CancellationToken cancellationToken) => AddressRace.ConnectAsync(
        [First, Second],
        (address, cancel) =>
        {
            var attempt = new TaskCompletionSource<Connection>(TaskCreationOptions.RunContinuationsAsynchronously);
            cancel.Register(() => attempt.TrySetCanceled(cancel));
            _attempts.Add(address, attempt);
            return attempt.Task;
        },
        _time,
        cancellationToken);

    private async Task<TaskCompletionSource<Connection>> AttemptAsync(IPEndPoint address)
    {
        TaskCompletionSource<Connection>? attempt;
        while (!_attempts.TryGetValue(address, out attempt))
        {
            TestEnd.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        return attempt;
    }

    private sealed class Connection : IDisposable
    {
        public TaskCompletionSource Disposed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsDisposed => Disposed.Task.IsCompleted;

        public void Dispose() => Disposed.TrySetResult();
    }
}
