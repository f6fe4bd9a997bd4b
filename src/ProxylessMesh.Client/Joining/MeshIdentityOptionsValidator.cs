using Microsoft.Extensions.Options;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Client;

/// <summary>Reports what is wrong with <c>Mesh:Identity</c>: every mistake, with the key to change and what it may be.</summary>
internal static class MeshIdentityOptionsValidator
{
    public static void Validate(MeshOptions options, ValidateOptionsResultBuilder errors)
    {
        var identity = options.Identity;
        switch (identity.Source)
        {
            case MeshIdentitySource.MeshCa:
                MeshCa(options, errors);
                break;
            case MeshIdentitySource.WorkloadApi:
                WorkloadApi(identity.WorkloadApi, errors);
                break;
            case MeshIdentitySource.IstioCa:
                IstioCa(identity.IstioCa, errors);
                break;
            case MeshIdentitySource.Files:
                Files(identity.Files, errors);
                break;
            default:
                errors.AddError($"Mesh:Identity:Source is {identity.Source}. It must be MeshCa, WorkloadApi, IstioCa or Files.");
                break;
        }

        if (identity.Source != MeshIdentitySource.MeshCa && (options.JoinToken.Length > 0 || options.JoinTokenFile.Length > 0 || identity.KubernetesTokenFile.Length > 0))
        {
            errors.AddError($"Mesh:Identity:Source is {identity.Source}, but a token for the mesh's own CA is set too. Remove Mesh:JoinToken, Mesh:JoinTokenFile and Mesh:Identity:KubernetesTokenFile, or set the source to MeshCa.");
        }

        if (identity.Source != MeshIdentitySource.MeshCa && options.State.SealIdentity)
        {
            errors.AddError($"Mesh:State:SealIdentity is true, but Mesh:Identity:Source is {identity.Source}. Only an identity of the mesh's own CA is sealed: its password comes from the join token.");
        }

        ControlPlaneTrust.Read(options, error => errors.AddError(error));
    }

    private static void MeshCa(MeshOptions options, ValidateOptionsResultBuilder errors)
    {
        if (options.Identity.KubernetesTokenFile.Length == 0)
        {
            if (options.Identity.RootFile.Length > 0 || options.Identity.ControlPlaneTrustDomain.Length > 0)
            {
                errors.AddError("Mesh:Identity:RootFile or Mesh:Identity:ControlPlaneTrustDomain is set, but nothing uses it: with Mesh:Identity:Source MeshCa the join token says which roots the control plane has. Remove it, or prove the process by Mesh:Identity:KubernetesTokenFile.");
            }

            return;
        }

        if (options.Identity.RootFile.Length == 0)
        {
            errors.AddError("Mesh:Identity:KubernetesTokenFile is set but Mesh:Identity:RootFile is not. Name the file of the control plane's roots: the token goes only to a server that proves itself by them.");
        }

        if (options.JoinToken.Length > 0 || options.JoinTokenFile.Length > 0)
        {
            errors.AddError("Mesh:Identity:KubernetesTokenFile and a join token (Mesh:JoinToken, Mesh:JoinTokenFile) are both set. Keep one.");
        }

        if (options.State.SealIdentity)
        {
            errors.AddError("Mesh:State:SealIdentity is true, but Mesh:Identity:KubernetesTokenFile is set. An identity is sealed with a password that comes from the join token.");
        }
    }

    private static void WorkloadApi(MeshIdentityOptions.WorkloadApiOptions options, ValidateOptionsResultBuilder errors)
    {
        var socket = IdentitySourceFactory.Socket(options);
        if (!WorkloadApiAddress.TryParse(socket, out _, out var error))
        {
            errors.AddError(socket.Length == 0
                ? $"Mesh:Identity:Source is WorkloadApi, but neither Mesh:Identity:WorkloadApi:Socket nor the variable {WorkloadApiAddress.Variable} is set. Set one to the agent's address, for example 'unix:///run/spire/sockets/agent.sock'."
                : $"The SPIFFE agent's address '{socket}' {error}. Set Mesh:Identity:WorkloadApi:Socket, or the variable {WorkloadApiAddress.Variable}, to 'unix:///path' or 'tcp://ip:port'.");
        }
    }

    private static void IstioCa(MeshIdentityOptions.IstioCaOptions options, ValidateOptionsResultBuilder errors)
    {
        if (!options.Address.IsAbsoluteUri || options.Address.Scheme != Uri.UriSchemeHttps)
        {
            errors.AddError($"Mesh:Identity:IstioCa:Address is '{options.Address}'. Set it to an https address, for example 'https://istiod.istio-system.svc:15012'.");
        }

        Needed(errors, "Mesh:Identity:IstioCa:TokenFile", options.TokenFile, "the file of the projected service-account token");
        Needed(errors, "Mesh:Identity:IstioCa:RootFile", options.RootFile, "the file of the CA's roots");
        if (options.Lifetime < TimeSpan.FromMinutes(1) || options.Lifetime > TimeSpan.FromDays(90))
        {
            errors.AddError($"Mesh:Identity:IstioCa:Lifetime is {options.Lifetime}. It must be between {TimeSpan.FromMinutes(1)} and {TimeSpan.FromDays(90)}.");
        }
    }

    private static void Files(MeshIdentityOptions.FileOptions options, ValidateOptionsResultBuilder errors)
    {
        if (options.Folder.Length > 0)
        {
            if (options.Certificate.Length > 0 || options.Key.Length > 0 || options.Roots.Length > 0)
            {
                errors.AddError("Mesh:Identity:Files:Folder is set together with Certificate, Key or Roots. Keep the folder, or the three files.");
            }
        }
        else
        {
            Needed(errors, "Mesh:Identity:Files:Certificate", options.Certificate, "the PEM file of the certificate (or set Mesh:Identity:Files:Folder)");
            Needed(errors, "Mesh:Identity:Files:Key", options.Key, "the PEM file of the private key");
            Needed(errors, "Mesh:Identity:Files:Roots", options.Roots, "the file of the roots");
        }

        if (options.PollInterval < TimeSpan.FromSeconds(1) || options.PollInterval > TimeSpan.FromHours(1))
        {
            errors.AddError($"Mesh:Identity:Files:PollInterval is {options.PollInterval}. It must be between {TimeSpan.FromSeconds(1)} and {TimeSpan.FromHours(1)}.");
        }
    }

    private static void Needed(ValidateOptionsResultBuilder errors, string key, string value, string what)
    {
        if (value.Length == 0)
        {
            errors.AddError($"{key} is empty. Name {what}.");
        }
    }
}
