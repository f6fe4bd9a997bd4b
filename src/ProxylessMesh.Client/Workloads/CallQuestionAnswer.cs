using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.Client.Workloads;

/// <summary>Registered in DI by whoever serves calls: answers the control plane's questions about them.</summary>
/// <param name="Answer">Does not throw for what a question contains.</param>
internal sealed record CallQuestionAnswer(Func<CallQuestion, CallReport> Answer)
{
    /// <summary>For a process that only calls.</summary>
    public static readonly CallQuestionAnswer None = new(static question => new CallReport { Id = question.Id });
}
