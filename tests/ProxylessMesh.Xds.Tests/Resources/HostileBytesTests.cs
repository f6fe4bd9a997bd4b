using System.Collections.Frozen;
using System.Text;
using Envoy.Config.Rbac.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Xds.Tests.Resources;

/// <summary>Whatever the bytes are, a decoder answers with a config or with words; it never throws.</summary>
public class HostileBytesTests
{
    private const int Rounds = 800;
    private static readonly FrozenSet<string> Providers = FrozenSet.Create(StringComparer.Ordinal, "default");

    public static TheoryData<string> Types => [.. ResourceType.All.Select(static type => type.Noun)];

    [Theory]
    [MemberData(nameof(Types))]
    public void Changed_bytes_of_a_valid_resource_do_not_throw(string noun)
    {
        var type = ResourceType.All.Single(candidate => candidate.Noun == noun);
        var valid = Valid(noun).ToByteArray();
        Assert.NotNull(type.Decode(ByteString.CopyFrom(valid), Providers).Config);
        var random = new Random(noun.Length);

        for (var round = 0; round < Rounds; round++)
        {
            var bytes = Change(valid, random);
            Check(type.Decode(ByteString.CopyFrom(bytes), Providers));
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Random_bytes_do_not_throw(string noun)
    {
        var type = ResourceType.All.Single(candidate => candidate.Noun == noun);
        var random = new Random(noun.Length + 1);
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = new byte[random.Next(64)];
            random.NextBytes(bytes);
            Check(type.Decode(ByteString.CopyFrom(bytes), Providers));
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_field_with_a_random_value_does_not_throw(string noun)
    {
        var type = ResourceType.All.Single(candidate => candidate.Noun == noun);
        var random = new Random(noun.Length + 2);
        for (var round = 0; round < Rounds; round++)
        {
            var message = Valid(noun);
            RandomFields.Change(message, random);
            Check(type.Decode(message.ToByteString(), Providers));
        }
    }

    [Fact]
    public void Rules_nested_beyond_what_protobuf_allows_are_refused()
    {
        var permission = new Permission { Any = true };
        for (var depth = 0; depth < 2000; depth++)
        {
            permission = new Permission { NotRule = permission };
        }

        var filter = new Envoy.Extensions.Filters.Http.Rbac.V3.RBAC
        {
            Rules = new RBAC { Policies = { ["deep"] = new Policy { Permissions = { permission }, Principals = { new Principal { Any = true } } } } },
        };
        var hcm = XdsResources.Hcm();
        hcm.HttpFilters.Insert(0, new() { Name = "rbac", TypedConfig = Any.Pack(filter) });

        var decoded = ResourceType.Listeners.Decode(XdsResources.ServerListener("in", XdsResources.Chain(hcm)).ToByteString(), Providers);

        Assert.Contains("does not parse", decoded.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Error_text_has_no_control_characters_and_an_end()
    {
        var routes = XdsResources.Routes();
        routes.VirtualHosts[0].Domains.AddRange(Enumerable.Range(0, 1000).Select(static i => $"a*\n{new string('x', 1000)}{i}*b"));

        var error = ResourceType.Routes.Decode(routes.ToByteString(), Providers).Error!;

        Assert.DoesNotContain(error, char.IsControl);
        Assert.InRange(error.Length, 100, 10_000);
    }

    private static void Check(DecodedResource decoded)
    {
        Assert.True(decoded.Config is null != decoded.Error is null);
        if (decoded.Error is { } error)
        {
            // It goes into a NACK: it must be text that can be encoded.
            Assert.Equal(error, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(error)));
        }
    }

    private static byte[] Change(byte[] valid, Random random)
    {
        var bytes = valid.ToList();
        for (var edits = random.Next(1, 6); edits > 0 && bytes.Count > 0; edits--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(3))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveAt(at);
                    break;
                default:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
            }
        }

        return [.. bytes];
    }

    private static IMessage Valid(string noun) => noun switch
    {
        "listeners" => FullResources.Listener(),
        "route_configurations" => FullResources.Routes(),
        "clusters" => FullResources.Cluster(),
        _ => FullResources.Endpoints(),
    };
}
