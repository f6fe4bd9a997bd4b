namespace ProxylessMesh.Rbac;

/// <summary>A named policy, compiled: it matches when what is asked for and who asks both do.</summary>
internal sealed class RbacPolicy(string name, RbacRule permissions, RbacRule principals)
{
    public string Name { get; } = name;

    // The caller first: it is one comparison, and most policies are about somebody else.
    public bool Matches(in RbacInput input) => principals.Matches(input) && permissions.Matches(input);
}
