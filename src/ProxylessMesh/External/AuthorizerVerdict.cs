using Envoy.Service.Auth.V3;

namespace ProxylessMesh.External;

/// <summary>What an authorizer said, or why it said nothing that counts.</summary>
/// <param name="Outcome">Whether the request goes on.</param>
/// <param name="Denied">The answer that it wants its caller to get; null: the usual one.</param>
/// <param name="Reason">Why there is no answer that counts, for the log.</param>
internal sealed record AuthorizerVerdict(AuthorizerOutcome Outcome, DeniedHttpResponse? Denied = null, string Reason = "");

/// <summary>What may come of asking.</summary>
internal enum AuthorizerOutcome
{
    Allowed,

    Denied,

    /// <summary>It could not be asked, was too slow, or answered what cannot be carried out.</summary>
    Failed,

    /// <summary>The body is longer than it is sent.</summary>
    BodyTooLarge,
}
