using System.Diagnostics;

namespace ProxylessMesh.LoadTest.Load;

/// <summary>CPU time, user and kernel, of this process and the others of an arrangement.</summary>
internal sealed class CpuClock(IReadOnlyList<Process> others)
{
    public TimeSpan Read()
    {
        var total = Environment.CpuUsage.TotalTime;
        foreach (var process in others)
        {
            process.Refresh();
            total += process.TotalProcessorTime;
        }

        return total;
    }
}
