using Google.Protobuf;
using Grpc.Core;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>
/// Runs one ADS stream: requests in, responses out, one at a time. Waiting for a slow client holds back nobody else, and when it is
/// ready it gets the state of that moment.
/// </summary>
internal static class AdsLoop
{
    public static async Task RunAsync<TRequest, TResponse>(
        AdsSession<TRequest, TResponse> session,
        SnapshotSource snapshots,
        IAsyncStreamReader<TRequest> requests,
        IServerStreamWriter<TResponse> responses,
        CancellationToken cancellationToken)
        where TResponse : class, IMessage
    {
        snapshots.Add(session);
        try
        {
            var read = requests.MoveNext(cancellationToken);
            while (true)
            {
                session.Signal.Reset();
                while (!read.IsCompleted && session.Next(snapshots.Current) is { } response)
                {
                    await responses.WriteAsync(response, cancellationToken);
                }

                if (!read.IsCompleted)
                {
                    await Task.WhenAny(read, session.Signal.Waiting);
                    continue;
                }

                if (!await read)
                {
                    return;
                }

                session.Handle(requests.Current);
                snapshots.Progress();
                read = requests.MoveNext(cancellationToken);
            }
        }
        finally
        {
            snapshots.Remove(session);
        }
    }
}
