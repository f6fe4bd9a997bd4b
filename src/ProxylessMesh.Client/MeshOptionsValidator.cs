using Microsoft.Extensions.Options;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Client;

/// <summary>Reports every mistake at once, each with the key to change and what it may be.</summary>
internal sealed class MeshOptionsValidator : IValidateOptions<MeshOptions>
{
    private const int MaxRetryBufferBytes = 16 * 1024 * 1024;

    public ValidateOptionsResult Validate(string? name, MeshOptions options)
    {
        var errors = new ValidateOptionsResultBuilder();
        Identity(options, errors);
        ControlPlane(options, errors);
        MeshIdentityOptionsValidator.Validate(options, errors);
        TlsSettings.Validate(options.Tls, errors);
        foreach (var path in options.Inbound.ProbePaths.Where(static path => !path.StartsWith('/') || path.AsSpan().ContainsAny("?#*% ")))
        {
            errors.AddError($"Mesh:Inbound:ProbePaths has '{path}'. Write a whole path without query, as the application sees it, for example '/healthz'.");
        }

        if (options.Inbound.MaxHandshakes is < 1 or > 100_000)
        {
            errors.AddError($"Mesh:Inbound:MaxHandshakes is {options.Inbound.MaxHandshakes}. It must be between 1 and 100000.");
        }

        Between(errors, "Mesh:Outbound:ConfigTimeout", options.Outbound.ConfigTimeout, TimeSpan.Zero, TimeSpan.FromMinutes(5));
        Between(errors, "Mesh:Inbound:DrainTimeout", options.Inbound.DrainTimeout, TimeSpan.Zero, TimeSpan.FromMinutes(10));
        CallSummaries(options.Inbound, errors);
        Between(errors, "Mesh:State:MaxAge", options.State.MaxAge, TimeSpan.FromMinutes(1), TimeSpan.FromDays(30));
        if (options.Outbound.RetryBufferBytes is < 0 or > MaxRetryBufferBytes)
        {
            errors.AddError($"Mesh:Outbound:RetryBufferBytes is {options.Outbound.RetryBufferBytes}. It must be between 0 and {MaxRetryBufferBytes}.");
        }

        if (!Enum.IsDefined(options.Outbound.UnknownHosts))
        {
            errors.AddError($"Mesh:Outbound:UnknownHosts is {options.Outbound.UnknownHosts}. It must be PassThrough or Refuse.");
        }

        if (options.State.SealIdentity && options.State.Folder.Length == 0)
        {
            errors.AddError("Mesh:State:SealIdentity is true but Mesh:State:Folder is empty. Name the folder that keeps the sealed identity.");
        }

        return errors.Build();
    }

    private static void CallSummaries(MeshOptions.InboundOptions inbound, ValidateOptionsResultBuilder errors)
    {
        Between(errors, "Mesh:Inbound:CallSummaryWindow", inbound.CallSummaryWindow, TimeSpan.Zero, TimeSpan.FromHours(1));
        if (inbound.MaxCallSummaries is < 16 or > 65536)
        {
            errors.AddError($"Mesh:Inbound:MaxCallSummaries is {inbound.MaxCallSummaries}. It must be between 16 and 65536; to keep nothing, set Mesh:Inbound:CallSummaryWindow to 0.");
        }

        if (inbound.AllowedCallLogRate is not (>= 0 and <= 1))
        {
            errors.AddError($"Mesh:Inbound:AllowedCallLogRate is {inbound.AllowedCallLogRate}. It must be between 0 (none) and 1 (all).");
        }
    }

    private static void Identity(MeshOptions options, ValidateOptionsResultBuilder errors)
    {
        Name(errors, "Mesh:Service", options.Service);
        Name(errors, "Mesh:Namespace", options.Namespace);
        Name(errors, "Mesh:ServiceAccount", options.ServiceAccount);
    }

    private static void Name(ValidateOptionsResultBuilder errors, string key, string value)
    {
        if (!SpiffeIdSyntax.IsPath("/" + value) || value.Contains('/', StringComparison.Ordinal))
        {
            errors.AddError($"{key} is '{value}'. Use letters, digits, '.', '-' or '_', for example 'catalog'.");
        }
    }

    private static void ControlPlane(MeshOptions options, ValidateOptionsResultBuilder errors)
    {
        if (options.ControlPlane is { } address)
        {
            if (!address.IsAbsoluteUri || address.Scheme != Uri.UriSchemeHttps)
            {
                errors.AddError($"Mesh:ControlPlane is '{address}'. Set it to an https address, for example 'https://mesh.internal:7443'.");
            }
        }
        else if (!XdsBootstrapVariables.AreSet)
        {
            var found = options.DevelopmentFileError is { } error ? $" ('{DevelopmentFile.Path}' cannot be read: {error})" : "";
            errors.AddError($"Mesh:ControlPlane is not set{found}. Set it to the control plane's address, for example 'https://mesh.internal:7443', or run 'mesh up' and start in Development.");
        }

        if (options.JoinToken.Length > 0 && options.JoinTokenFile.Length > 0)
        {
            errors.AddError("Mesh:JoinToken and Mesh:JoinTokenFile are both set. Keep one.");
        }

        JoinTokenReader.Read(options, out var tokenError);
        if (tokenError is not null)
        {
            errors.AddError(tokenError);
        }
    }

    private static void Between(ValidateOptionsResultBuilder errors, string key, TimeSpan value, TimeSpan min, TimeSpan max)
    {
        if (value < min || value > max)
        {
            errors.AddError($"{key} is {value}. It must be between {min} and {max}.");
        }
    }
}
