using System.Buffers.Binary;
using System.Security.Cryptography;

namespace ProxylessMesh.Tests.Hostile;

/// <summary>First messages of TLS clients, byte by byte, because the platform's own client does not make these.</summary>
internal static class ClientHellos
{
    /// <summary>TLS 1.3 with a P-256 key share (RFC 8446 §4.1.2): a server answers it with its certificate.</summary>
    public static byte[] Modern { get; } = MakeModern();

    /// <summary>A client that knows nothing newer than this version: TLS 1.1 is 0x0302, TLS 1.0 0x0301, SSL 3.0 0x0300.</summary>
    public static byte[] Old(int version) => Record(Hello(version, [0xC0, 0x13, 0xC0, 0x14, 0x00, 0x2F, 0x00, 0x35, 0x00, 0x0A], Groups()));

    private static byte[] MakeModern()
    {
        using var key = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        byte[] share = [0x00, 0x17, 0x00, 0x41, 0x04, .. point.X!, .. point.Y!];
        return Record(Hello(
            0x0303,
            [0x13, 0x01, 0x13, 0x02],
            [
                .. Extension(43, [0x02, 0x03, 0x04]), // supported_versions: TLS 1.3
                .. Groups(),
                .. Extension(13, [0x00, 0x04, 0x04, 0x03, 0x08, 0x04]), // signature_algorithms: ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256
                .. Extension(51, Sized(share)), // key_share
                .. Extension(16, [0x00, 0x03, 0x02, (byte)'h', (byte)'2']), // ALPN
            ]));
    }

    private static byte[] Groups() => Extension(10, [0x00, 0x02, 0x00, 0x17]); // secp256r1

    private static byte[] Hello(int version, byte[] suites, byte[] extensions)
    {
        byte[] body = [(byte)(version >> 8), (byte)version, .. new byte[32], 0, .. Sized(suites), 1, 0, .. Sized(extensions)];
        return [1, 0, .. Sized(body)];
    }

    private static byte[] Record(byte[] message) => [0x16, 0x03, 0x01, .. Sized(message)];

    private static byte[] Extension(int type, byte[] content) => [(byte)(type >> 8), (byte)type, .. Sized(content)];

    private static byte[] Sized(byte[] content)
    {
        var sized = new byte[content.Length + 2];
        BinaryPrimitives.WriteUInt16BigEndian(sized, (ushort)content.Length);
        content.CopyTo(sized, 2);
        return sized;
    }
}
