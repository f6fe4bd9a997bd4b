using System.Diagnostics;
using System.Reflection;
using Google.Protobuf.Reflection;

namespace ProxylessMesh.Protos.Tests;

/// <summary>The official .proto files that npm's <c>@grpc/grpc-js-xds</c> ships, compiled to descriptors by protoc.</summary>
internal static class OfficialProtos
{
    /// <summary>Where <c>tests/ProxylessMesh.Interop.Tests/peers/install.sh node</c> puts the package.</summary>
    public static string Folder { get; } = Path.Combine(
        Environment.GetEnvironmentVariable("PEERS_DIR") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "mesh-peers"),
        "node", "node_modules", "@grpc", "grpc-js-xds", "deps");

    public static bool AreInstalled => Directory.Exists(Folder);

    /// <summary>Every message and enum of <paramref name="files"/> and of what they import, by full name.</summary>
    public static async Task<OfficialTypes> CompileAsync(IEnumerable<string> files, CancellationToken cancellationToken)
    {
        var work = Directory.CreateTempSubdirectory("official-protos-");
        try
        {
            await PatchValidationRulesAsync(work.FullName, cancellationToken);
            var output = Path.Combine(work.FullName, "descriptors");
            var start = new ProcessStartInfo(Metadata("protoc")) { RedirectStandardError = true };
            start.ArgumentList.Add($"--descriptor_set_out={output}");
            start.ArgumentList.Add("--include_imports");
            start.ArgumentList.Add($"-I{work.FullName}");
            foreach (var root in new[] { "envoy-api", "xds", "googleapis" })
            {
                start.ArgumentList.Add($"-I{Path.Combine(Folder, root)}");
            }

            start.ArgumentList.Add($"-I{Metadata("protoc-include")}");
            foreach (var file in files)
            {
                start.ArgumentList.Add(file);
            }

            using var protoc = Process.Start(start)!;
            var errors = await protoc.StandardError.ReadToEndAsync(cancellationToken);
            await protoc.WaitForExitAsync(cancellationToken);
            Assert.True(protoc.ExitCode == 0, errors);

            return new OfficialTypes(FileDescriptorSet.Parser.ParseFrom(await File.ReadAllBytesAsync(output, cancellationToken)));
        }
        finally
        {
            work.Delete(recursive: true);
        }
    }

    // The package's validate.proto is older than its envoy-api: one string rule that envoy-api writes is not in it.
    private static async Task PatchValidationRulesAsync(string folder, CancellationToken cancellationToken)
    {
        const string Rules = "message StringRules {";
        var text = await File.ReadAllTextAsync(Path.Combine(Folder, "protoc-gen-validate", "validate", "validate.proto"), cancellationToken);
        if (!text.Contains("ignore_empty", StringComparison.Ordinal))
        {
            text = text.Replace(Rules, Rules + " optional bool ignore_empty = 26;", StringComparison.Ordinal);
        }

        Directory.CreateDirectory(Path.Combine(folder, "validate"));
        await File.WriteAllTextAsync(Path.Combine(folder, "validate", "validate.proto"), text, cancellationToken);
    }

    private static string Metadata(string key)
        => typeof(OfficialProtos).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
