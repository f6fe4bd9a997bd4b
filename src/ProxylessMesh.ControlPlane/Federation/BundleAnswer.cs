namespace ProxylessMesh.ControlPlane.Federation;

/// <summary>What came of asking a bundle endpoint.</summary>
/// <param name="Document">The body; null when there is none that may be looked at.</param>
/// <param name="Fault">Why there is none.</param>
internal sealed record BundleAnswer(string? Document, string Fault)
{
    public static BundleAnswer Of(string document) => new(document, "");

    public static BundleAnswer Failed(string fault) => new(null, fault);
}
