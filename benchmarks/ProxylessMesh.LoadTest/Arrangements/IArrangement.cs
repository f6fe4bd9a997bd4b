using System.Diagnostics;

namespace ProxylessMesh.LoadTest.Arrangements;

/// <summary>One way for a call to get from this process to a server process.</summary>
internal interface IArrangement : IAsyncDisposable
{
    string Name { get; }

    HttpMessageInvoker Client { get; }

    Uri Target { get; }

    /// <summary>The other processes that work for a call; their CPU counts.</summary>
    IReadOnlyList<Process> Processes { get; }
}
