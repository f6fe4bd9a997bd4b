using System.Formats.Asn1;

namespace ProxylessMesh.Spiffe;

/// <summary>Reads the subject alternative names extension: GeneralNames ::= SEQUENCE OF GeneralName (RFC 5280 §4.2.1.6).</summary>
internal static class AlternativeNames
{
    public const string Oid = "2.5.29.17";

    // uniformResourceIdentifier [6] IA5String
    private static readonly Asn1Tag UriTag = new(TagClass.ContextSpecific, 6);

    /// <summary>The URI names, in order.</summary>
    /// <exception cref="AsnContentException">The bytes are no such extension.</exception>
    public static IReadOnlyList<string> Uris(ReadOnlyMemory<byte> extension) => Read(extension, out _);

    /// <summary>The URI names, and how many names of other kinds there are.</summary>
    /// <exception cref="AsnContentException">The bytes are no such extension.</exception>
    public static IReadOnlyList<string> Read(ReadOnlyMemory<byte> extension, out int others)
    {
        others = 0;
        var uris = new List<string>(1);
        var reader = new AsnReader(extension, AsnEncodingRules.DER);
        var names = reader.ReadSequence();
        reader.ThrowIfNotEmpty();
        while (names.HasData)
        {
            if (names.PeekTag().HasSameClassAndValue(UriTag))
            {
                uris.Add(names.ReadCharacterString(UniversalTagNumber.IA5String, UriTag));
            }
            else
            {
                names.ReadEncodedValue();
                others++;
            }
        }

        return uris;
    }

    /// <summary>An extension with one URI name, to the letter: <see cref="Uri"/> would rewrite it.</summary>
    public static byte[] Write(string uri)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteCharacterString(UniversalTagNumber.IA5String, uri, UriTag);
        }

        return writer.Encode();
    }
}
