using System.Text.Json;

namespace ProxylessMesh.Authentication;

/// <summary>The person or program that a call is made for: the payload of the token that the mesh found valid. A feature of the request.</summary>
internal sealed record EndUser(JsonElement Payload);
