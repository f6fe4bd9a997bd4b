namespace ProxylessMesh.Fuzz;

/// <summary>One decoder of bytes that come from outside the process.</summary>
/// <param name="Name">As it is named on the command line.</param>
/// <param name="Seeds">Good inputs: the decoder takes each of them, or nothing near them would be tried.</param>
/// <param name="Decode">
/// Gives an input to the decoder: true where it was taken, false where it was refused in one of the ways that the decoder's documentation
/// names. Everything else that comes out is a finding, <see cref="FindingException"/> included.
/// </param>
internal sealed record FuzzTarget(string Name, IReadOnlyList<byte[]> Seeds, Func<byte[], bool> Decode)
{
    /// <summary>Pieces of the format, which are put into inputs.</summary>
    public IReadOnlyList<byte[]> Words { get; init; } = [];

    /// <summary>How many times as long as others one input takes: its share of a count is smaller.</summary>
    public int Cost { get; init; } = 1;
}

/// <summary>The decoder took what it must not take, or said something about it that is not true.</summary>
internal sealed class FindingException(string message) : Exception(message);
