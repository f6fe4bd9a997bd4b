using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>tls</c> of a destination.</summary>
internal static class ClientTlsReader
{
    private const string PemHeader = "-----BEGIN CERTIFICATE-----";

    private static readonly string[] Details = ["caCertificates", "subjectAltNames", "sni"];

    public static ClientTls? Read(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        var mode = map.Required("mode", "Write 'ISTIO_MUTUAL', 'SIMPLE' or 'DISABLE'")?.Choice<ClientTlsMode>(
            [("ISTIO_MUTUAL", ClientTlsMode.IstioMutual), ("SIMPLE", ClientTlsMode.Simple), ("DISABLE", ClientTlsMode.Disable)], "MUTUAL");
        var tls = new ClientTls
        {
            Mode = mode ?? ClientTlsMode.IstioMutual,
            CaCertificates = map.Text("caCertificates", Pem) ?? "",
            SubjectAltNames = map.Texts("subjectAltNames", TextRules.NotEmpty),
            Sni = map.Text("sni", TextRules.Host) ?? "",
        };
        RefuseWhatIsNotSafe(map);
        if (mode is not null)
        {
            CheckMode(map, tls);
        }

        map.End();
        return tls;
    }

    private static void CheckMode(YamlMap map, ClientTls tls)
    {
        if (tls.Mode == ClientTlsMode.IstioMutual)
        {
            foreach (var detail in Details.Where(map.Has))
            {
                map.Field(detail)?.Fail("ISTIO_MUTUAL takes all of this from the mesh", "Remove it, or use SIMPLE or MUTUAL");
            }
        }
    }

    private static void RefuseWhatIsNotSafe(YamlMap map)
    {
        map.Aside("credentialName")?.Fail("there are no Kubernetes secrets that a client could be sent", "Write the roots of the host into 'caCertificates', as PEM");
        foreach (var own in (string[])["clientCertificate", "privateKey"])
        {
            map.Aside(own)?.Fail("files of a client are its owner's to name, not a manifest's", "Remove it; the certificates of the mesh are shown with ISTIO_MUTUAL");
        }

        map.Aside("caCrl")?.Fail("revocation lists are not checked", "Remove it; short-lived certificates do without");
        if (map.Aside("insecureSkipVerify") is { } skip && skip.Boolean() == true)
        {
            skip.Fail("a connection to nobody in particular is no protection", "Write 'caCertificates' with the roots of the host, or 'mode: DISABLE'");
        }
    }

    // Istio has the name of a file here.
    private static Mistake? Pem(string text)
        => PemText.HasCertificates(text) ? null
            : text.Contains(PemHeader, StringComparison.Ordinal) ? new("there is no certificate in it that can be read", "Write whole certificates, as PEM")
            : new("files of a client are its owner's to name, not a manifest's", $"Write the roots themselves as PEM ('{PemHeader} …'), or remove it for the system's roots");
}
