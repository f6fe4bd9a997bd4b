namespace ProxylessMesh.Jwt;

/// <summary>What a request must have, compiled. The answer is none, or why not.</summary>
internal abstract class JwtRequirement
{
    public abstract JwtFailure Check(JwtAttempt attempt);

    /// <summary>A valid token of one provider.</summary>
    internal sealed class OfProvider(JwtProvider provider, string[] audiences) : JwtRequirement
    {
        public override JwtFailure Check(JwtAttempt attempt) => attempt.Check(provider, audiences);
    }

    /// <summary>One of them.</summary>
    internal sealed class Any(JwtRequirement[] requirements, bool allowsMissing, bool allowsFailed) : JwtRequirement
    {
        public override JwtFailure Check(JwtAttempt attempt)
        {
            var worst = JwtFailure.Missing;
            foreach (var requirement in requirements)
            {
                var failure = requirement.Check(attempt);
                if (failure == JwtFailure.None)
                {
                    return failure;
                }

                worst = Telling(worst, failure);
            }

            return allowsFailed || (allowsMissing && worst == JwtFailure.Missing) ? JwtFailure.None : worst;
        }
    }

    /// <summary>Each of them.</summary>
    internal sealed class All(JwtRequirement[] requirements) : JwtRequirement
    {
        public override JwtFailure Check(JwtAttempt attempt)
        {
            foreach (var requirement in requirements)
            {
                if (requirement.Check(attempt) is not JwtFailure.None and var failure)
                {
                    return failure;
                }
            }

            return JwtFailure.None;
        }
    }

    /// <summary>Nothing; but a token that is there must be valid for a provider, and may be wrong for others only by its issuer.</summary>
    internal sealed class Optional(JwtProvider[] providers, bool allowsFailed) : JwtRequirement
    {
        public override JwtFailure Check(JwtAttempt attempt)
        {
            var worst = JwtFailure.Missing;
            var isValid = false;
            foreach (var provider in providers)
            {
                var failure = attempt.Check(provider, []);
                isValid |= failure == JwtFailure.None;
                worst = failure == JwtFailure.None ? worst : Telling(worst, failure);
            }

            return allowsFailed || worst == JwtFailure.Missing || (isValid && worst == JwtFailure.UnknownIssuer) ? JwtFailure.None : worst;
        }
    }

    // "There is none" and "it is another's" say less than what is wrong with the issuer's own.
    private static JwtFailure Telling(JwtFailure one, JwtFailure other)
        => one is JwtFailure.Missing || (one is JwtFailure.UnknownIssuer && other is not JwtFailure.Missing) ? other : one;
}
