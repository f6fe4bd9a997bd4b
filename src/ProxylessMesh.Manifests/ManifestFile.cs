namespace ProxylessMesh.Manifests;

/// <summary>A file to read: its name, as messages show it, and its text.</summary>
public sealed record ManifestFile(string Name, string Text);
