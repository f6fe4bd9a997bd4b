using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>tls</c> of a destination.</summary>
internal static class ClientTlsReader
{
    private static readonly string[] Details = ["clientCertificate", "privateKey", "caCertificates", "subjectAltNames", "sni"];

    public static ClientTls? Read(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        var mode = map.Required("mode", "Write 'ISTIO_MUTUAL', 'SIMPLE', 'MUTUAL' or 'DISABLE'")?.Choice<ClientTlsMode>(
            [("ISTIO_MUTUAL", ClientTlsMode.IstioMutual), ("SIMPLE", ClientTlsMode.Simple), ("MUTUAL", ClientTlsMode.Mutual), ("DISABLE", ClientTlsMode.Disable)]);
        var tls = new ClientTls
        {
            Mode = mode ?? ClientTlsMode.IstioMutual,
            ClientCertificate = map.Text("clientCertificate", TextRules.NotEmpty) ?? "",
            PrivateKey = map.Text("privateKey", TextRules.NotEmpty) ?? "",
            CaCertificates = map.Text("caCertificates", TextRules.NotEmpty) ?? "",
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

        if (tls.Mode == ClientTlsMode.Mutual)
        {
            _ = map.Required("clientCertificate", "Write the file of the client's certificate, as the client sees it");
            _ = map.Required("privateKey", "Write the file of its private key, as the client sees it");
        }
        else if (tls.Mode == ClientTlsMode.Simple && (map.Field("clientCertificate") ?? map.Field("privateKey")) is { } own)
        {
            own.Fail("SIMPLE shows no certificate", "Use MUTUAL, or remove it");
        }
    }

    private static void RefuseWhatIsNotSafe(YamlMap map)
    {
        map.Aside("credentialName")?.Fail(
            "there are no Kubernetes secrets that a client could be sent", "Write the files 'clientCertificate', 'privateKey' and 'caCertificates' that the client can read");
        map.Aside("caCrl")?.Fail("revocation lists are not checked", "Remove it; short-lived certificates do without");
        if (map.Aside("insecureSkipVerify") is { } skip && skip.Boolean() == true)
        {
            skip.Fail("a connection to nobody in particular is no protection", "Write 'caCertificates' with the roots of the host, or 'mode: DISABLE'");
        }
    }
}
