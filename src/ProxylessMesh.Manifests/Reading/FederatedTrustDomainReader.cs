using System.Text.Json;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>FederatedTrustDomain</c>: SPIRE's words for it, as a manifest of ours.</summary>
internal static class FederatedTrustDomainReader
{
    private const string BundleCure = "Write the JSON that the other trust domain serves at its bundle endpoint: an object with 'keys'";

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 16, AllowDuplicateProperties = false };

    private static (string Word, BundleEndpointProfile Profile)[] Profiles => [("https_web", BundleEndpointProfile.HttpsWeb), ("https_spiffe", BundleEndpointProfile.HttpsSpiffe)];

    public static FederatedTrustDomainManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'trustDomain' and 'bundleEndpointURL' below it")?.Map() is not { } spec)
        {
            return null;
        }

        if (header.Namespace != HostNames.RootNamespace)
        {
            document.Fail("it holds for the whole mesh and stands in another namespace", $"Write 'namespace: {HostNames.RootNamespace}' below 'metadata'");
        }

        var manifest = new FederatedTrustDomainManifest
        {
            Name = header.Name,
            TrustDomain = spec.RequiredText("trustDomain", SpiffeNames.TrustDomain, "Write the other trust domain's name"),
            BundleEndpointUrl = Url(spec.Field("bundleEndpointURL")),
            TrustDomainBundle = Bundle(spec.Field("trustDomainBundle")),
        };
        manifest = Profile(spec, manifest);
        spec.NotYet("className");
        spec.End();
        return manifest;
    }

    private static FederatedTrustDomainManifest Profile(YamlMap spec, FederatedTrustDomainManifest manifest)
    {
        if (!spec.Has("bundleEndpointURL"))
        {
            if (!spec.Has("trustDomainBundle"))
            {
                spec.Fail("nothing says what the trust domain's roots are", "Write 'bundleEndpointURL' with 'bundleEndpointProfile', or 'trustDomainBundle'");
            }

            // Without an endpoint there is none to prove itself: End refuses what is written about it.
            return manifest;
        }

        if (spec.Required("bundleEndpointProfile", "Write 'bundleEndpointProfile:' with 'type: https_web' or 'type: https_spiffe' below it")?.Map() is not { } map)
        {
            return manifest;
        }

        var profile = map.Required("type", "Write https_web or https_spiffe")?.Choice<BundleEndpointProfile>(Profiles) ?? BundleEndpointProfile.HttpsWeb;
        var id = profile == BundleEndpointProfile.HttpsSpiffe
            ? map.RequiredText("endpointSPIFFEID", SpiffeNames.WorkloadId, "Write the SPIFFE ID of the endpoint's certificate")
            : "";
        map.End();
        if (manifest.TrustDomainBundle.Length == 0 && !spec.Has("trustDomainBundle") && id.StartsWith($"spiffe://{manifest.TrustDomain}/", StringComparison.Ordinal))
        {
            spec.Fail("there is nothing to verify the endpoint's first answer by", "Write 'trustDomainBundle' with the bundle that the other side's operator gave you");
        }

        return manifest with { Profile = profile, EndpointSpiffeId = id };
    }

    private static Uri? Url(YamlField? field)
    {
        if (field?.Text() is not { } text)
        {
            return null;
        }

        // No user information: SPIFFE Federation §5.2.
        if (Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttps && url.Host.Length > 0 && url.UserInfo.Length == 0 && url.Fragment.Length == 0)
        {
            return url;
        }

        field.Value.Fail("it is no address of a bundle endpoint", "Write 'https://', a host and a path, without user name");
        return null;
    }

    // Its certificates are read by the control plane, which knows SPIFFE's rules for them.
    private static string Bundle(YamlField? field)
    {
        if (field?.Text() is not { } text)
        {
            return "";
        }

        try
        {
            using var json = JsonDocument.Parse(text, Strict);
            if (json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("keys", out var keys) && keys.ValueKind == JsonValueKind.Array && keys.GetArrayLength() > 0)
            {
                return text;
            }
        }
        catch (JsonException)
        {
            // Said below.
        }

        field.Value.Fail("it is no SPIFFE bundle", BundleCure);
        return "";
    }
}
