namespace ProxylessMesh.Tests;

/// <summary>Measures what a call allocates. True only in Release: Debug boxes and spills.</summary>
internal static class Allocations
{
    public static bool AreMeasurable =>
#if DEBUG
        false;
#else
        true;
#endif

    public static long PerCall(Action call)
    {
        const int Calls = 10_000;
        call();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Calls; i++)
        {
            call();
        }

        return (GC.GetAllocatedBytesForCurrentThread() - before) / Calls;
    }
}
