namespace ProxylessMesh.Fuzz;

/// <summary>Makes inputs that are nearly good: a seed with a few changes, each from the same random numbers in every run of the same seed.</summary>
internal sealed class Mutator(IReadOnlyList<byte[]> seeds, IReadOnlyList<byte[]> words, Random random)
{
    private const int MaxBytes = 64 * 1024;
    private const int MaxKept = 512;

    // Values at which lengths, signs and characters change their meaning.
    private static readonly byte[] Edges = [0x00, 0x01, 0x0A, 0x20, 0x22, 0x2E, 0x2F, 0x30, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xC0, 0xED, 0xFE, 0xFF];

    private static readonly string[] Numbers = ["-1", "0", "1", "65536", "2147483648", "4294967296", "9223372036854775808", "1e999", "-0", "0.1"];

    private readonly List<byte[]> _kept = [.. seeds];

    /// <summary>An input that the decoder took is a new start for others.</summary>
    public void Keep(byte[] input)
    {
        if (_kept.Count < MaxKept)
        {
            _kept.Add(input);
        }
        else
        {
            _kept[random.Next(seeds.Count, MaxKept)] = input;
        }
    }

    public byte[] Next()
    {
        // Half of all from the seeds themselves, so that what was kept cannot lead everything astray.
        var input = new List<byte>(random.Next(2) == 0 ? seeds[random.Next(seeds.Count)] : _kept[random.Next(_kept.Count)]);
        for (var changes = 1 << random.Next(0, 4); changes > 0; changes--)
        {
            Change(input);
        }

        return input.Count <= MaxBytes ? [.. input] : [.. input[..MaxBytes]];
    }

    private void Change(List<byte> input)
    {
        var at = random.Next(input.Count + 1);
        var length = Math.Min(random.Next(1, 1 << random.Next(1, 8)), input.Count - at);
        switch (random.Next(12))
        {
            case 0 when at < input.Count:
                input[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when at < input.Count:
                input[at] = Edges[random.Next(Edges.Length)];
                break;
            case 2 when at < input.Count:
                input[at] = (byte)random.Next(256);
                break;
            case 3:
                input.RemoveRange(at, length);
                break;
            case 4:
                input.InsertRange(at, input.GetRange(at, length));
                break;
            case 5:
                input.InsertRange(at, Piece(_kept[random.Next(_kept.Count)]));
                break;
            case 6 when words.Count > 0:
            case 7 when words.Count > 0:
                input.InsertRange(at, words[random.Next(words.Count)]);
                break;
            case 8 when words.Count > 0:
                input.RemoveRange(at, length);
                input.InsertRange(at, words[random.Next(words.Count)]);
                break;
            case 9:
                input.InsertRange(at, System.Text.Encoding.ASCII.GetBytes(Numbers[random.Next(Numbers.Length)]));
                break;
            case 10:
                input.RemoveRange(at, input.Count - at);
                break;
            case 11 when length > 0:
                Repeat(input, input.GetRange(at, length), at);
                break;
            default:
                input.Insert(at, (byte)random.Next(256));
                break;
        }
    }

    // Depth and number: what is fine once may not be a thousand times.
    private void Repeat(List<byte> input, List<byte> piece, int at)
    {
        for (var times = 1 << random.Next(1, 11); times > 0 && input.Count < MaxBytes; times--)
        {
            input.InsertRange(at, piece);
        }
    }

    private byte[] Piece(byte[] of)
    {
        var start = random.Next(of.Length + 1);
        return of[start..random.Next(start, of.Length + 1)];
    }
}
