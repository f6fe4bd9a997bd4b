namespace ProxylessMesh.Spiffe;

/// <summary>Why there is no identity, or no newer one. Branch on this, not on the text.</summary>
public enum IdentityError
{
    /// <summary>The control plane could not be reached, or it did not answer in time.</summary>
    ControlPlaneUnreachable,

    /// <summary>The other side of the connection is not the control plane that this workload trusts.</summary>
    ControlPlaneNotTrusted,

    /// <summary>The join token is not one: wrong form.</summary>
    TokenMalformed,

    /// <summary>The control plane does not take the join token: unknown, expired, used up or revoked.</summary>
    TokenRefused,

    /// <summary>The proof does not cover the identity asked for.</summary>
    NotAllowed,

    /// <summary>There is neither a join token nor a certificate to prove anything with.</summary>
    NoProof,

    /// <summary>The control plane answered with something that is not a usable certificate.</summary>
    BadAnswer,

    /// <summary>A file with a certificate, key or snapshot cannot be used.</summary>
    BadFile,

    /// <summary>The SPIFFE agent, or the CA of another mesh, could not be reached, or it did not answer in time.</summary>
    AgentUnreachable,
}

/// <summary>An identity could not be had, renewed, read or stored. The message says which, why and what to do.</summary>
public sealed class IdentityException : Exception
{
    /// <summary>Initializes a new instance of the <see cref="IdentityException"/> class.</summary>
    /// <param name="error">The kind of failure.</param>
    /// <param name="message">What happened, why, what to do.</param>
    /// <param name="innerException">The cause, if it was an exception.</param>
    public IdentityException(IdentityError error, string message, Exception? innerException = null)
        : base(message, innerException) => Error = error;

    /// <summary>Gets the kind of failure.</summary>
    public IdentityError Error { get; }
}
