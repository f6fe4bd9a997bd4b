namespace ProxylessMesh.Rbac;

/// <summary>
/// The RBAC filters of one kind of connection, in their order. The first that denies ends the matter, so an ALLOW can never win over
/// a DENY wherever it stands.
/// </summary>
/// <param name="filters">What decides.</param>
/// <param name="shadow">Dry run: what would have been decided. Never changes the answer.</param>
/// <param name="audit">What is recorded. Decides nothing.</param>
internal sealed class RbacEngine(RbacFilter[] filters, RbacFilter[] shadow, RbacFilter[] audit)
{
    public static readonly RbacEngine AllowAll = new([], [], []);

    public bool HasShadow => shadow.Length > 0;

    public RbacDecision Decide(in RbacInput input) => Decide(filters, input);

    public RbacDecision DecideShadow(in RbacInput input) => Decide(shadow, input);

    /// <summary>The first policy that wants the request recorded, or null.</summary>
    public string? Audited(in RbacInput input)
    {
        foreach (var filter in audit)
        {
            if (filter.Find(input) is { } policy)
            {
                return policy.Name;
            }
        }

        return null;
    }

    private static RbacDecision Decide(RbacFilter[] filters, in RbacInput input)
    {
        var last = RbacDecision.Pass;
        foreach (var filter in filters)
        {
            var decision = filter.Decide(input);
            if (!decision.Allowed)
            {
                return decision;
            }

            last = decision with { IsAudited = decision.IsAudited || last.IsAudited };
        }

        return last;
    }
}
