using Grpc.Core;
using ProxylessMesh.ControlPlane.Tests.Translation;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Tests.Workloads;

public sealed class RegistrationValidatorTests
{
    private static readonly SpiffeId Catalog = SpiffeId.ForServiceAccount(Given.TrustDomain, "shop", "catalog");

    [Fact]
    public void Good_registration_becomes_a_workload_with_the_implicit_labels()
    {
        var registration = Registration();
        registration.Version = "v2";
        registration.Labels.Add("tier", "front");
        registration.Labels.Add("app", "somebody-else");

        var workload = RegistrationValidator.Check(registration, Catalog, ManifestSet.Empty);

        Assert.Equal("catalog", workload.Labels["app"]);
        Assert.Equal("v2", workload.Labels["version"]);
        Assert.Equal("front", workload.Labels["tier"]);
        Assert.Equal(Catalog, workload.Id);
        Assert.Equal(5000, Assert.Single(workload.Ports).Number);
    }

    [Theory]
    [InlineData("bank", "catalog")]
    [InlineData("shop", "pricing")]
    public void Namespace_or_account_that_the_certificate_does_not_carry_is_refused(string namespaceName, string serviceAccount)
    {
        var registration = Registration();
        registration.Namespace = namespaceName;
        registration.ServiceAccount = serviceAccount;

        Assert.Equal(StatusCode.PermissionDenied, Refusal(registration).StatusCode);
    }

    [Fact]
    public void Service_of_another_account_is_refused_unless_its_manifest_lists_the_account()
    {
        var registration = Registration();
        registration.Service = "search";

        Assert.Equal(StatusCode.PermissionDenied, Refusal(registration).StatusCode);
        Assert.Contains("mesh.proxyless.dev/service-accounts", Refusal(registration).Detail, StringComparison.Ordinal);
        var manifests = Given.Manifests("""
            apiVersion: v1
            kind: Service
            metadata:
              name: search
              namespace: shop
              annotations: { mesh.proxyless.dev/service-accounts: "pricing, catalog" }
            spec: { ports: [{ name: http, port: 80 }] }
            """);
        Assert.Equal("search", RegistrationValidator.Check(registration, Catalog, manifests).Service);
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    [InlineData("example.org")]
    [InlineData("")]
    public void Address_that_nobody_can_reach_is_refused(string address)
    {
        var registration = Registration();
        registration.Addresses.Clear();
        registration.Addresses.Add(address);

        Assert.Equal(StatusCode.InvalidArgument, Refusal(registration).StatusCode);
    }

    [Fact]
    public void All_mistakes_are_told_at_once()
    {
        var registration = Registration();
        registration.InstanceId = "";
        registration.Service = "Cat.Alog";
        registration.Ports[0].Number = 70_000;
        registration.Ports[0].AppProtocol = "smtp";
        registration.Labels.Add("k", new string('x', 1000));

        var detail = Refusal(registration).Detail;

        Assert.All(["instance_id", "Cat.Alog", "70000", "smtp", "labels"], part => Assert.Contains(part, detail, StringComparison.Ordinal));
    }

    private static Status Refusal(Registration registration)
        => Assert.Throws<RpcException>(() => RegistrationValidator.Check(registration, Catalog, ManifestSet.Empty)).Status;

    private static Registration Registration() => new()
    {
        InstanceId = "catalog-1",
        Service = "catalog",
        Namespace = "shop",
        ServiceAccount = "catalog",
        Addresses = { "127.0.0.1" },
        Ports = { new WorkloadPort { Name = "http", Number = 5000, AppProtocol = "http", MeshTls = true } },
        Health = Health.Serving,
    };
}
