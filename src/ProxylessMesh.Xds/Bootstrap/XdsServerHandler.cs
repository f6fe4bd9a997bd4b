using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Xds.Bootstrap;

/// <summary>The transport to a management server of a bootstrap: plaintext, TLS with the files of its <c>tls</c> credentials (gRFC A65), or Google's.</summary>
internal static class XdsServerHandler
{
    // The metadata server is on the machine itself, or is not there at all.
    private static readonly TimeSpan TokenConnectTimeout = TimeSpan.FromSeconds(5);

    /// <summary>A handler for the first server's credentials. The files are read at each handshake, so a new certificate is taken by the next connection.</summary>
    public static HttpMessageHandler Create(XdsServerConfig server)
    {
        var handler = AdsChannel.CreateHandler();
        if (server.Tls is not { } tls)
        {
            return handler;
        }

        if (tls.CertificateFile is { } certificate)
        {
            handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => Load(certificate, tls.PrivateKeyFile);
        }

        if (tls.CaCertificateFile is { } roots)
        {
            handler.SslOptions.RemoteCertificateValidationCallback = (_, leaf, chain, problems) => IsTrusted(leaf, chain, problems, roots);
        }

        return tls.UsesGoogleDefault
            ? new GoogleDefaultHandler(GoogleCredentials.FromEnvironment(new HttpMessageInvoker(new SocketsHttpHandler { ConnectTimeout = TokenConnectTimeout }), TimeProvider.System), handler)
            : handler;
    }

    private static X509Certificate2 Load(string certificateFile, string? keyFile)
    {
        using var pem = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);

        // SChannel and some OpenSSL paths cannot use a key that lives in memory only.
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
    }

    private static bool IsTrusted(X509Certificate? leaf, X509Chain? offered, SslPolicyErrors problems, string rootsFile)
    {
        if (leaf is not X509Certificate2 certificate || (problems & ~SslPolicyErrors.RemoteCertificateChainErrors) != SslPolicyErrors.None)
        {
            return false;
        }

        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile(rootsFile);
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        if (offered is not null)
        {
            chain.ChainPolicy.ExtraStore.AddRange(offered.ChainPolicy.ExtraStore);
        }

        return chain.Build(certificate);
    }
}
