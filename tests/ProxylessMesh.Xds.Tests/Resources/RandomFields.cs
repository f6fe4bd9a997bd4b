using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace ProxylessMesh.Xds.Tests.Resources;

/// <summary>Gives fields of a message, and of those inside it, values that nobody would write: bytes that parse, and mean nonsense.</summary>
internal static class RandomFields
{
    private static readonly string[] Texts = ["", "a", "*", "a b", "\0", "é%", "(", "\\9", "%X%", "http://x/?#", ":path", "host", "10.0.0.1", "spiffe://", new('x', 9000)];
    private static readonly ulong[] Numbers = [0, 1, 2, 99, 101, 65535, 65536, int.MaxValue, uint.MaxValue, long.MaxValue, ulong.MaxValue];
    private static readonly double[] Doubles = [0, -1, 1, 101, double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.MaxValue];

    private static readonly Dictionary<string, MessageDescriptor> Known = typeof(Protos.XdsTypeUrls).Assembly.GetTypes()
        .Where(static type => type.Name.EndsWith("Reflection", StringComparison.Ordinal))
        .Select(static type => type.GetProperty("Descriptor")?.GetValue(null))
        .OfType<FileDescriptor>()
        .SelectMany(static file => file.MessageTypes)
        .ToDictionary(static message => message.FullName);

    public static void Change(IMessage message, Random random, int depth = 0)
    {
        if (message is Any any)
        {
            Inside(any, random, depth);
            return;
        }

        foreach (var field in message.Descriptor.Fields.InDeclarationOrder())
        {
            if (field.IsMap || depth > 12)
            {
                continue;
            }

            if (field.IsRepeated)
            {
                foreach (var item in ((System.Collections.IList)field.Accessor.GetValue(message)).OfType<IMessage>())
                {
                    Change(item, random, depth + 1);
                }
            }
            else if (field.FieldType == FieldType.Message && field.Accessor.GetValue(message) is IMessage inner)
            {
                Change(inner, random, depth + 1);
            }

            if (random.Next(30) == 0 && Value(field, random) is { } value)
            {
                Set(message, field, value);
            }
        }
    }

    private static void Inside(Any any, Random random, int depth)
    {
        if (Known.TryGetValue(Any.GetTypeName(any.TypeUrl), out var descriptor))
        {
            var inner = descriptor.Parser.ParseFrom(any.Value);
            Change(inner, random, depth + 1);
            any.Value = inner.ToByteString();
        }
    }

    private static void Set(IMessage message, FieldDescriptor field, object value)
    {
        if (field.IsRepeated)
        {
            ((System.Collections.IList)field.Accessor.GetValue(message)).Add(value);
        }
        else
        {
            field.Accessor.SetValue(message, value);
        }
    }

    private static object? Value(FieldDescriptor field, Random random)
    {
        var number = Numbers[random.Next(Numbers.Length)];
        var real = Doubles[random.Next(Doubles.Length)];
        return field.FieldType switch
        {
            FieldType.String => Texts[random.Next(Texts.Length)],
            FieldType.Bytes => ByteString.CopyFromUtf8(Texts[random.Next(Texts.Length)]),
            FieldType.Bool => random.Next(2) == 0,
            FieldType.UInt32 => (uint)number,
            FieldType.UInt64 => number,
            FieldType.Int32 or FieldType.SInt32 => (int)number,
            FieldType.Int64 or FieldType.SInt64 => (long)number,
            FieldType.Double => real,
            FieldType.Float => (float)real,
            FieldType.Enum => (int)number,
            FieldType.Message => Message(field.MessageType, number, real),
            _ => null,
        };
    }

    // Wrappers are values to the accessor; any other message starts empty and is changed when it is reached again.
    private static object? Message(MessageDescriptor type, ulong number, double real) => type.FullName switch
    {
        "google.protobuf.UInt32Value" => (uint)number,
        "google.protobuf.UInt64Value" => number,
        "google.protobuf.BoolValue" => number % 2 == 0,
        "google.protobuf.FloatValue" => (float)real,
        "google.protobuf.DoubleValue" => real,
        "google.protobuf.Duration" => new Duration { Seconds = (long)number, Nanos = (int)number },
        _ => type.ClrType is { } clr && type.Parser is not null ? Activator.CreateInstance(clr) : null,
    };
}
