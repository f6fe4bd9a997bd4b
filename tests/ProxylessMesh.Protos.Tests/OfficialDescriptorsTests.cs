using Google.Protobuf.Reflection;

namespace ProxylessMesh.Protos.Tests;

/// <summary>Our trimmed .proto files say of each message, field, enum value and method exactly what the standard's say.</summary>
public sealed class OfficialDescriptorsTests
{
    // Newer than the package: these files and fields were compared by hand with the files of envoyproxy/envoy (api/) and cncf/xds.
    private static readonly HashSet<string> NewerFiles =
    [
        "envoy/extensions/clusters/common/dns/v3/dns.proto",
        "envoy/extensions/clusters/dns/v3/dns_cluster.proto",
        "envoy/extensions/load_balancing_policies/random_subsetting/v3/random_subsetting.proto",
        "xds/data/orca/v3/orca_load_report.proto",
        "xds/service/orca/v3/orca.proto",

        // Not xDS, so not in the package: compared by hand with istio/api (security/v1alpha1) and spiffe/spiffe (standards/workloadapi.proto).
        "istio/security/v1alpha1/ca.proto",
        "spiffe/workload/workload.proto",
    ];

    private static readonly HashSet<string> NewerFields =
    [
        "envoy.config.route.v3.WeightedCluster.use_hash_policy",
        "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext.auto_host_sni",
        "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext.auto_sni_san_validation",
    ];

    private static FileDescriptor[] OurFiles { get; } =
    [
        .. typeof(XdsTypeUrls).Assembly.GetTypes()
            .Where(static type => type.Name.EndsWith("Reflection", StringComparison.Ordinal))
            .Select(static type => type.GetProperty("Descriptor")?.GetValue(null))
            .OfType<FileDescriptor>()
            .Where(static file => file.Package != "proxylessmesh.v1" && !NewerFiles.Contains(file.Name)),
    ];

    [Fact]
    public async Task Each_message_field_enum_and_method_is_the_standards()
    {
        if (!OfficialProtos.AreInstalled)
        {
            Assert.SkipUnless(Environment.GetEnvironmentVariable("MESH_INTEROP") == "required", $"Not installed: {OfficialProtos.Folder}. Run tests/ProxylessMesh.Interop.Tests/peers/install.sh node.");
            Assert.Fail($"MESH_INTEROP=required, but {OfficialProtos.Folder} does not exist.");
        }

        var official = await OfficialProtos.CompileAsync(OurFiles.Select(static file => file.Name), TestContext.Current.CancellationToken);
        var differences = new List<string>();
        foreach (var file in OurFiles)
        {
            Compare(file.MessageTypes, file.EnumTypes, official, differences);
            foreach (var service in file.Services)
            {
                Compare(service, official, differences);
            }
        }

        Assert.Empty(differences);
    }

    [Fact]
    public void The_comparison_covers_the_messages_that_matter()
    {
        string[] expected =
        [
            "envoy.config.listener.v3.Listener",
            "envoy.config.route.v3.RouteConfiguration",
            "envoy.config.cluster.v3.Cluster",
            "envoy.config.endpoint.v3.ClusterLoadAssignment",
            "envoy.config.rbac.v3.RBAC",
            "envoy.extensions.filters.http.fault.v3.HTTPFault",
            "envoy.service.discovery.v3.DeltaDiscoveryRequest",
            "google.rpc.Status",
        ];

        Assert.Empty(expected.Except(OurFiles.SelectMany(static file => file.MessageTypes).Select(static message => message.FullName)));
    }

    private static void Compare(IEnumerable<MessageDescriptor> messages, IEnumerable<EnumDescriptor> enums, OfficialTypes official, List<string> differences)
    {
        foreach (var type in enums)
        {
            var theirs = official.Enum(type.FullName).Value.Select(static value => (value.Name, value.Number)).ToHashSet();
            differences.AddRange(type.Values.Where(value => !theirs.Contains((value.Name, value.Number))).Select(static value => $"{value.FullName} = {value.Number}"));
        }

        foreach (var message in messages)
        {
            if (message.ToProto().Options is { MapEntry: true })
            {
                continue; // compared as the type of the map field
            }

            var theirs = official.Message(message.FullName);
            foreach (var field in message.Fields.InDeclarationOrder())
            {
                var ours = Describe(field.ToProto(), message.ToProto());
                var standard = theirs.Field.FirstOrDefault(candidate => candidate.Name == field.Name);
                var expected = standard is null ? "no such field" : Describe(standard, theirs);
                if (ours != expected && !NewerFields.Contains(field.FullName))
                {
                    differences.Add($"{field.FullName}: ours is '{ours}', the standard's is '{expected}'");
                }
            }

            Compare(message.NestedTypes, message.EnumTypes, official, differences);
        }
    }

    private static void Compare(ServiceDescriptor service, OfficialTypes official, List<string> differences)
    {
        var theirs = official.Service(service.FullName).Method.ToDictionary(static method => method.Name);
        foreach (var method in service.Methods)
        {
            var ours = method.ToProto();
            if (!theirs.TryGetValue(method.Name, out var standard) || Describe(ours) != Describe(standard))
            {
                differences.Add($"{method.FullName}: '{Describe(ours)}'");
            }
        }
    }

    private static string Describe(FieldDescriptorProto field, DescriptorProto owner)
    {
        var oneof = field.HasOneofIndex ? owner.OneofDecl[field.OneofIndex].Name : "";
        return $"{field.Label} {field.Type} {field.TypeName} {field.Name} = {field.Number} oneof '{oneof}' optional {field.Proto3Optional}";
    }

    private static string Describe(MethodDescriptorProto method)
        => $"{(method.ClientStreaming ? "stream " : "")}{method.InputType} -> {(method.ServerStreaming ? "stream " : "")}{method.OutputType}";
}
