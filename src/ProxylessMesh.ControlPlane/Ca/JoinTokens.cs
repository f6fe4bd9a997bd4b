namespace ProxylessMesh.ControlPlane;

/// <summary>The join tokens of a mesh: each lets a process prove, a limited number of times, that it may be one service account. Thread safe.</summary>
public sealed class JoinTokens
{
    internal JoinTokens()
    {
    }

    /// <summary>Makes a token. Its text is shown here and never again: only a hash is kept.</summary>
    /// <param name="namespaceName">The namespace it is for; <c>*</c> for any, meant for development.</param>
    /// <param name="serviceAccount">The service account it is for; <c>*</c> for any, meant for development.</param>
    /// <param name="lifetime">How long it may be used. 1 second to 10 years.</param>
    /// <param name="maxUses">How many certificates may be issued by it; 0 for any number.</param>
    /// <param name="cancellationToken">Gives up before the token is stored.</param>
    /// <returns>The token, for <c>Mesh:JoinToken</c>.</returns>
    /// <exception cref="ArgumentException">A value is out of range or no part of a SPIFFE ID.</exception>
    public Task<string> CreateAsync(string namespaceName, string serviceAccount, TimeSpan lifetime, int maxUses, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Lists the tokens, used up and expired ones included until they are tidied away a day later.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What may be shown of each.</returns>
    public Task<IReadOnlyList<JoinTokenSummary>> ListAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Revokes a token. Certificates that were issued by it stay valid until they expire.</summary>
    /// <param name="id">Its id, the second part of its text.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether there was such a token.</returns>
    public Task<bool> RevokeAsync(string id, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
