namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>How far a change of the root is.</summary>
internal enum RotationStage
{
    /// <summary>One root, which signs.</summary>
    None,

    /// <summary>The new root is in the bundles; the old one signs.</summary>
    Added,

    /// <summary>The new root signs; the old one is still trusted.</summary>
    Switched,
}
