using System.Net;
using Microsoft.Extensions.Options;

namespace ProxylessMesh.Listening;

/// <summary>
/// How many TLS handshakes run at once, in all and of one address, so that a burst of them takes turns and one address that holds half
/// of a handshake open cannot keep others out. Those above it wait, no longer than a handshake may take.
/// </summary>
internal sealed class HandshakeLimit(IOptions<MeshOptions> options) : IDisposable
{
    // One address may have a part of the places: behind a gateway or on a shared host it may still be many callers.
    private const int AddressShare = 4;

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _all = new(options.Value.Inbound.MaxHandshakes);
    private readonly int _ofAddress = Math.Max(1, options.Value.Inbound.MaxHandshakes / AddressShare);
    private readonly Dictionary<IPAddress, Address> _addresses = [];

    /// <summary>Addresses that have handshakes now.</summary>
    public int Addresses
    {
        get
        {
            lock (_lock)
            {
                return _addresses.Count;
            }
        }
    }

    /// <summary>Waits for a place; dispose it when the handshake has ended, once or more often.</summary>
    /// <exception cref="OperationCanceledException">None became free in time.</exception>
    public async ValueTask<IDisposable> EnterAsync(IPAddress remote, CancellationToken cancellationToken)
    {
        var address = Join(remote);
        try
        {
            await address.Places.WaitAsync(cancellationToken);
        }
        catch
        {
            Leave(remote, address);
            throw;
        }

        try
        {
            await _all.WaitAsync(cancellationToken);
        }
        catch
        {
            address.Places.Release();
            Leave(remote, address);
            throw;
        }

        return new Place(this, remote, address);
    }

    public void Dispose() => _all.Dispose();

    private Address Join(IPAddress remote)
    {
        lock (_lock)
        {
            if (!_addresses.TryGetValue(remote, out var address))
            {
                address = new Address(_ofAddress);
                _addresses.Add(remote, address);
            }

            address.Uses++;
            return address;
        }
    }

    private void Leave(IPAddress remote, Address address)
    {
        lock (_lock)
        {
            if (--address.Uses == 0)
            {
                _addresses.Remove(remote);
            }
        }
    }

    private sealed class Address(int places)
    {
        public SemaphoreSlim Places { get; } = new(places);

        /// <summary>Handshakes that run or wait, under the lock.</summary>
        public int Uses { get; set; }
    }

    private sealed class Place(HandshakeLimit limit, IPAddress remote, Address address) : IDisposable
    {
        private bool _returned;

        public void Dispose()
        {
            if (!Interlocked.Exchange(ref _returned, true))
            {
                limit._all.Release();
                address.Places.Release();
                limit.Leave(remote, address);
            }
        }
    }
}
