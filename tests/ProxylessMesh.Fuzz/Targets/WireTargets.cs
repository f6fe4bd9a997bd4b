using System.Buffers;
using System.IO.Pipelines;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Limits;
using ProxylessMesh.Listening;
using ProxylessMesh.Manifests;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;
using static ProxylessMesh.Fuzz.FuzzTargets;

namespace ProxylessMesh.Fuzz;

/// <summary>What peers send: the first bytes of a connection, headers, registrations, names of resources.</summary>
internal static class WireTargets
{
    private static readonly SpiffeId Caller = SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/catalog");

    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("first-bytes", [[0x16, 3, 1, 0, 5], Bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Bytes("GET / HTTP/1.1\r\n\r\n")], FirstBytesOf) { Words = Words("PRI * HTTP/2.0", "\r\n\r\n", "SM") },
        new("deadline-headers", [Bytes("1500\n20m"), Bytes("1\n99S")], Deadline) { Words = Words("\n", "m", "S", "H", "u", "n", "-", "00000000") },
        new("registration", [Registered().ToByteArray()], Registration),
        new("inbound-name", [Bytes("proxylessmesh/inbound/10.0.0.1:5000"), Bytes("grpc/server?xds.resource.listening_address=[::1]:5000")], static bytes => InboundName.TryParse(Text(bytes), out _)) { Words = Words("proxylessmesh/inbound/", "[", "]", ":", "::", "%", "65536", "?") },
    ];

    private static bool FirstBytesOf(byte[] bytes)
    {
        var reader = PipeReader.Create(new ReadOnlySequence<byte>(bytes));
        var peeked = FirstBytesReader.PeekAsync(reader, CancellationToken.None).AsTask();
        Must(peeked.IsCompletedSuccessfully, "Looking at what is there waits for more.");
        var kind = peeked.GetAwaiter().GetResult();
        Must(kind == FirstBytes.Closed == (bytes.Length == 0), "A connection that said something is taken for closed.");
        Must(kind == FirstBytes.Tls == (bytes is [0x16, ..]), "TLS is what begins with a handshake record.");
        Must(kind == FirstBytes.Closed || (reader.TryRead(out var rest) && rest.Buffer.Length == bytes.Length), "Looking took bytes away.");
        return kind is FirstBytes.Tls or FirstBytes.Http2 or FirstBytes.Other;
    }

    private static bool Deadline(byte[] bytes)
    {
        var lines = Text(bytes).Split('\n');
        var headers = new HeaderDictionary { ["x-envoy-expected-rq-timeout-ms"] = lines[0], ["grpc-timeout"] = lines.Length > 1 ? lines[1] : "" };
        var taken = DeadlineHeaders.TryRead(headers, out var remaining);
        Must(!taken || (remaining >= TimeSpan.Zero && remaining <= TimeSpan.FromDays(24)), $"A deadline of {remaining}.");
        return taken;
    }

    private static bool Registration(byte[] bytes)
    {
        if (!DocumentTargets.TryParse(Protos.V1.Registration.Parser, bytes, out var registration))
        {
            return false;
        }

        try
        {
            var workload = RegistrationValidator.Check(registration, Caller, ManifestSet.Empty);
            Must(workload.Id == Caller && workload.Namespace == "shop" && workload.Service == "catalog", "A registration that its certificate does not cover is taken.");
            return true;
        }
        catch (RpcException error) when (error.StatusCode is StatusCode.InvalidArgument or StatusCode.PermissionDenied)
        {
            return false;
        }
    }

    private static Registration Registered() => new()
    {
        InstanceId = "catalog-1",
        Service = "catalog",
        Namespace = "shop",
        ServiceAccount = "catalog",
        Addresses = { "10.0.0.1", "fd00::1" },
        Labels = { ["version"] = "v1" },
        Ports = { new WorkloadPort { Name = "http", Number = 5000, AppProtocol = "http", MeshTls = true } },
        Health = Health.Serving,
        LibraryVersion = "1.0",
    };
}
