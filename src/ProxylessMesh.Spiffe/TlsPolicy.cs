using System.Net.Security;
using System.Security.Authentication;

namespace ProxylessMesh.Spiffe;

/// <summary>Which TLS a handshake of the mesh may speak. Never less than 1.2; 1.3 is preferred, as every TLS stack does.</summary>
/// <remarks>
/// Without cipher suites of one's own the platform's hold: with OpenSSL .NET's default, ephemeral keys only. Own ones cost session
/// resumption: .NET then keeps no TLS context (3.6 to 5.2 ms of CPU for both sides of a TLS 1.2 handshake instead of 1.3; 3.2 instead of
/// 2.8 with TLS 1.3; measured on Linux, ECDSA P-256).
/// </remarks>
internal sealed class TlsPolicy
{
    /// <summary>TLS 1.2 and 1.3 with the platform's cipher suites.</summary>
    public static readonly TlsPolicy Default = new(requiresTls13: false, ciphers: null);

    private TlsPolicy(bool requiresTls13, CipherSuitesPolicy? ciphers)
    {
        RequiresTls13 = requiresTls13;
        Ciphers = ciphers;
    }

    public bool RequiresTls13 { get; }

    public SslProtocols Protocols => RequiresTls13 ? SslProtocols.Tls13 : SslProtocols.Tls12 | SslProtocols.Tls13;

    /// <summary>Null: the platform's.</summary>
    public CipherSuitesPolicy? Ciphers { get; }

    /// <summary>Windows knows cipher suites for the whole machine only.</summary>
    public static bool CanChooseCiphers => !OperatingSystem.IsWindows();

    /// <param name="requiresTls13">TLS 1.2 is refused.</param>
    /// <param name="suites">The only ones that are offered and taken; none: the platform's.</param>
    public static TlsPolicy Create(bool requiresTls13, IReadOnlyCollection<TlsCipherSuite> suites)
        => suites.Count == 0 ? requiresTls13 ? new TlsPolicy(true, null) : Default : new TlsPolicy(requiresTls13, Choose(suites));

    /// <summary>The same with TLS 1.3 at least, where <paramref name="isAsked"/>.</summary>
    public TlsPolicy WithTls13(bool isAsked) => isAsked && !RequiresTls13 ? new TlsPolicy(true, Ciphers) : this;

    private static CipherSuitesPolicy Choose(IEnumerable<TlsCipherSuite> suites)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new PlatformNotSupportedException("Windows knows cipher suites for the whole machine only.");
        }

        return new CipherSuitesPolicy(suites);
    }
}
