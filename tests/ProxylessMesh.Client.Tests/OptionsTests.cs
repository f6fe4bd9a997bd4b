using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ProxylessMesh.Client.Tests;

public sealed class OptionsTests
{
    [Theory]
    [InlineData("Shop.PriceList", "shop-price-list")]
    [InlineData("Catalog", "catalog")]
    [InlineData("XMLReader", "xml-reader")]
    [InlineData("My_App2Go", "my-app2-go")]
    [InlineData("already-kebab", "already-kebab")]
    public void Service_is_named_after_the_assembly_in_kebab_case(string assembly, string expected)
        => Assert.Equal(expected, MeshOptionsSetup.KebabCase(assembly));

    [Fact]
    public void Section_is_bound_and_the_rest_has_defaults()
    {
        var options = Options(new()
        {
            ["Mesh:Service"] = "storefront",
            ["Mesh:Namespace"] = "shop",
            ["Mesh:ControlPlane"] = "https://mesh.internal:7443",
            ["Mesh:Labels:tier"] = "front",
            ["Mesh:Locality:Region"] = "eu-west-1",
            ["Mesh:Outbound:UnknownHosts"] = "Refuse",
            ["Mesh:Outbound:ConfigTimeout"] = "00:00:05",
        });

        Assert.Equal("storefront", options.ServiceAccount);
        Assert.Equal("front", options.Labels["tier"]);
        Assert.Equal("eu-west-1", options.Locality.Region);
        Assert.Equal(UnknownHostPolicy.Refuse, options.Outbound.UnknownHosts);
        Assert.Equal(TimeSpan.FromSeconds(5), options.Outbound.ConfigTimeout);
        Assert.Equal(64 * 1024, options.Outbound.RetryBufferBytes);
    }

    [Fact]
    public void All_mistakes_are_told_at_once_with_key_value_and_cure()
    {
        var error = Assert.Throws<OptionsValidationException>(() => Options(new()
        {
            ["Mesh:Service"] = "no spaces",
            ["Mesh:ControlPlane"] = "http://mesh.internal:7443",
            ["Mesh:JoinToken"] = "not-a-token",
            ["Mesh:Outbound:ConfigTimeout"] = "01:00:00",
            ["Mesh:Outbound:RetryBufferBytes"] = "-1",
            ["Mesh:State:SealIdentity"] = "true",
        }));

        Assert.Equal(7, error.Failures.Count());
        Assert.Contains(error.Failures, static failure => failure.StartsWith("Mesh:Service is 'no spaces'.", StringComparison.Ordinal));
        Assert.DoesNotContain("not-a-token", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Mesh:Inbound:CallSummaryWindow", "01:00:01")]
    [InlineData("Mesh:Inbound:CallSummaryWindow", "-00:01:00")]
    [InlineData("Mesh:Inbound:MaxCallSummaries", "15")]
    [InlineData("Mesh:Inbound:AllowedCallLogRate", "1.5")]
    [InlineData("Mesh:Inbound:AllowedCallLogRate", "NaN")]
    public void Records_of_calls_have_bounds(string key, string value)
    {
        var error = Assert.Throws<OptionsValidationException>(() => Options(new() { ["Mesh:ControlPlane"] = "https://mesh.internal:7443", ["Mesh:Service"] = "catalog", [key] = value }));

        Assert.StartsWith($"{key} is ", Assert.Single(error.Failures), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Mesh:Tls:MinimumVersion", "1.1")]
    [InlineData("Mesh:Tls:CipherSuites:0", "TLS_RSA_WITH_AES_128_CBC_SHA")]
    [InlineData("Mesh:Tls:CipherSuites:0", "ECDHE-RSA-AES128-GCM-SHA256")]
    [InlineData("Mesh:Inbound:MaxHandshakes", "0")]
    [InlineData("Mesh:Inbound:ProbePaths:0", "healthz")]
    [InlineData("Mesh:Inbound:ProbePaths:0", "/health*")]
    public void Weak_TLS_and_open_ended_probes_are_refused(string key, string value)
    {
        var error = Assert.Throws<OptionsValidationException>(() => Options(new() { ["Mesh:ControlPlane"] = "https://mesh.internal:7443", ["Mesh:Service"] = "catalog", [key] = value }));

        Assert.StartsWith(key.Replace(":0", "", StringComparison.Ordinal), Assert.Single(error.Failures), StringComparison.Ordinal);
        Assert.Contains(value, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_control_plane_the_error_names_the_key()
    {
        var error = Assert.Throws<OptionsValidationException>(() => Options([]));

        Assert.Contains("Mesh:ControlPlane is not set", Assert.Single(error.Failures), StringComparison.Ordinal);
    }

    [Fact]
    public void Adding_the_client_twice_adds_nothing()
    {
        var services = new ServiceCollection();
        services.AddMeshClient();
        var once = services.Count;

        services.AddMeshClient();

        Assert.Equal(once, services.Count);
    }

    private static MeshOptions Options(Dictionary<string, string?> values)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { EnvironmentName = "Production" });
        builder.Configuration.AddInMemoryCollection(values);
        builder.AddMeshClient();
        using var provider = builder.Services.BuildServiceProvider();
        return provider.GetRequiredService<IOptions<MeshOptions>>().Value;
    }
}
