using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace ProxylessMesh.Spiffe;

/// <summary>Writes a SPIFFE bundle document (SPIFFE Trust Domain and Bundle §4), as <see cref="SpiffeBundleReader"/> reads it.</summary>
internal static class SpiffeBundleWriter
{
    public static byte[] Write(SpiffeBundle bundle)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            Write(json, bundle);
        }

        return buffer.WrittenSpan.ToArray();
    }

    public static void Write(Utf8JsonWriter json, SpiffeBundle bundle)
    {
        json.WriteStartObject();
        json.WriteStartArray("keys");
        foreach (var authority in bundle.X509Authorities)
        {
            json.WriteStartObject();
            json.WriteString("use", "x509-svid");
            WriteKey(json, authority);
            json.WriteStartArray("x5c");
            json.WriteBase64StringValue(authority.RawDataMemory.Span);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        foreach (var authority in bundle.JwtAuthorities.Values.OrderBy(static authority => authority.KeyId, StringComparer.Ordinal))
        {
            json.WriteStartObject();
            json.WriteString("use", "jwt-svid");
            json.WriteString("kid", authority.KeyId);
            WriteKey(json, authority.Key);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (bundle.Sequence is { } sequence)
        {
            json.WriteNumber("spiffe_sequence", sequence);
        }

        if (bundle.RefreshHint is { } hint)
        {
            json.WriteNumber("spiffe_refresh_hint", (long)hint.TotalSeconds);
        }

        json.WriteEndObject();
    }

    private static void WriteKey(Utf8JsonWriter json, X509Certificate2 certificate)
    {
        using AsymmetricAlgorithm? key = (AsymmetricAlgorithm?)certificate.GetECDsaPublicKey() ?? certificate.GetRSAPublicKey();
        WriteKey(json, key);
    }

    private static void WriteKey(Utf8JsonWriter json, AsymmetricAlgorithm? key)
    {
        switch (key)
        {
            case ECDsa curve:
                var point = curve.ExportParameters(includePrivateParameters: false);
                json.WriteString("kty", "EC");
                json.WriteString("crv", $"P-{curve.KeySize}");
                json.WriteString("x", Base64Url.EncodeToString(point.Q.X));
                json.WriteString("y", Base64Url.EncodeToString(point.Q.Y));
                break;
            case RSA rsa:
                var numbers = rsa.ExportParameters(includePrivateParameters: false);
                json.WriteString("kty", "RSA");
                json.WriteString("n", Base64Url.EncodeToString(numbers.Modulus));
                json.WriteString("e", Base64Url.EncodeToString(numbers.Exponent));
                break;
            default:
                throw new ArgumentException("A key of a SPIFFE bundle is EC or RSA.", nameof(key));
        }
    }
}
