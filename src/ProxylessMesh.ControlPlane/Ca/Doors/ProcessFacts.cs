namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary>What the kernel says of a process; nothing in it is the process's own word.</summary>
/// <param name="ProcessId">Its number, for messages.</param>
/// <param name="UserId">Effective user when it connected.</param>
/// <param name="GroupId">Effective group when it connected.</param>
/// <param name="Path">The file that it runs; null where that cannot be told for sure.</param>
/// <param name="Unit">The systemd unit that it belongs to; null where there is none or it cannot be told.</param>
internal sealed record ProcessFacts(int ProcessId, uint UserId, uint GroupId, string? Path, string? Unit);
