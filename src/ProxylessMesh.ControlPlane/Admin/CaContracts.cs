using System.Collections.Immutable;

namespace ProxylessMesh.ControlPlane.Admin;

/// <summary><c>GET /api/v1/ca</c>: what signs, what is trusted, and how the fleet stands to it.</summary>
/// <param name="TrustDomain">Whose CA it is.</param>
/// <param name="Stage"><c>none</c>, <c>added</c> or <c>switched</c>.</param>
/// <param name="Authorities">Oldest first.</param>
/// <param name="Members">Certificates in use and workloads that are connected.</param>
/// <param name="Trusting">How many of them have the newest root in force.</param>
/// <param name="ByActive">How many have a certificate by the key that signs now.</param>
/// <param name="Missing">Those that hold up the next step; the first hundred.</param>
internal sealed record CaAnswer(string TrustDomain, string Stage, ImmutableArray<CaAuthorityAnswer> Authorities, int Members, int Trusting, int ByActive, ImmutableArray<CaMemberAnswer> Missing);

/// <param name="Sha256">Of the certificate that signs.</param>
/// <param name="RootSha256">Of the root that workloads trust.</param>
/// <param name="Subject">Of the certificate that signs.</param>
/// <param name="Kind"><c>root</c> or <c>intermediate</c>.</param>
/// <param name="IsActive">Whether it signs.</param>
/// <param name="ExpiresAt">When nothing of it is valid any more.</param>
/// <param name="RootPem">The root, for other systems that are to trust the mesh.</param>
internal sealed record CaAuthorityAnswer(string Sha256, string RootSha256, string Subject, string Kind, bool IsActive, DateTimeOffset ExpiresAt, string RootPem);

internal sealed record CaMemberAnswer(string Id, string Serial, DateTimeOffset? ExpiresAt, bool IsConnected);

/// <summary><c>POST /api/v1/ca/rotation</c>.</summary>
/// <param name="Stage"><c>add</c>, <c>switch</c> or <c>finish</c>.</param>
/// <param name="Force">Whether to pass over who is not ready.</param>
/// <param name="Certificates">For <c>add</c>: PEM of a CA under a company's root, the root last; without it, a root of our own.</param>
/// <param name="Key">PEM of its key; without it, that of the last request.</param>
internal sealed record RotationRequest(string Stage, bool Force, string? Certificates, string? Key);

/// <summary><c>POST /api/v1/ca/request</c>: PKCS#10 as PEM.</summary>
internal sealed record CaRequestAnswer(string SigningRequest);

/// <summary><c>POST /api/v1/ca/certificates</c>: issues for an operator, for processes that get their certificate by file.</summary>
internal sealed record IssueRequest(string Namespace, string ServiceAccount, string SigningRequest, double? LifetimeSeconds);

/// <param name="Id">The SPIFFE ID.</param>
/// <param name="Serial">Its serial number.</param>
/// <param name="ExpiresAt">Until when it is valid.</param>
/// <param name="Chain">PEM, leaf first, without the root.</param>
/// <param name="Roots">PEM of the mesh's roots.</param>
internal sealed record IssueAnswer(string Id, string Serial, DateTimeOffset ExpiresAt, string Chain, string Roots);

/// <summary><c>POST /api/v1/ca/revoked</c>.</summary>
internal sealed record RevokeRequest(string Id, string? Reason);
