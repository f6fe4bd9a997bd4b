namespace ProxylessMesh.ControlPlane;

/// <summary>The control plane cannot start or do what was asked, for a reason that its operator can mend; the message says how.</summary>
public sealed class MeshControlPlaneException : Exception
{
    /// <summary>Initializes a new instance of the <see cref="MeshControlPlaneException"/> class.</summary>
    public MeshControlPlaneException()
        : this("The control plane cannot go on.")
    {
    }

    /// <summary>Initializes a new instance of the <see cref="MeshControlPlaneException"/> class.</summary>
    /// <param name="message">What happened to what, why, and what to do.</param>
    public MeshControlPlaneException(string message)
        : base(message)
    {
    }

    /// <summary>Initializes a new instance of the <see cref="MeshControlPlaneException"/> class.</summary>
    /// <param name="message">What happened to what, why, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public MeshControlPlaneException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
