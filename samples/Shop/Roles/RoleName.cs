namespace Shop.Roles;

/// <summary>Which process this is; every answer carries it, so that the show can count who answered.</summary>
internal sealed record RoleName(string Instance, string Version);
