using System.Diagnostics.CodeAnalysis;
using System.Net;
using Microsoft.Extensions.Options;
using ProxylessMesh.ControlPlane.Ca.Doors;

namespace ProxylessMesh.ControlPlane;

/// <summary>Reports every mistake in <see cref="MeshControlPlaneOptions"/> with key, value and cure.</summary>
internal sealed class MeshControlPlaneOptionsValidator : IValidateOptions<MeshControlPlaneOptions>
{
    private static readonly TimeSpan MinSvidLifetime = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ShortestLifetime = TimeSpan.FromSeconds(10);
    private static readonly string[] KeyTypes = ["ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096"];
    private static readonly TimeSpan MaxSvidLifetime = TimeSpan.FromDays(90);
    private static readonly TimeSpan MinRootLifetime = TimeSpan.FromDays(1);
    private static readonly TimeSpan MaxRootLifetime = TimeSpan.FromDays(30 * 365.25);
    private static readonly TimeSpan MaxGracePeriod = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan MaxRejoinPeriod = TimeSpan.FromHours(1);

    public static bool TryParseAddress(string text, [NotNullWhen(true)] out IPEndPoint? address)
    {
        const string Localhost = "localhost:";
        var ip = text.StartsWith(Localhost, StringComparison.OrdinalIgnoreCase) ? $"127.0.0.1:{text[Localhost.Length..]}" : text;
        return IPEndPoint.TryParse(ip, out address) && ip.LastIndexOf(':') > ip.LastIndexOf(']') && ip.Contains(':', StringComparison.Ordinal);
    }

    public ValidateOptionsResult Validate(string? name, MeshControlPlaneOptions options)
    {
        var errors = new ValidateOptionsResultBuilder();
        Folder("ManifestFolder", options.ManifestFolder);
        Folder("StateFolder", options.StateFolder);
        if (!TryParseAddress(options.Listen, out _))
        {
            errors.AddError($"MeshControlPlane:Listen is '{options.Listen}'. Use ip:port, for example 127.0.0.1:7443.");
        }

        CheckPlaintext(options, errors);
        CheckWorkloadApi(options, errors);
        CheckFederation(options.Federation, errors);
        if (!Spiffe.TrustDomain.TryParse(options.TrustDomain, out _))
        {
            errors.AddError($"MeshControlPlane:TrustDomain is '{options.TrustDomain}'. Use lower-case letters, digits, '.', '-' or '_', for example mesh.local.");
        }

        foreach (var domain in options.WorkloadTrustDomains.Where(static domain => !Spiffe.TrustDomain.TryParse(domain, out _)))
        {
            errors.AddError($"MeshControlPlane:WorkloadTrustDomains has '{domain}'. Use lower-case letters, digits, '.', '-' or '_', for example spire.internal.");
        }

        Range("SvidLifetime", options.SvidLifetime, MinSvidLifetime, MaxSvidLifetime);
        CheckIssuance(options, errors);
        Range("Issuance:MinLifetime", options.Issuance.MinLifetime, ShortestLifetime, MaxSvidLifetime);
        Range("Issuance:MaxLifetime", options.Issuance.MaxLifetime, MinSvidLifetime, MaxSvidLifetime);
        Range("RootLifetime", options.RootLifetime, MinRootLifetime, MaxRootLifetime);
        Range("WorkloadGracePeriod", options.WorkloadGracePeriod, TimeSpan.Zero, MaxGracePeriod);
        Range("WorkloadRejoinPeriod", options.WorkloadRejoinPeriod, TimeSpan.Zero, MaxRejoinPeriod);
        Range("Federation:RefreshHint", options.Federation.RefreshHint, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1));
        Range("Kubernetes:Timeout", options.Kubernetes.Timeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(1));
        if (options.RevisionHistory is < 1 or > 10_000)
        {
            errors.AddError($"MeshControlPlane:RevisionHistory is {options.RevisionHistory}. It must be between 1 and 10000.");
        }

        return errors.Build();

        void Folder(string key, string value)
        {
            if (string.IsNullOrWhiteSpace(value))
            {
                errors.AddError($"MeshControlPlane:{key} is empty. Name a folder.");
            }
        }

        void Range(string key, TimeSpan value, TimeSpan min, TimeSpan max)
        {
            if (value < min || value > max)
            {
                errors.AddError($"MeshControlPlane:{key} is {value}. It must be between {min} and {max}.");
            }
        }
    }

    private static void CheckIssuance(MeshControlPlaneOptions options, ValidateOptionsResultBuilder errors)
    {
        var issuance = options.Issuance;
        foreach (var entry in issuance.ServiceAccounts.Where(static entry => entry.Split('/') is not [var ns, var account] || !IsNameOrAny(ns) || !IsNameOrAny(account)))
        {
            errors.AddError($"MeshControlPlane:Issuance:ServiceAccounts has '{entry}'. Use namespace/account, with '*' for any of either.");
        }

        foreach (var type in issuance.KeyTypes.Where(static type => !KeyTypes.Contains(type, StringComparer.OrdinalIgnoreCase)))
        {
            errors.AddError($"MeshControlPlane:Issuance:KeyTypes has '{type}'. Known are {string.Join(", ", KeyTypes)}.");
        }

        if (issuance.MinLifetime > issuance.MaxLifetime || options.SvidLifetime < issuance.MinLifetime || options.SvidLifetime > issuance.MaxLifetime)
        {
            errors.AddError($"MeshControlPlane:SvidLifetime is {options.SvidLifetime}. It must be between Issuance:MinLifetime ({issuance.MinLifetime}) and Issuance:MaxLifetime ({issuance.MaxLifetime}).");
        }

        if (options.CaCertificateFile.Length > 0 != options.CaKeyFile.Length > 0)
        {
            errors.AddError("MeshControlPlane:CaCertificateFile and MeshControlPlane:CaKeyFile go together. Set both or neither.");
        }
    }

    private static bool IsNameOrAny(string name) => name == "*" || Spiffe.SpiffeIdSyntax.IsSegment(name);

    private static void CheckWorkloadApi(MeshControlPlaneOptions options, ValidateOptionsResultBuilder errors)
    {
        if (options.WorkloadApi.Length == 0)
        {
            return;
        }

        if (!WorkloadApiSocket.TryParse(options.WorkloadApi, out _))
        {
            errors.AddError($"MeshControlPlane:WorkloadApi is '{options.WorkloadApi}'. Use unix:///path with at most 107 bytes of path, for example unix:///run/mesh/workload-api.sock, or leave it empty.");
        }
        else if (!OperatingSystem.IsLinux())
        {
            errors.AddError("MeshControlPlane:WorkloadApi is set, and only Linux tells which process is at the other end of a socket. Leave it empty.");
        }
    }

    private static void CheckFederation(MeshFederationOptions options, ValidateOptionsResultBuilder errors)
    {
        if (options.Listen.Length > 0 && !TryParseAddress(options.Listen, out _))
        {
            errors.AddError($"MeshControlPlane:Federation:Listen is '{options.Listen}'. Use ip:port, for example 0.0.0.0:8443, or leave it empty.");
        }

        if (options.Certificate.Length > 0 != options.CertificateKey.Length > 0)
        {
            errors.AddError("MeshControlPlane:Federation:Certificate and CertificateKey belong together. Set both, or leave both empty to serve by the control plane's own SVID.");
        }

        foreach (var (key, file) in (ReadOnlySpan<(string, string)>)[("Certificate", options.Certificate), ("CertificateKey", options.CertificateKey), ("WebRoots", options.WebRoots)])
        {
            if (file.Length > 0 && !File.Exists(file))
            {
                errors.AddError($"MeshControlPlane:Federation:{key} is '{file}', and there is no such file. Name a PEM file.");
            }
        }
    }

    private static void CheckPlaintext(MeshControlPlaneOptions options, ValidateOptionsResultBuilder errors)
    {
        if (options.PlaintextXdsListen.Length == 0)
        {
            return;
        }

        if (!TryParseAddress(options.PlaintextXdsListen, out var address))
        {
            errors.AddError($"MeshControlPlane:PlaintextXdsListen is '{options.PlaintextXdsListen}'. Use ip:port, for example 127.0.0.1:15010, or leave it empty.");
        }
        else if (!IPAddress.IsLoopback(address.Address) && !options.AllowRemotePlaintextXds)
        {
            errors.AddError($"MeshControlPlane:PlaintextXdsListen is '{options.PlaintextXdsListen}', which other machines can reach, and this port knows no identity. Use a loopback address, or set MeshControlPlane:AllowRemotePlaintextXds.");
        }
    }
}
