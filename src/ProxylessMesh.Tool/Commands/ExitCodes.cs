namespace ProxylessMesh.Tool.Commands;

/// <summary>What a command's end means to a script.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;

    /// <summary>The answer is no: invalid manifests, a refusal, a control plane that cannot start.</summary>
    public const int No = 1;

    /// <summary>The command was not understood.</summary>
    public const int Usage = 2;

    /// <summary>The control plane cannot be reached.</summary>
    public const int Unreachable = 3;
}
