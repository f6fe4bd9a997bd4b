using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Client;

/// <summary>Finds the join token that the options name.</summary>
internal static class JoinTokenReader
{
    /// <returns>The token, or null where none is named; <paramref name="error"/> says why one that is named cannot be used.</returns>
    public static JoinToken? Read(MeshOptions options, out string? error)
    {
        error = null;
        var (key, text) = ("Mesh:JoinToken", options.JoinToken);
        if (text.Length == 0 && options.JoinTokenFile.Length > 0)
        {
            key = $"Mesh:JoinTokenFile '{options.JoinTokenFile}'";
            try
            {
                text = File.ReadAllText(options.JoinTokenFile);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
            {
                error = $"{key} cannot be read: {e.Message} Name a file that holds the join token.";
                return null;
            }
        }

        if (text.Length == 0)
        {
            return null;
        }

        try
        {
            return JoinToken.Parse(text);
        }
        catch (IdentityException e)
        {
            error = $"{key}: {e.Message}";
            return null;
        }
    }
}
