namespace Shop.Processes;

/// <summary>The show cannot go on. The message is for the reader of the console.</summary>
internal sealed class ShowException : Exception
{
    public ShowException(string message)
        : base(message)
    {
    }

    public ShowException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
