using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.ControlPlane.Federation;

/// <summary>A certificate of PEM files, read again when they have changed; while they cannot be read, the one before stays. Thread safe.</summary>
internal sealed class WebCertificate
{
    private readonly Lock _gate = new();
    private readonly string _certificate;
    private readonly string _key;
    private DateTime _writtenAt;
    private SslStreamCertificateContext _current;

    /// <exception cref="MeshControlPlaneException">There is none.</exception>
    public WebCertificate(string certificate, string key)
    {
        (_certificate, _key) = (certificate, key);
        try
        {
            (_writtenAt, _current) = (WrittenAt(), Read());
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new MeshControlPlaneException($"The certificate of the bundle endpoint cannot be used: {error.Message} Set MeshControlPlane:Federation:Certificate and CertificateKey to PEM files that belong together.", error);
        }
    }

    /// <summary>For one handshake.</summary>
    public SslStreamCertificateContext Current
    {
        get
        {
            lock (_gate)
            {
                try
                {
                    if (WrittenAt() is var at && at != _writtenAt)
                    {
                        (_current, _writtenAt) = (Read(), at);
                    }
                }
                catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
                {
                    // Between two files that are written one after the other: the next handshake looks again.
                    return _current;
                }

                return _current;
            }
        }
    }

    private DateTime WrittenAt()
    {
        var (certificate, key) = (File.GetLastWriteTimeUtc(_certificate), File.GetLastWriteTimeUtc(_key));
        return certificate > key ? certificate : key;
    }

    private SslStreamCertificateContext Read()
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(_certificate);
        return SslStreamCertificateContext.Create(X509Certificate2.CreateFromPemFile(_certificate, _key), chain, offline: true);
    }
}
