using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Client;

/// <summary>For a process that talks to a foreign xDS server without a mesh CA: there is never a certificate.</summary>
internal sealed class NoIdentitySource : IdentitySource;
