using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.TestSupport;

/// <summary>What a test leaf looks like. The defaults are those of a good SVID without names.</summary>
internal sealed record TestLeaf
{
    public IReadOnlyList<string> Uris { get; init; } = [];

    public IReadOnlyList<string> DnsNames { get; init; } = [];

    /// <summary>The bytes of the subject alternative names in place of the lists above.</summary>
    public byte[]? RawNames { get; init; }

    public bool IsAuthority { get; init; }

    /// <summary><see langword="null"/> leaves the extension out.</summary>
    public X509KeyUsageFlags? KeyUsage { get; init; } = X509KeyUsageFlags.DigitalSignature;

    /// <summary>Extended key usages; none leaves the extension out. Default: TLS, both sides.</summary>
    public IReadOnlyList<string> Usages { get; init; } = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];

    /// <summary>Negative: already expired.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Not valid before this has passed; zero: valid since five minutes ago.</summary>
    public TimeSpan StartsIn { get; init; }

    /// <summary>Bytes of an extension that nobody knows, for certificates that are too large.</summary>
    public int PaddingBytes { get; init; }
}
