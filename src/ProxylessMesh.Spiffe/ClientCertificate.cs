namespace ProxylessMesh.Spiffe;

/// <summary>Whether a server insists on a client certificate. One that comes is always verified.</summary>
internal enum ClientCertificate
{
    Required,

    /// <summary>For the control plane's port alone, where a join token may prove the caller.</summary>
    Optional,
}
