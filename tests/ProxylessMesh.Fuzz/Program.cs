using System.Globalization;
using ProxylessMesh.Fuzz;

// Every decoder of outside bytes against inputs that are nearly good.
//   dotnet run -c Release --project tests/ProxylessMesh.Fuzz -- --target all --count 1000000 [--seed 1]
//   dotnet run -c Release --project tests/ProxylessMesh.Fuzz -- --target csr --input -      (base64 on standard input: one finding again)
//   dotnet run -c Release --project tests/ProxylessMesh.Fuzz -- --list
var options = new Dictionary<string, string>(StringComparer.Ordinal);
for (var i = 0; i + 1 < args.Length; i += 2)
{
    options[args[i]] = args[i + 1];
}

if (args is ["--list"])
{
    Array.ForEach([.. FuzzTargets.All], static target => Console.WriteLine(target.Name));
    return 0;
}

var wanted = options.GetValueOrDefault("--target", "all");
var targets = FuzzTargets.All.Where(target => wanted is "all" || wanted.Split(',').Contains(target.Name)).ToList();
if (targets.Count == 0 || args.Length % 2 != 0 || options.Keys.Any(static key => key is not ("--target" or "--count" or "--seed" or "--input")))
{
    await Console.Error.WriteLineAsync("Usage: --list | --target all|NAME[,NAME] [--count N] [--seed N] [--input -]");
    return 2;
}

if (options.ContainsKey("--input"))
{
    Console.WriteLine(targets[0].Decode(Convert.FromBase64String((await Console.In.ReadToEndAsync()).Trim())) ? "taken" : "refused");
    return 0;
}

var count = long.Parse(options.GetValueOrDefault("--count", "100000"), CultureInfo.InvariantCulture);
var seed = int.Parse(options.GetValueOrDefault("--seed", "20261123"), CultureInfo.InvariantCulture);
var findings = 0;
foreach (var target in targets)
{
    var result = new FuzzRun(target, seed).Run(count);
    Console.WriteLine(result);
    findings += result.Finding is null ? 0 : 1;
}

Console.WriteLine($"{targets.Count} targets, {findings} findings");
return findings == 0 ? 0 : 1;
