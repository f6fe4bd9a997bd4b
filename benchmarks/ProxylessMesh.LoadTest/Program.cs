using System.CommandLine;
using ProxylessMesh.LoadTest.Arrangements;
using ProxylessMesh.LoadTest.Scenarios;

var rounds = new Option<int>("--rounds") { Description = "Paired rounds.", DefaultValueFactory = static _ => 12 };
var seconds = new Option<double>("--seconds") { Description = "Length of one measurement.", DefaultValueFactory = static _ => 2 };
var callers = new Option<int[]>("--callers") { Description = "Calls in flight.", DefaultValueFactory = static _ => [1, 16, 64], AllowMultipleArgumentsPerToken = true };
var compare = new Command("compare", "The floor, the mesh and two YARP sidecars, in turn.") { rounds, seconds, callers };
compare.SetAction(async (parsed, _) =>
{
    var folder = Directory.CreateTempSubdirectory("mesh-loadtest-");
    try
    {
        LoadTestCertificates.Create(folder.FullName);
        await using var direct = await DirectArrangement.StartAsync(folder.FullName);
        await using var mesh = await MeshArrangement.StartAsync();
        await using var sidecars = await SidecarPairArrangement.StartAsync(folder.FullName);
        await Compare.RunAsync([direct, mesh, sidecars], parsed.GetValue(rounds), TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(callers)!);
    }
    finally
    {
        folder.Delete(recursive: true);
    }
});

var workloads = new Option<int>("--workloads") { Description = "Mesh clients, all in this process.", DefaultValueFactory = static _ => 50 };
var changes = new Option<int>("--changes") { Description = "Changes of the manifest, one after another.", DefaultValueFactory = static _ => 20 };
var push = new Command("push", "How long a change of a manifest takes to be in force everywhere.") { workloads, changes };
push.SetAction((parsed, _) => Push.RunAsync(parsed.GetValue(workloads), parsed.GetValue(changes)));

var applies = new Option<int>("--applies") { Description = "Changes of the manifest in a row.", DefaultValueFactory = static _ => 200 };
var apply = new Command("apply", "Many applies in a row under load: lost calls, and the memory of every process.") { applies };
apply.SetAction((parsed, _) => Applies.RunAsync(parsed.GetValue(applies)));

var minutes = new Option<double>("--minutes") { Description = "Length of the soak.", DefaultValueFactory = static _ => 10 };
var seed = new Option<int>("--seed") { Description = "Of the random changes of the manifests.", DefaultValueFactory = static _ => 1 };
var soak = new Command("soak", "Random faults, an instance replaced and a manifest changed every second, certificates of one minute: calls wrongly lost, memory, handles, counts.") { minutes, seed };
soak.Aliases.Add("--soak");
soak.SetAction((parsed, _) => Soak.RunAsync(TimeSpan.FromMinutes(parsed.GetValue(minutes)), parsed.GetValue(seed)));

var name = new Argument<string>("name");
var role = new Command("role", "One of the processes of an arrangement; started by the other commands.") { name };
role.SetAction((parsed, _) => parsed.GetValue(name) switch
{
    "tls-server" => ServerRole.RunTlsAsync(),
    "control-plane" => MeshRoles.RunControlPlaneAsync(),
    "mesh-server" => MeshRoles.RunServerAsync(),
    "fleet" => FleetRole.RunAsync(),
    "plain-server" => ServerRole.RunPlainAsync(),
    "inbound-proxy" => SidecarRole.RunInboundAsync(),
    "outbound-proxy" => SidecarRole.RunOutboundAsync(),
    var unknown => throw new ArgumentException($"There is no role '{unknown}'."),
});

return await new RootCommand("Whole-process load tests of ProxylessMesh.") { compare, push, apply, soak, role }.Parse(args).InvokeAsync();
