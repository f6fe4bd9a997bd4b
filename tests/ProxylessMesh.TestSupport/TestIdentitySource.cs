using ProxylessMesh.Spiffe;

namespace ProxylessMesh.TestSupport;

/// <summary>A source whose identity the test sets.</summary>
internal sealed class TestIdentitySource : IdentitySource
{
    public TestIdentitySource()
    {
    }

    public TestIdentitySource(WorkloadIdentity identity) => Publish(identity);

    public void Set(WorkloadIdentity identity) => Publish(identity);
}
