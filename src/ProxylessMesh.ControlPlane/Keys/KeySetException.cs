namespace ProxylessMesh.ControlPlane.Keys;

/// <summary>Why a key set could not be had, in words that stand after a colon.</summary>
internal sealed class KeySetException(string message, Exception? inner = null) : Exception(message, inner);
