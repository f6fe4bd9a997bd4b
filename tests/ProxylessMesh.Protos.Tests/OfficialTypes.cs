using Google.Protobuf.Reflection;

namespace ProxylessMesh.Protos.Tests;

/// <summary>Messages and enums of a descriptor set, nested ones included, by full name.</summary>
internal sealed class OfficialTypes
{
    private readonly Dictionary<string, DescriptorProto> _messages = [];
    private readonly Dictionary<string, EnumDescriptorProto> _enums = [];
    private readonly Dictionary<string, ServiceDescriptorProto> _services = [];

    public OfficialTypes(FileDescriptorSet set)
    {
        foreach (var file in set.File)
        {
            AddAll(file.Package, file.MessageType, file.EnumType);
            foreach (var service in file.Service)
            {
                _services.Add($"{file.Package}.{service.Name}", service);
            }
        }
    }

    public DescriptorProto Message(string fullName) => _messages.TryGetValue(fullName, out var found) ? found : throw new KeyNotFoundException($"The standard has no message {fullName}.");

    public EnumDescriptorProto Enum(string fullName) => _enums.TryGetValue(fullName, out var found) ? found : throw new KeyNotFoundException($"The standard has no enum {fullName}.");

    public ServiceDescriptorProto Service(string fullName) => _services.TryGetValue(fullName, out var found) ? found : throw new KeyNotFoundException($"The standard has no service {fullName}.");

    private void AddAll(string scope, IEnumerable<DescriptorProto> messages, IEnumerable<EnumDescriptorProto> enums)
    {
        foreach (var type in enums)
        {
            _enums.Add($"{scope}.{type.Name}", type);
        }

        foreach (var message in messages)
        {
            var name = $"{scope}.{message.Name}";
            _messages.Add(name, message);
            AddAll(name, message.NestedType, message.EnumType);
        }
    }
}
