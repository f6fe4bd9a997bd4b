using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Client;

/// <summary>By which roots, and as which trust domain's, the control plane is recognised where its CA is not that of the process's certificate.</summary>
/// <param name="TrustDomain">Of the control plane; null: that of the certificate.</param>
/// <param name="Bundles">Trusted besides what the identity source brings.</param>
internal sealed record ControlPlaneTrust(TrustDomain? TrustDomain, IReadOnlyList<TrustBundle> Bundles)
{
    /// <summary>Reads what the options name.</summary>
    /// <param name="options">The options.</param>
    /// <param name="addError">Hears of what is wrong; the answer is of no use then.</param>
    public static ControlPlaneTrust Read(MeshOptions options, Action<string>? addError = null)
    {
        TrustDomain? domain = null;
        if (options.Identity.ControlPlaneTrustDomain is { Length: > 0 } name)
        {
            if (Spiffe.TrustDomain.TryParse(name, out var parsed))
            {
                domain = parsed;
            }
            else
            {
                addError?.Invoke($"Mesh:Identity:ControlPlaneTrustDomain is '{name}'. Use lower-case letters, digits, '.', '-' or '_', for example 'mesh.local'.");
            }
        }

        if (options.Identity.RootFile.Length == 0)
        {
            return new ControlPlaneTrust(domain, []);
        }

        try
        {
            var bundles = RootText.ReadFile(options.Identity.RootFile, domain);
            return new ControlPlaneTrust(domain ?? (bundles.Bundles.Count == 1 ? bundles.Bundles.First().TrustDomain : null), [.. bundles.Bundles]);
        }
        catch (FormatException error)
        {
            addError?.Invoke($"Mesh:Identity:RootFile '{options.Identity.RootFile}' cannot be used: {error.Message}. Name a file of PEM roots (with Mesh:Identity:ControlPlaneTrustDomain), of a SPIFFE bundle, or of a map of bundles.");
            return new ControlPlaneTrust(domain, []);
        }
    }
}
