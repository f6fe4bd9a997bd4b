using Envoy.Config.Core.V3;
using Envoy.Service.Auth.V3;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;
using ProxylessMesh.Authentication;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.External;

/// <summary>Asks external authorizers over gRPC, and does to a request what one that allows it says.</summary>
internal sealed class Authorizer(AuthorizerClients clients, TimeProvider time)
{
    private const string MetadataFilter = "envoy.filters.http.ext_authz";

    public async Task<AuthorizerVerdict> AskAsync(HttpContext context, MeshPeer peer, ExtAuthzConfig config)
    {
        using var limit = new CancellationTokenSource(config.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, context.RequestAborted);
        try
        {
            ReadOnlyMemory<byte> body = default;
            if (config.Body is { } settings)
            {
                (body, var hasMore) = await BodyPrefix.ReadAsync(context.Request, settings.MaxBytes, context.RequestAborted);
                if (hasMore && !settings.AllowsPartial)
                {
                    return new AuthorizerVerdict(AuthorizerOutcome.BodyTooLarge);
                }
            }

            var question = AuthorizerQuestion.Make(context, peer, config, body, time.GetUtcNow());
            return Verdict(context, await clients.For(config.Authority).CheckAsync(question, cancellationToken: either.Token));
        }
        catch (RpcException exception)
        {
            return new AuthorizerVerdict(AuthorizerOutcome.Failed, Reason: limit.IsCancellationRequested ? $"no answer within {config.Timeout.TotalSeconds:0.###} s" : exception.Status.StatusCode.ToString());
        }
    }

    private static AuthorizerVerdict Verdict(HttpContext context, CheckResponse answer)
    {
        // Without a status the answer is OK by protobuf's default, and by nobody's intention.
        if (answer.Status is null)
        {
            return new AuthorizerVerdict(AuthorizerOutcome.Failed, Reason: "the answer has no status");
        }

        if (answer.Status.Code != (int)StatusCode.OK)
        {
            return new AuthorizerVerdict(AuthorizerOutcome.Denied, answer.DeniedResponse);
        }

        if (answer.HttpResponseCase == CheckResponse.HttpResponseOneofCase.DeniedResponse)
        {
            return new AuthorizerVerdict(AuthorizerOutcome.Failed, Reason: "the answer says OK and denies");
        }

        var ok = answer.OkResponse ?? new OkHttpResponse();
        if (!AreValid(ok.Headers) || !AreValid(ok.ResponseHeadersToAdd) || !ok.HeadersToRemove.All(IsName))
        {
            return new AuthorizerVerdict(AuthorizerOutcome.Failed, Reason: "the answer has a header that no request may have");
        }

        Apply(context, ok);
        if ((answer.DynamicMetadata ?? ok.DynamicMetadata) is { } metadata)
        {
            RequestMetadata.Of(context).Set(MetadataFilter, System.Text.Json.JsonElement.Parse(JsonFormatter.Default.Format(metadata)));
        }

        return new AuthorizerVerdict(AuthorizerOutcome.Allowed);
    }

    private static void Apply(HttpContext context, OkHttpResponse ok)
    {
        var request = context.Request;
        foreach (var header in ok.HeadersToRemove)
        {
            request.Headers.Remove(header);
        }

        Write(ok.Headers, request.Headers);
        if (ok.QueryParametersToSet.Count + ok.QueryParametersToRemove.Count > 0)
        {
            var changed = ok.QueryParametersToSet.Select(static parameter => parameter.Key).Concat(ok.QueryParametersToRemove).ToHashSet(StringComparer.Ordinal);
            var left = QueryHelpers.ParseQuery(request.QueryString.Value).Where(parameter => !changed.Contains(parameter.Key)).SelectMany(static parameter => parameter.Value, static (parameter, value) => KeyValuePair.Create(parameter.Key, value));
            request.QueryString = QueryString.Create(left.Concat(ok.QueryParametersToSet.Select(static parameter => KeyValuePair.Create(parameter.Key, (string?)parameter.Value))));
        }

        if (ok.ResponseHeadersToAdd.Count > 0)
        {
            context.Response.OnStarting(static state =>
            {
                var (response, headers) = ((HttpResponse, RepeatedField<HeaderValueOption>))state;
                Write(headers, response.Headers);
                return Task.CompletedTask;
            }, (context.Response, ok.ResponseHeadersToAdd));
        }
    }

    /// <summary>Writes headers by their actions. In this API a header replaces, unless it says otherwise.</summary>
    public static void Write(RepeatedField<HeaderValueOption> options, IHeaderDictionary headers)
    {
        foreach (var option in options)
        {
            var (name, value) = (option.Header.Key, Value(option.Header));
            var isThere = headers.ContainsKey(name);
            switch (option.AppendAction)
            {
                case HeaderValueOption.Types.HeaderAppendAction.AddIfAbsent when isThere:
                case HeaderValueOption.Types.HeaderAppendAction.OverwriteIfExists when !isThere:
                    break;
                case HeaderValueOption.Types.HeaderAppendAction.AppendIfExistsOrAdd when option.Append == true:
                    headers[name] = StringValues.Concat(headers[name], value);
                    break;
                default:
                    headers[name] = value;
                    break;
            }
        }
    }

    /// <summary>Names and values that a message may have; never the host or what HTTP/2 puts first.</summary>
    public static bool AreValid(IEnumerable<HeaderValueOption> options)
        => options.All(static option => option.Header is { } header && IsName(header.Key) && !Value(header).AsSpan().ContainsAny('\r', '\n', '\0'));

    private static bool IsName(string name)
        => HeaderOperationsDecoder.IsToken(name) && !name.Equals("host", StringComparison.OrdinalIgnoreCase) && !name.Equals("content-length", StringComparison.OrdinalIgnoreCase) && !name.Equals("transfer-encoding", StringComparison.OrdinalIgnoreCase);

    private static string Value(HeaderValue header) => header.RawValue.IsEmpty ? header.Value : header.RawValue.ToStringUtf8();
}
