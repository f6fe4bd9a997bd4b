namespace ProxylessMesh.Client;

/// <summary>The variables that name another xDS server (gRFC A27).</summary>
internal static class XdsBootstrapVariables
{
    public const string File = "GRPC_XDS_BOOTSTRAP";

    public const string Inline = "GRPC_XDS_BOOTSTRAP_CONFIG";

    public static bool AreSet => Environment.GetEnvironmentVariable(File) is { Length: > 0 } || Environment.GetEnvironmentVariable(Inline) is { Length: > 0 };
}
