using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>What the CA may issue at all, whatever somebody has proved (<see cref="MeshIssuanceOptions"/>).</summary>
internal sealed class IssuancePolicy(MeshControlPlaneOptions options)
{
    private readonly MeshIssuanceOptions _issuance = options.Issuance;

    /// <summary>The lifetime for what was asked for, within the bounds.</summary>
    public TimeSpan Lifetime(TimeSpan? asked)
    {
        var lifetime = asked ?? options.SvidLifetime;
        return lifetime < _issuance.MinLifetime ? _issuance.MinLifetime : lifetime > _issuance.MaxLifetime ? _issuance.MaxLifetime : lifetime;
    }

    /// <summary>Why an identity or a key is not issued for; <see langword="null"/> when it is.</summary>
    public string? Fault(SpiffeId id, PublicKey key)
        => !IsAllowed(id) ? $"this CA issues nothing for '{id}': MeshControlPlane:Issuance:ServiceAccounts does not list it."
            : KeyName(key) is var name && _issuance.KeyTypes.Count > 0 && !_issuance.KeyTypes.Contains(name, StringComparer.OrdinalIgnoreCase)
                ? $"its key is {name}, and MeshControlPlane:Issuance:KeyTypes allows {string.Join(", ", _issuance.KeyTypes)}."
                : null;

    private bool IsAllowed(SpiffeId id)
    {
        if (_issuance.ServiceAccounts.Count == 0)
        {
            return true;
        }

        return id.Path.Split('/') is ["", "ns", var ns, "sa", var account]
            && _issuance.ServiceAccounts.Any(entry => entry.Split('/') is [var ofNamespace, var ofAccount] && IsOrAny(ofNamespace, ns) && IsOrAny(ofAccount, account));
    }

    private static bool IsOrAny(string listed, string name) => listed == "*" || listed == name;

    private static string KeyName(PublicKey key)
    {
        using var ec = key.GetECDsaPublicKey();
        using var rsa = key.GetRSAPublicKey();
        return ec is not null ? $"ecdsa-p{ec.KeySize}" : $"rsa-{rsa?.KeySize}";
    }
}
