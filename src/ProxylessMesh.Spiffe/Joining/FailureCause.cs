using Grpc.Core;

namespace ProxylessMesh.Spiffe;

/// <summary>Finds what a gRPC error was caused by.</summary>
internal static class FailureCause
{
    public static TCause? Find<TCause>(Exception? error)
        where TCause : Exception
    {
        for (; error is not null; error = error is RpcException { Status.DebugException: { } debug } ? debug : error.InnerException)
        {
            if (error is TCause cause)
            {
                return cause;
            }
        }

        return null;
    }
}
