using System.Globalization;
using Envoy.Config.Route.V3;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>The conditions of a VirtualService's route: those on the caller and the port are decided here, the rest by the client at each call.</summary>
internal static class VirtualServiceMatchTranslator
{
    /// <summary>Null: it cannot match a call of these callers to this port.</summary>
    public static RouteMatch? Translate(VirtualServiceMatch manifest, RoutedPort port, CallerClass callers)
    {
        var isForPort = port.TakesAnyPort || manifest.Port is null || manifest.Port == port.Number;
        var isForCaller = callers.Has(manifest.SourceLabels) && (manifest.SourceNamespace is null || callers.IsIn(manifest.SourceNamespace));
        return manifest.IsForMesh && isForPort && isForCaller ? Match(manifest, port) : null;
    }

    /// <summary>There is no condition that a call could fail, so that no route behind it is ever reached.</summary>
    public static bool TakesEverything(RouteMatch match)
        => match.Headers.Count == 0 && match.QueryParameters.Count == 0 && match.PathSpecifierCase switch
        {
            RouteMatch.PathSpecifierOneofCase.Prefix => match.Prefix is "" or "/",
            RouteMatch.PathSpecifierOneofCase.SafeRegex => match.SafeRegex.Regex == ".*",
            _ => false,
        };

    private static RouteMatch Match(VirtualServiceMatch manifest, RoutedPort port)
    {
        var match = new RouteMatch();
        switch (manifest.Uri)
        {
            case null:
                match.Prefix = "/";
                break;
            case { Kind: StringMatchKind.Exact }:
                match.Path = manifest.Uri.Value;
                break;
            case { Kind: StringMatchKind.Prefix }:
                match.Prefix = manifest.Uri.Value;
                break;
            default:
                match.SafeRegex = MatchTranslator.Regex(manifest.Uri.Value);
                break;
        }

        if (manifest.IgnoreUriCase)
        {
            match.CaseSensitive = false;
        }

        AddHeader(match, MatchTranslator.Method, manifest.Method);
        AddHeader(match, MatchTranslator.Authority, manifest.Authority);
        AddHeader(match, MatchTranslator.Scheme, manifest.Scheme);
        if (port.TakesAnyPort && manifest.Port is { } number)
        {
            AddHeader(match, MatchTranslator.Authority, AuthorityOf(number));
        }

        match.Headers.AddRange(manifest.Headers.Select(header => MatchTranslator.Header(header.Key, header.Value)));
        match.Headers.AddRange(manifest.WithoutHeaders.Select(header => MatchTranslator.WithoutHeader(header.Key, header.Value)));
        match.QueryParameters.AddRange(manifest.QueryParameters.Select(parameter => MatchTranslator.Query(parameter.Key, parameter.Value)));
        return match;
    }

    // A service without a list of ports has one route configuration for all of them: which one is called, the authority says.
    private static StringMatch AuthorityOf(int port) => new(
        StringMatchKind.Regex,
        port == ListenerNames.DefaultPort ? "[^:]*(:80)?" : string.Create(CultureInfo.InvariantCulture, $".*:{port}"));

    private static void AddHeader(RouteMatch match, string name, StringMatch? value)
    {
        if (value is not null)
        {
            match.Headers.Add(MatchTranslator.Header(name, value));
        }
    }
}

/// <summary>The port of a service that routes are made for.</summary>
/// <param name="Number">The port of the listener.</param>
/// <param name="TakesAnyPort">The service has no list of ports: whatever port is called leads here.</param>
internal readonly record struct RoutedPort(int Number, bool TakesAnyPort);
