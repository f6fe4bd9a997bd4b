using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using Grpc.Core;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Workloads;

/// <summary>Turns what a process says about itself into a <see cref="Workload"/>, so far as its certificate covers it. Pure.</summary>
internal static class RegistrationValidator
{
    private const int MaxIdLength = 256;
    private const int MaxNameLength = 63;
    private const int MaxTextLength = 256;
    private const int MaxLabels = 64;
    private const int MaxAddresses = 16;
    private const int MaxPorts = 64;
    private const int MaxFeatures = 128;

    private static readonly FrozenSet<string> AppProtocols = FrozenSet.Create(StringComparer.Ordinal, "", "http", "http2", "grpc");

    /// <exception cref="RpcException">INVALID_ARGUMENT with everything that is malformed, or PERMISSION_DENIED.</exception>
    public static Workload Check(Registration registration, SpiffeId caller, ManifestSet manifests)
    {
        var errors = new List<string>();
        CheckShape(registration, errors);
        var addresses = ParseAddresses(registration, errors);
        if (errors.Count > 0)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, string.Join(" ", errors)));
        }

        if (!IsCovered(registration, caller, manifests, out var refusal))
        {
            throw new RpcException(new Status(StatusCode.PermissionDenied, refusal));
        }

        return new Workload
        {
            InstanceId = registration.InstanceId,
            Id = caller,
            Service = registration.Service,
            Namespace = registration.Namespace,
            ServiceAccount = registration.ServiceAccount,
            Labels = LabelsOf(registration),
            Locality = new WorkloadLocality(registration.Locality?.Region ?? "", registration.Locality?.Zone ?? "", registration.Locality?.SubZone ?? ""),
            Addresses = addresses,
            Ports = [.. registration.Ports.Select(port => new ServingPort(port.Name, (int)port.Number, port.AppProtocol, port.MeshTls))],
            Health = HealthOf(registration.Health),
            Features = [.. registration.Features],
            LibraryVersion = registration.LibraryVersion,
        };
    }

    public static WorkloadHealth HealthOf(Health health) => health == Health.NotServing ? WorkloadHealth.NotServing : WorkloadHealth.Serving;

    private static void CheckShape(Registration registration, List<string> errors)
    {
        Require(registration.InstanceId.Length is > 0 and <= MaxIdLength, $"instance_id has {registration.InstanceId.Length} characters; 1 to {MaxIdLength} are allowed.");
        CheckName("service", registration.Service);
        CheckName("namespace", registration.Namespace);
        Require(registration.ServiceAccount.Length is > 0 and <= MaxTextLength, $"service_account has {registration.ServiceAccount.Length} characters; 1 to {MaxTextLength} are allowed.");
        Require(registration.Version.Length <= MaxTextLength && registration.LibraryVersion.Length <= MaxTextLength, $"version or library_version is longer than {MaxTextLength} characters.");
        Require(registration.Labels.Count <= MaxLabels, $"labels has {registration.Labels.Count} entries; at most {MaxLabels} are allowed.");
        Require(registration.Labels.All(label => label.Key.Length is > 0 and <= MaxTextLength && label.Value.Length <= MaxTextLength), $"labels has a key or value that is longer than {MaxTextLength} characters, or an empty key.");
        Require(registration.Features.Count <= MaxFeatures && registration.Features.All(feature => feature.Length <= MaxTextLength), $"features has more than {MaxFeatures} entries, or one longer than {MaxTextLength} characters.");
        Require(registration.Ports.Count <= MaxPorts, $"ports has {registration.Ports.Count} entries; at most {MaxPorts} are allowed.");
        for (var i = 0; i < registration.Ports.Count; i++)
        {
            var port = registration.Ports[i];
            Require(port.Number is > 0 and <= ushort.MaxValue, $"ports[{i}].number is {port.Number}; it must be 1 to 65535.");
            Require(AppProtocols.Contains(port.AppProtocol), $"ports[{i}].app_protocol is '{Shorten(port.AppProtocol)}'; use http, http2 or grpc.");
            Require(port.Name.Length <= MaxNameLength, $"ports[{i}].name is longer than {MaxNameLength} characters.");
        }

        void CheckName(string field, string value)
            => Require(IsDnsLabel(value), $"{field} is '{Shorten(value)}'; use 1 to {MaxNameLength} lower-case letters, digits or '-', beginning and ending with a letter or digit.");

        void Require(bool holds, string message)
        {
            if (!holds)
            {
                errors.Add(message);
            }
        }
    }

    private static ImmutableArray<IPAddress> ParseAddresses(Registration registration, List<string> errors)
    {
        if (registration.Addresses.Count > MaxAddresses || (registration.Addresses.Count == 0 && registration.Ports.Count > 0))
        {
            errors.Add($"addresses has {registration.Addresses.Count} entries; 1 to {MaxAddresses} are allowed for a workload with ports.");
            return [];
        }

        var addresses = ImmutableArray.CreateBuilder<IPAddress>(registration.Addresses.Count);
        foreach (var text in registration.Addresses)
        {
            if (IPAddress.TryParse(text, out var address) && !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any) && !address.IsIPv6Multicast)
            {
                addresses.Add(address);
            }
            else
            {
                errors.Add($"addresses has '{Shorten(text)}'; use IP addresses that peers can reach.");
            }
        }

        return addresses.ToImmutable();
    }

    // Nothing that a workload says about itself grants anything: namespace and account must be those of the certificate.
    private static bool IsCovered(Registration registration, SpiffeId caller, ManifestSet manifests, [NotNullWhen(false)] out string? refusal)
    {
        refusal = null;
        if (!string.Equals(caller.Path, $"/ns/{registration.Namespace}/sa/{registration.ServiceAccount}", StringComparison.Ordinal))
        {
            refusal = $"The certificate of '{caller}' does not cover namespace '{registration.Namespace}' and service account '{Shorten(registration.ServiceAccount)}'. Join with a token made for them: mesh token create --namespace {registration.Namespace} --service-account …";
            return false;
        }

        if (registration.Service == registration.ServiceAccount
            || (manifests.Find(ManifestKind.Service, registration.Namespace, registration.Service) is ServiceManifest service && service.ServiceAccounts.Contains(registration.ServiceAccount, StringComparer.Ordinal)))
        {
            return true;
        }

        refusal = $"Service account '{registration.ServiceAccount}' may not serve as '{registration.Service}' in namespace '{registration.Namespace}'. List it in the annotation '{ServiceManifest.ServiceAccountsAnnotation}' of Service {registration.Namespace}/{registration.Service}, or join as service '{registration.ServiceAccount}'.";
        return false;
    }

    private static FrozenDictionary<string, string> LabelsOf(Registration registration)
    {
        var labels = new Dictionary<string, string>(registration.Labels, StringComparer.Ordinal);
        if (registration.Version.Length > 0)
        {
            labels["version"] = registration.Version;
        }

        // Policies select by it, so nobody may claim another's.
        labels["app"] = registration.Service;
        return labels.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static bool IsDnsLabel(string name)
        => name.Length is > 0 and <= MaxNameLength
            && name.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-')
            && name[0] != '-' && name[^1] != '-';

    private static string Shorten(string text) => text.Length <= MaxNameLength ? text : text[..MaxNameLength] + "…";
}
