using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;

namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary>
/// The process at the other end of a UNIX socket (Linux). The kernel noted user, group and process number when the process connected; the rest is
/// read from /proc at each question, because a process may begin to run another program. A process number may by then belong to somebody else: what was
/// read counts only if the process that connected is still there afterwards. A pidfd says so (Linux 6.5), else the time at which it was started.
/// </summary>
internal sealed class PeerProcess : IDisposable
{
    // asm-generic/socket.h, as on x64 and ARM.
    private const int SocketLevel = 1;
    private const int PeerCredentials = 17;
    private const int PeerPidfd = 77;

    private readonly int _id;
    private readonly uint _user;
    private readonly uint _group;
    private readonly SafeFileHandle? _pidfd;
    private readonly string? _startedAt;

    private PeerProcess(int id, uint user, uint group, SafeFileHandle? pidfd)
    {
        (_id, _user, _group, _pidfd) = (id, user, group, pidfd);
        _startedAt = StartOf(id);
    }

    /// <summary>Asks the kernel; null where it does not say.</summary>
    public static PeerProcess? TryFind(Socket? socket)
    {
        if (socket is null || !OperatingSystem.IsLinux())
        {
            return null;
        }

        // struct ucred: pid, uid, gid.
        Span<byte> credentials = stackalloc byte[12];
        try
        {
            if (socket.GetRawSocketOption(SocketLevel, PeerCredentials, credentials) != credentials.Length)
            {
                return null;
            }
        }
        catch (SocketException)
        {
            return null;
        }

        var id = Native(credentials);

        // 0: a process of a place that we cannot look into.
        return id > 0 ? new PeerProcess(id, (uint)Native(credentials[4..]), (uint)Native(credentials[8..]), Pidfd(socket)) : null;
    }

    /// <summary>What it is now; null when it is gone.</summary>
    public ProcessFacts? Look()
    {
        if (_startedAt is null)
        {
            return null;
        }

        var facts = new ProcessFacts(_id, _user, _group, PathOf(_id), Read($"/proc/{_id}/cgroup") is { } groups ? SystemdUnits.Find(groups) : null);
        return IsStillThere() ? facts : null;
    }

    public void Dispose() => _pidfd?.Dispose();

    private bool IsStillThere()
        => StartOf(_id) == _startedAt
            && (_pidfd is null || (Read($"/proc/self/fdinfo/{_pidfd.DangerousGetHandle()}") is { } info && info.Split('\n').Contains($"Pid:\t{_id}")));

    private static SafeFileHandle? Pidfd(Socket socket)
    {
        Span<byte> descriptor = stackalloc byte[4];
        try
        {
            return socket.GetRawSocketOption(SocketLevel, PeerPidfd, descriptor) == descriptor.Length ? new SafeFileHandle(Native(descriptor), ownsHandle: true) : null;
        }
        catch (SocketException)
        {
            // Before Linux 6.5.
            return null;
        }
    }

    // The path is meant as in our own file system: one of a container says nothing here.
    private static string? PathOf(int id)
    {
        var target = Link($"/proc/{id}/exe");
        return target is null || target.EndsWith(" (deleted)", StringComparison.Ordinal) || Link($"/proc/{id}/ns/mnt") is not { } mounts || mounts != Link("/proc/self/ns/mnt") ? null : target;
    }

    // Field 22 of stat; the second, the program's name in parentheses, may itself hold parentheses and spaces.
    private static string? StartOf(int id)
    {
        if (Read($"/proc/{id}/stat") is not { } stat)
        {
            return null;
        }

        var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 19 && ulong.TryParse(fields[19], NumberStyles.None, CultureInfo.InvariantCulture, out _) ? fields[19] : null;
    }

    private static string? Link(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static int Native(ReadOnlySpan<byte> bytes) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReadInt32LittleEndian(bytes) : BinaryPrimitives.ReadInt32BigEndian(bytes);
}
