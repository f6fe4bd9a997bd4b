namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>For a state that comes when a push has arrived: tries until it holds or the test ends.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>Repeats a call until it does not fail.</summary>
    public static async Task<T> Async<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await call();
            }
            catch (HttpRequestException) when (!cancellationToken.IsCancellationRequested)
            {
                await Task.Delay(Pause, TimeProvider.System, cancellationToken);
            }
        }
    }

    /// <summary>Repeats a question until the answer is yes.</summary>
    public static async Task TrueAsync(Func<Task<bool>> ask, CancellationToken cancellationToken)
    {
        while (!await Async(ask, cancellationToken))
        {
            await Task.Delay(Pause, TimeProvider.System, cancellationToken);
        }
    }
}
