using System.Buffers;
using System.Collections.Immutable;
using Envoy.Config.Core.V3;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Header changes of routes. Names and values are checked here, so that none of them can break a request later.</summary>
internal static class HeaderOperationsDecoder
{
    // RFC 9110, token.
    private static readonly SearchValues<char> TokenChars = SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    public static HeaderOperationsConfig Decode(
        IReadOnlyList<HeaderValueOption> requestAdd,
        IReadOnlyList<string> requestRemove,
        IReadOnlyList<HeaderValueOption> responseAdd,
        IReadOnlyList<string> responseRemove,
        DecodeErrors errors)
    {
        if (requestAdd.Count + requestRemove.Count + responseAdd.Count + responseRemove.Count == 0)
        {
            return HeaderOperationsConfig.None;
        }

        var (requestSet, requestAppend) = Values(requestAdd, "request_headers_to_add", errors);
        var (responseSet, responseAppend) = Values(responseAdd, "response_headers_to_add", errors);
        return new HeaderOperationsConfig
        {
            RequestRemove = Names(requestRemove, "request_headers_to_remove", errors),
            RequestSet = requestSet,
            RequestAdd = requestAppend,
            ResponseRemove = Names(responseRemove, "response_headers_to_remove", errors),
            ResponseSet = responseSet,
            ResponseAdd = responseAppend,
        };
    }

    /// <summary>Two levels as one, the first one's operations before the second's.</summary>
    public static HeaderOperationsConfig Join(HeaderOperationsConfig first, HeaderOperationsConfig second)
        => second.IsEmpty ? first : first.IsEmpty ? second : new HeaderOperationsConfig
        {
            RequestRemove = first.RequestRemove.AddRange(second.RequestRemove),
            RequestSet = first.RequestSet.AddRange(second.RequestSet),
            RequestAdd = first.RequestAdd.AddRange(second.RequestAdd),
            ResponseRemove = first.ResponseRemove.AddRange(second.ResponseRemove),
            ResponseSet = first.ResponseSet.AddRange(second.ResponseSet),
            ResponseAdd = first.ResponseAdd.AddRange(second.ResponseAdd),
        };

    private static (ImmutableArray<KeyValuePair<string, string>> Set, ImmutableArray<KeyValuePair<string, string>> Add) Values(
        IReadOnlyList<HeaderValueOption> wire, string field, DecodeErrors errors)
    {
        var set = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>();
        var add = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>();
        for (var i = 0; i < wire.Count; i++)
        {
            using (errors.In(field, i))
            {
                var name = wire[i].Header?.Key ?? "";
                CheckName(name, "header.key", errors);
                var pair = KeyValuePair.Create(name, Value(wire[i].Header, errors));
                switch (wire[i].AppendAction)
                {
                    case HeaderValueOption.Types.HeaderAppendAction.AppendIfExistsOrAdd:
                        add.Add(pair);
                        break;
                    case HeaderValueOption.Types.HeaderAppendAction.OverwriteIfExistsOrAdd:
                        set.Add(pair);
                        break;
                    default:
                        errors.Add("append_action", wire[i].AppendAction, "must be APPEND_IF_EXISTS_OR_ADD or OVERWRITE_IF_EXISTS_OR_ADD");
                        break;
                }
            }
        }

        return (set.ToImmutable(), add.ToImmutable());
    }

    private static ImmutableArray<string> Names(IReadOnlyList<string> names, string field, DecodeErrors errors)
    {
        for (var i = 0; i < names.Count; i++)
        {
            CheckName(names[i], $"{field}[{i}]", errors);
        }

        return [.. names];
    }

    /// <summary>Reports what is no header name, or one that no rule may touch.</summary>
    public static void CheckName(string name, string field, DecodeErrors errors)
    {
        // Envoy too: neither pseudo-headers nor Host may be changed this way.
        if (!IsToken(name) || name.Equals("host", StringComparison.OrdinalIgnoreCase))
        {
            errors.Add(field, name, "must be a header name other than Host");
        }
    }

    /// <summary>What RFC 9110 calls a token: the form of header and cookie names.</summary>
    public static bool IsToken(string text) => text.Length > 0 && !text.AsSpan().ContainsAnyExcept(TokenChars);

    private static string Value(HeaderValue? header, DecodeErrors errors)
    {
        var value = header is null ? "" : header.RawValue.IsEmpty ? header.Value : header.RawValue.ToStringUtf8();
        if (value.AsSpan().ContainsAny('\r', '\n', '\0'))
        {
            errors.Add("header.value", value, "must be on one line");
        }

        // "%%" is a percent sign; anything else between percent signs is a substitution that this version lacks.
        var text = value.Replace("%%", "\0", StringComparison.Ordinal);
        if (text.Contains('%', StringComparison.Ordinal))
        {
            errors.Add("header.value", value, "uses a %…% substitution, which this version does not support");
        }

        return text.Replace('\0', '%');
    }
}
