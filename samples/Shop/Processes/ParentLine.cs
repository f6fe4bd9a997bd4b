using System.Diagnostics;
using System.Threading.Channels;

namespace Shop.Processes;

/// <summary>
/// A child's line to the show: commands come on standard input, messages go to standard output. When the input ends, the parent is gone
/// and the child goes with it at once: nobody is left behind after Ctrl+C, a crash or a kill.
/// </summary>
internal sealed class ParentLine
{
    /// <summary>Drain and stop.</summary>
    public const string Stop = "stop";

    /// <summary>Intruder: try everything.</summary>
    public const string Attack = "attack";

    private readonly Channel<string> _commands = Channel.CreateUnbounded<string>();
    private readonly Lock _output = new();

    private ParentLine()
    {
    }

    public static ParentLine Open()
    {
        var line = new ParentLine();
        new Thread(line.Read) { IsBackground = true, Name = "parent" }.Start();
        return line;
    }

    public IAsyncEnumerable<string> CommandsAsync(CancellationToken cancellationToken) => _commands.Reader.ReadAllAsync(cancellationToken);

    public void Tell(ChildMessage message)
    {
        lock (_output)
        {
            Console.Out.WriteLine(message.ToLine());
            Console.Out.Flush();
        }
    }

    private void Read()
    {
        while (Console.In.ReadLine() is { } command)
        {
            _commands.Writer.TryWrite(command);
        }

        Process.GetCurrentProcess().Kill();
    }
}
