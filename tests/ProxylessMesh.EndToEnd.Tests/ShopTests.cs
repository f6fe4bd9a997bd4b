using System.Diagnostics;
using System.Text.Json;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>The product's main job, as a user runs it: the whole shop in processes of its own.</summary>
public sealed class ShopTests
{
    // The show itself promises 90 seconds on an idle machine; in CI other tests run beside it.
    private const int TimeLimit = 300_000;

    [Fact(Timeout = TimeLimit)]
    public async Task Every_chapter_of_the_shop_holds_and_no_call_is_lost()
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [ShopAssembly, "--json"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        string output, errors;
        try
        {
            var reading = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            errors = await reading;
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        finally
        {
            process.Kill(); // a test that is given up leaves nothing behind; the shop's children end with it
        }

        using var show = JsonDocument.Parse(output);
        var chapters = show.RootElement.GetProperty("chapters").EnumerateArray().ToList();
        Assert.Equal(
            ["identities", "balance", "canary", "loss", "faults", "intruder", "control-plane", "rotation"],
            chapters.Select(static chapter => chapter.GetProperty("name").GetString()));
        Assert.All(chapters, chapter =>
        {
            Assert.True(chapter.GetProperty("ok").GetBoolean(), $"{chapter}\n{errors}");
            Assert.True(chapter.GetProperty("calls").GetInt32() > 0, $"{chapter}");
            Assert.Equal(0, chapter.GetProperty("lost").GetInt32());
        });
        Assert.True(show.RootElement.GetProperty("ok").GetBoolean(), output);
        Assert.Equal(0, process.ExitCode);
    }

    // Built before the tests, by the same configuration: artifacts/bin/Shop/{configuration} in a folder above.
    private static string ShopAssembly
    {
        get
        {
            var here = new DirectoryInfo(AppContext.BaseDirectory);
            for (var folder = here.Parent; folder is not null; folder = folder.Parent)
            {
                var assembly = Path.Combine(folder.FullName, "artifacts", "bin", "Shop", here.Name, "Shop.dll");
                if (File.Exists(assembly))
                {
                    return assembly;
                }
            }

            throw new FileNotFoundException($"Shop.dll is in no artifacts folder above '{here.FullName}'. Build samples/Shop.");
        }
    }
}
