using System.Security.Cryptography;

namespace ProxylessMesh.Spiffe.Tests.Joining;

public sealed class JoinTokenTests
{
    private static readonly JoinToken Token = JoinToken.Create(SHA256.HashData([1, 2, 3]));

    [Fact]
    public void Token_is_read_as_it_was_written()
    {
        var read = JoinToken.Parse(Token.Text);

        Assert.Equal(Token.Id, read.Id);
        Assert.Equal(Token.Secret, read.Secret);
        Assert.Equal(SHA256.HashData([1, 2, 3]), read.RootHash);
        Assert.Equal(Token.Text, read.Text);
    }

    [Fact]
    public void Line_end_of_a_token_file_does_no_harm() => Assert.Equal(Token.Id, JoinToken.Parse($"  {Token.Text}\r\n").Id);

    [Fact]
    public void Token_in_a_log_shows_no_secret()
    {
        Assert.Equal($"pm1.{Token.Id}.***", $"{Token}");
        Assert.DoesNotContain(Token.Text.Split('.')[2], Token.ToString());
    }

    [Fact]
    public void Two_tokens_have_nothing_in_common_but_the_root()
    {
        var other = JoinToken.Create(Token.RootHash.Span);

        Assert.NotEqual(Token.Id, other.Id);
        Assert.NotEqual(Token.Secret, other.Secret);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("pm1")]
    [InlineData("pm1...")]
    [InlineData("pm1.a.b.c")]
    public void Text_of_another_form_is_refused_and_not_repeated(string? text)
    {
        var error = Assert.Throws<IdentityException>(() => JoinToken.Parse(text));

        Assert.Equal(IdentityError.TokenMalformed, error.Error);
        Assert.Contains("mesh token create", error.Message);
    }

    [Fact]
    public void Text_whose_last_bits_belong_to_no_byte_is_refused()
    {
        // 32 bytes leave two bits of the last character over.
        Assert.All("BCDFGHJKLNOPRSTVWXZabdefhijlmnpqrtuvxyz1235679-_", last => Assert.False(JoinToken.TryParse(Token.Text[..^1] + last, out _)));
    }

    [Fact]
    public void Any_text_cut_off_is_refused()
    {
        for (var length = 0; length < Token.Text.Length; length++)
        {
            Assert.False(JoinToken.TryParse(Token.Text[..length], out _));
        }

        Assert.False(JoinToken.TryParse(Token.Text + "A", out _));
    }

    [Fact]
    public void Any_single_character_of_another_alphabet_is_refused()
    {
        const string Foreign = " \t\n=+/%.äA\0";
        for (var i = 0; i < Token.Text.Length; i++)
        {
            foreach (var c in Foreign)
            {
                var text = Token.Text[..i] + c + Token.Text[(i + 1)..];
                if (JoinToken.TryParse(text, out var read))
                {
                    // Taken only where the character belongs to the alphabet: then it is another token, written the same way.
                    Assert.True(c is 'A' || text == Token.Text, $"'{c}' at {i}");
                    Assert.Equal(text, read.Text);
                }
            }
        }
    }

    [Fact]
    public void Random_text_is_never_an_exception()
    {
        var random = new Random(3);
        for (var i = 0; i < 2000; i++)
        {
            var text = new string([.. Enumerable.Range(0, random.Next(0, 130)).Select(_ => (char)random.Next(1, 256))]);

            Assert.False(JoinToken.TryParse(text, out _));
            Assert.False(JoinToken.TryParse("pm1." + text, out _));
        }
    }
}
