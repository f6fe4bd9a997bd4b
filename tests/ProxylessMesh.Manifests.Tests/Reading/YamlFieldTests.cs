using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class YamlFieldTests
{
    [Theory]
    [InlineData("\"80\"", "it is text", "Remove the quotes")]
    [InlineData("http", "it is text", "Write a whole number")]
    [InlineData("true", "it is true or false", "Write a whole number")]
    [InlineData("", "it has no value", "Write a whole number")]
    [InlineData("~", "it has no value", "Write a whole number")]
    [InlineData("[80]", "it is a list", "Write a whole number")]
    [InlineData("{}", "it is a map", "Write a whole number")]
    [InlineData("0", "out of range", "from 1 to 65535")]
    [InlineData("65536", "out of range", "from 1 to 65535")]
    [InlineData("80.5", "out of range", "a whole number")]
    [InlineData("0x50", "out of range", "a whole number")]
    [InlineData("99999999999999999999", "out of range", "a whole number")]
    public void A_port_must_be_a_port(string written, string problem, string cure)
        => Invalid(Document(ManifestKind.Service, "catalog", $"ports:\n- name: http\n  port: {written}\n")).Is(9, 11 - (written.Length == 0 ? 1 : 0), "spec.ports[0].port", problem, cure);

    [Theory]
    [InlineData("1", "it is a number")]
    [InlineData("1.10", "it is a number")]
    [InlineData("1e3", "it is a number")]
    [InlineData("true", "it is true or false")]
    [InlineData("no", "it is true or false")]
    public void A_label_must_be_text_as_in_kubernetes(string written, string problem)
        => Invalid(Document(ManifestKind.Service, "catalog", $"ports: []\nselector:\n  version: {written}"))
            .Is(9, 14, "spec.selector[\"version\"]", problem, $"Write it in quotes: \"{written}\"");

    [Theory]
    [InlineData("\"1\"", "1")]
    [InlineData("'no'", "no")]
    [InlineData("v1", "v1")]
    [InlineData("1.2.3", "1.2.3")]
    [InlineData("!!str 1", "1")]
    public void Quoted_numbers_and_words_are_text(string written, string value)
        => Assert.Equal(value, Valid<ServiceManifest>(Document(ManifestKind.Service, "catalog", $"ports: []\nselector:\n  version: {written}")).Selector["version"]);

    [Fact]
    public void Text_in_place_of_a_list_is_told_how_to_write_one()
        => Invalid(Document(ManifestKind.AuthorizationPolicy, "catalog", "rules:\n- to:\n  - operation:\n      methods: GET"))
            .Is(10, 18, "spec.rules[0].to[0].operation.methods", "a list is needed", "'- '");
}
