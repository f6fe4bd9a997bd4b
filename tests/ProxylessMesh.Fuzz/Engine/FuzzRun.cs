using System.Diagnostics;

namespace ProxylessMesh.Fuzz;

/// <summary>Gives one target its inputs and ends at the first finding: an exception, an input that takes too long, or one that takes too much memory.</summary>
internal sealed class FuzzRun(FuzzTarget target, int seed)
{
    /// <summary>Longest that one input may take. Far above what any needs on a busy machine.</summary>
    public static readonly TimeSpan InputLimit = TimeSpan.FromSeconds(10);

    /// <summary>Most that one input, of 64 KiB at most, may allocate.</summary>
    public const long MaxBytesPerInput = 256L * 1024 * 1024;

    /// <summary>Most that a run may leave behind on the managed heap.</summary>
    public const long MaxBytesLeft = 128L * 1024 * 1024;

    private readonly FuzzResult _result = new(target.Name);
    private byte[] _input = [];
    private long _startedAt;

    /// <summary>Runs on a thread of its own, so that an input without end is seen. The thread is then left behind.</summary>
    public FuzzResult Run(long count)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var thread = new Thread(() => RunAll(count), 16 * 1024 * 1024) { IsBackground = true, Name = target.Name };
        Volatile.Write(ref _startedAt, Stopwatch.GetTimestamp());
        thread.Start();
        while (!thread.Join(TimeSpan.FromSeconds(1)))
        {
            if (Stopwatch.GetElapsedTime(Volatile.Read(ref _startedAt)) > InputLimit)
            {
                return _result.With(_input, $"it takes longer than {InputLimit.TotalSeconds} seconds");
            }
        }

        var left = GC.GetTotalMemory(forceFullCollection: true) - before;
        return _result.Finding is null && left > MaxBytesLeft ? _result.With([], $"{left / 1024 / 1024} MiB are still in use after the run") : _result;
    }

    private void RunAll(long count)
    {
        foreach (var good in target.Seeds)
        {
            if (!Try(good) || _result.Finding is not null)
            {
                _result.With(good, _result.Finding ?? "a seed is refused");
                return;
            }
        }

        var random = new Random(seed);
        var mutator = new Mutator(target.Seeds, target.Words, random);
        for (var i = 0L; i < count && _result.Finding is null; i++)
        {
            var input = mutator.Next();
            if (Try(input))
            {
                mutator.Keep(input);
            }
        }
    }

    private bool Try(byte[] input)
    {
        _input = input;
        Volatile.Write(ref _startedAt, Stopwatch.GetTimestamp());
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            var taken = target.Decode(input);
            _result.Count(taken);
            if (GC.GetAllocatedBytesForCurrentThread() - allocated is > MaxBytesPerInput and var bytes)
            {
                _result.With(input, $"it takes {bytes / 1024 / 1024} MiB");
            }

            return taken;
        }
        catch (Exception error)
        {
            // Whatever it is: that is the question.
            _result.With(input, error.ToString());
            return false;
        }
    }
}

/// <summary>What came of one target.</summary>
internal sealed class FuzzResult(string target)
{
    public string Target { get; } = target;

    public long Taken { get; private set; }

    public long Refused { get; private set; }

    /// <summary>The first finding; null: none.</summary>
    public string? Finding { get; private set; }

    /// <summary>What led to it.</summary>
    public byte[] Input { get; private set; } = [];

    public void Count(bool taken) => (Taken, Refused) = taken ? (Taken + 1, Refused) : (Taken, Refused + 1);

    public FuzzResult With(byte[] input, string finding)
    {
        (Input, Finding) = (input, finding);
        return this;
    }

    public override string ToString() => Finding is null
        ? $"{Target}: {Taken + Refused} inputs, {Taken} taken, {Refused} refused"
        : $"{Target}: FINDING after {Taken + Refused} inputs: {Finding}\ninput of {Input.Length} bytes (base64; --input - runs it again): {Convert.ToBase64String(Input)}";
}
