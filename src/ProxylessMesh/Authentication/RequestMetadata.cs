using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace ProxylessMesh.Authentication;

/// <summary>
/// Facts that one filter learned about a request and later ones ask for: Envoy's dynamic metadata, under the names of its filters. A
/// feature of the request, made by the first filter that writes; used by one request, so by one thread at a time.
/// </summary>
/// <remarks>The elements must outlive the request's work, so a writer gives elements of documents that nobody disposes.</remarks>
internal sealed class RequestMetadata
{
    private readonly List<Entry> _entries = new(capacity: 2);

    /// <summary>The request's, made where it has none yet.</summary>
    public static RequestMetadata Of(HttpContext context)
    {
        if (context.Features.Get<RequestMetadata>() is { } metadata)
        {
            return metadata;
        }

        metadata = new RequestMetadata();
        context.Features.Set(metadata);
        return metadata;
    }

    /// <summary>What the filter wrote; null: nothing.</summary>
    public JsonElement? Get(string filter) => IndexOf(filter) is >= 0 and var index ? _entries[index].Value : null;

    /// <summary>Writes for a filter. The members of an object join those that are there already; of two with one name the later counts.</summary>
    public void Set(string filter, JsonElement value)
    {
        var index = IndexOf(filter);
        if (index < 0)
        {
            _entries.Add(new Entry(filter, value));
            return;
        }

        var before = _entries[index].Value;
        var areObjects = before.ValueKind == JsonValueKind.Object && value.ValueKind == JsonValueKind.Object;
        _entries[index] = new Entry(filter, areObjects ? Join(before, value) : value);
    }

    private int IndexOf(string filter)
    {
        for (var i = 0; i < _entries.Count; i++)
        {
            if (_entries[i].Filter == filter)
            {
                return i;
            }
        }

        return -1;
    }

    private static JsonElement Join(JsonElement before, JsonElement later)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var member in before.EnumerateObject())
            {
                if (!later.TryGetProperty(member.Name, out _))
                {
                    member.WriteTo(writer);
                }
            }

            foreach (var member in later.EnumerateObject())
            {
                member.WriteTo(writer);
            }

            writer.WriteEndObject();
        }

        using var joined = JsonDocument.Parse(buffer.WrittenMemory);
        return joined.RootElement.Clone();
    }

    private readonly record struct Entry(string Filter, JsonElement Value);
}
