using System.Diagnostics;
using System.Net.Sockets;
using ProxylessMesh.ControlPlane.Ca.Doors;

namespace ProxylessMesh.ControlPlane.Tests.Ca.Doors;

public sealed class PeerProcessTests : IDisposable
{
    private const string Python = "/usr/bin/python3";

    private readonly TestFolder _folder = new();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact(Timeout = 60_000)]
    public async Task Kernel_says_who_connected_and_which_program_it_runs()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux tells.");
        using var listener = Listen();
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await client.ConnectAsync(listener.LocalEndPoint!, TestEnd);
        using var accepted = await listener.AcceptAsync(TestEnd);

        using var process = PeerProcess.TryFind(accepted);
        var facts = process!.Look();

        Assert.Equal((Environment.ProcessId, Environment.ProcessPath), (facts!.ProcessId, facts.Path));
    }

    // The process that connected has ended, a child of it holds the connection: its number may be anybody's next.
    [Fact(Timeout = 60_000)]
    public async Task Process_that_is_gone_is_nobody_though_its_connection_lives_on()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists(Python), "Needs Linux and python3.");
        using var listener = Listen();
        const string Script = "import os, socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\nsys.stdin.readline()\nif os.fork() == 0:\n  os.close(1)\n  s.recv(1)\n";
        using var parent = Process.Start(new ProcessStartInfo(Python) { ArgumentList = { "-c", Script, _folder.File("s") }, RedirectStandardInput = true, RedirectStandardOutput = true })!;
        using var accepted = await listener.AcceptAsync(TestEnd);
        using var process = PeerProcess.TryFind(accepted);
        var before = process!.Look();

        await parent.StandardInput.WriteLineAsync();
        await parent.WaitForExitAsync(TestEnd);

        Assert.Equal(parent.Id, before!.ProcessId);
        Assert.Contains("python", before.Path);
        Assert.False(accepted.Poll(0, SelectMode.SelectRead) && accepted.Available == 0, "the child has ended too");
        Assert.Null(process.Look());
    }

    [Fact(Timeout = 60_000)]
    public async Task Process_that_begins_another_program_is_that_program()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists(Python), "Needs Linux and python3.");
        using var listener = Listen();
        const string Script = "import os, socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\ns.set_inheritable(True)\nsys.stdin.readline()\nos.execv('/bin/sh', ['sh', '-c', 'echo; read line'])\n";
        using var child = Process.Start(new ProcessStartInfo(Python) { ArgumentList = { "-c", Script, _folder.File("s") }, RedirectStandardInput = true, RedirectStandardOutput = true })!;
        using var accepted = await listener.AcceptAsync(TestEnd);
        using var process = PeerProcess.TryFind(accepted);
        Assert.Contains("python", process!.Look()!.Path);

        await child.StandardInput.WriteLineAsync();
        await child.StandardOutput.ReadLineAsync(TestEnd);

        Assert.DoesNotContain("python", process.Look()!.Path);
        await child.StandardInput.WriteLineAsync();
        await child.WaitForExitAsync(TestEnd);
    }

    [Theory]
    [InlineData("0::/system.slice/nginx.service\n", "nginx.service")]
    [InlineData("0::/system.slice/nginx.service/below/billing.service\n", "nginx.service")]
    [InlineData("0::/system.slice/system-getty.slice/getty@tty1.service\n", "getty@tty1.service")]
    [InlineData("0::/user.slice/user-1000.slice/user@1000.service/app.slice/nginx.service\n", "user@1000.service")]
    [InlineData("0::/user.slice/user-1000.slice/session-2.scope\n", "session-2.scope")]
    [InlineData("0::/system.slice/_cpu.service\n", "cpu.service")]
    [InlineData("12:pids:/x\n1:name=systemd:/system.slice/nginx.service\n0::/\n", "nginx.service")]
    [InlineData("0::/docker/0123/system.slice/nginx.service\n", null)]
    [InlineData("0::/../../nginx.service\n", null)]
    [InlineData("0::/\n", null)]
    [InlineData("", null)]
    public void Unit_is_the_first_part_of_the_group_that_is_no_slice(string groups, string? unit) => Assert.Equal(unit, SystemdUnits.Find(groups));

    [Theory]
    [InlineData("unix:///run/mesh/api.sock", "/run/mesh/api.sock")]
    [InlineData("unix:/run/mesh/api.sock", "/run/mesh/api.sock")]
    [InlineData("unix://run/api.sock", null)]
    [InlineData("unix:///run/api.sock?x", null)]
    [InlineData("tcp://127.0.0.1:80", null)]
    [InlineData("/run/api.sock", null)]
    [InlineData("unix:///", null)]
    public void Address_is_read_as_clients_read_theirs(string address, string? path)
    {
        Assert.Equal(path is not null, WorkloadApiSocket.TryParse(address, out var read));
        Assert.Equal(path, read);
    }

    private Socket Listen()
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_folder.File("s")));
        listener.Listen();
        return listener;
    }
}
