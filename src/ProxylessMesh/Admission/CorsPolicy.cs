using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Admission;

/// <summary>
/// The cross-origin policy of a route (Fetch standard, "HTTP-network-or-cache fetch"; Envoy's CORS filter): answers preflights, and puts
/// its headers on the application's answers.
/// </summary>
internal sealed class CorsPolicy(CorsConfig config)
{
    /// <summary>Prepares the answer to a cross-origin call.</summary>
    /// <returns>The answer to a preflight, already given; null: the call goes on.</returns>
    public Task? Apply(HttpContext context)
    {
        var headers = context.Request.Headers;
        if (headers.Origin is not [{ Length: > 0 } origin])
        {
            return null;
        }

        var allowed = Allows(origin);
        if (HttpMethods.IsOptions(context.Request.Method) && headers.AccessControlRequestMethod is [{ Length: > 0 } method])
        {
            if (!allowed && config.ForwardNotMatchingPreflights)
            {
                return null;
            }

            if (allowed)
            {
                AnswerPreflight(context, origin, method);
            }

            return context.Response.CompleteAsync();
        }

        if (allowed)
        {
            // At the start of the answer, so that the application's own headers of these names do not stand beside ours.
            context.Response.OnStarting(static state => ((Armed)state).WriteAsync(), new Armed(this, context.Response, origin));
        }

        return null;
    }

    private bool Allows(string origin)
    {
        foreach (var matcher in config.AllowOrigins)
        {
            if (matcher.Matches("*") || matcher.Matches(origin))
            {
                return true;
            }
        }

        return false;
    }

    private void AnswerPreflight(HttpContext context, string origin, string method)
    {
        var answer = context.Response.Headers;
        WriteCommon(context.Response, origin);
        answer.AccessControlAllowMethods = config.AllowMethods == "*" ? method : new StringValues(config.AllowMethods);
        answer.AccessControlAllowHeaders = config.AllowHeaders == "*" ? context.Request.Headers.AccessControlRequestHeaders : new StringValues(config.AllowHeaders);
        answer.AccessControlMaxAge = new StringValues(config.MaxAge);
    }

    private void WriteCommon(HttpResponse response, string origin)
    {
        response.Headers.AccessControlAllowOrigin = origin;

        // The answer depends on the origin: a cache must not give it to another one (Fetch standard, "CORS protocol and HTTP caches").
        response.Headers.Append("Vary", "Origin");
        if (config.AllowCredentials)
        {
            response.Headers.AccessControlAllowCredentials = "true";
        }
    }

    private void WriteExposed(HttpResponse response)
    {
        if (config.ExposeHeaders is { Length: > 0 } exposed)
        {
            response.Headers.AccessControlExposeHeaders = exposed;
        }
    }

    private sealed class Armed(CorsPolicy policy, HttpResponse response, string origin)
    {
        public Task WriteAsync()
        {
            policy.WriteCommon(response, origin);
            policy.WriteExposed(response);
            return Task.CompletedTask;
        }
    }
}
