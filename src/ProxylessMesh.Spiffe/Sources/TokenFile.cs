using System.Text;

namespace ProxylessMesh.Spiffe;

/// <summary>Reads a projected Kubernetes service-account token. Its text is in no message.</summary>
internal static class TokenFile
{
    private const int MaxBytes = 64 * 1024;

    /// <param name="path">The file; read each time, because Kubernetes replaces it.</param>
    /// <param name="option">The option that names it, for the message.</param>
    /// <exception cref="IdentityException"><see cref="IdentityError.NoProof"/>.</exception>
    public static string Read(string path, string option)
    {
        string why;
        try
        {
            var text = PrivateFile.Read(path, MaxBytes) is { } bytes ? Encoding.ASCII.GetString(bytes).Trim() : null;
            if (text is { Length: > 0 } && !text.Any(static letter => char.IsWhiteSpace(letter) || char.IsControl(letter)))
            {
                return text;
            }

            why = text is null ? "there is no such file" : text.Length == 0 ? "it is empty" : "it holds something other than one token";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            why = error.Message;
        }

        throw new IdentityException(IdentityError.NoProof, $"{option} '{path}' cannot be used: {why}. Mount a projected service-account token there.");
    }
}
