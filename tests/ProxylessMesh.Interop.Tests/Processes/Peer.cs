namespace ProxylessMesh.Interop.Tests.Processes;

/// <summary>Where the peers' programs are, and what happens where they are not.</summary>
internal static class Peer
{
    private static string Folder
        => Environment.GetEnvironmentVariable("PEERS_DIR") is { Length: > 0 } folder
            ? folder
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "mesh-peers");

    /// <summary>
    /// The path of an installed program. Where it is missing the test is skipped, with what to do; with <c>MESH_INTEROP=required</c> it
    /// fails.
    /// </summary>
    public static string Program(string name)
    {
        var path = Path.Combine(Folder, "bin", name);
        var missing = $"The peer '{name}' is not installed ('{path}' does not exist). Run 'tests/ProxylessMesh.Interop.Tests/peers/install.sh xds-server grpc-go spiffe node python testssl', or set PEERS_DIR.";
        if (Environment.GetEnvironmentVariable("MESH_INTEROP") == "required")
        {
            Assert.True(File.Exists(path), missing);
        }

        Assert.SkipUnless(File.Exists(path), missing);
        return path;
    }
}
