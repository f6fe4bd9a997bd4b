namespace ProxylessMesh.Rbac;

/// <summary>Whether a request may reach the application.</summary>
/// <param name="Allowed">The answer.</param>
/// <param name="Policy">The policy that matched. Null with a denial: no policy allows the request.</param>
/// <param name="IsAudited">It is recorded although the call is let in (gRFC A59).</param>
internal readonly record struct RbacDecision(bool Allowed, string? Policy, bool IsAudited = false)
{
    public static readonly RbacDecision Pass = new(Allowed: true, Policy: null);
}
