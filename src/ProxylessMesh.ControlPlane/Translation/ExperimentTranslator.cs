using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Common.Fault.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using WireExperiment = ProxylessMesh.Protos.V1.FaultExperiment;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// Experiments on the routes of a service: what Envoy's fault filter can do is its override, the rest is an optional one of ours, which
/// also says when all of it ends. An experiment on calls with certain headers is a copy of each route with these conditions, before it.
/// </summary>
/// <remarks>Only experiments that have begun have an end; others are not there. A route that has a fault of its own keeps it.</remarks>
internal static class ExperimentTranslator
{
    public const string OwnFilter = "proxylessmesh.fault";

    public static IEnumerable<CallerFact> Facts(ManifestSet manifests, MeshService service, int port)
        => On(manifests, service, port).SelectMany(experiment => experiment.From).SelectMany(Facts);

    public static void Apply(ManifestSet manifests, MeshService service, int port, CallerClass callers, VirtualHost host)
    {
        foreach (var experiment in On(manifests, service, port))
        {
            if (!experiment.From.IsEmpty && !experiment.From.Any(from => Facts(from).All(callers.Is)))
            {
                continue;
            }

            for (var i = 0; i < host.Routes.Count; i++)
            {
                if (host.Routes[i].TypedPerFilterConfig.ContainsKey(ListenerTranslator.FaultFilter))
                {
                    continue;
                }

                if (experiment.Headers.IsEmpty)
                {
                    Override(host.Routes[i], experiment);
                }
                else
                {
                    var copy = host.Routes[i].Clone();
                    copy.Match.Headers.AddRange(experiment.Headers.Select(header => MatchTranslator.Header(header.Key, header.Value)));
                    Override(copy, experiment);
                    host.Routes.Insert(i++, copy);
                }
            }
        }
    }

    private static IEnumerable<FaultExperimentManifest> On(ManifestSet manifests, MeshService service, int port)
        => manifests.FaultExperiments.Where(experiment => experiment.Ends is not null && experiment.Host == service.Host && (experiment.Port is null || experiment.Port == port));

    private static IEnumerable<CallerFact> Facts(ExperimentCallers callers)
        => CallerFact.Labels(callers.Labels)
            .Concat(callers.Namespace is { } ns ? [CallerFact.Namespace(ns)] : [])
            .Concat(callers.ServiceAccount is { } account ? [CallerFact.ServiceAccount(account)] : []);

    // The name shows in the spans of the calls that it hits.
    private static void Override(Route route, FaultExperimentManifest experiment)
    {
        route.Name = $"{route.Name} with {experiment.DisplayName}";
        route.TypedPerFilterConfig.Add(ListenerTranslator.FaultFilter, Any.Pack(Standard(experiment)));
        route.TypedPerFilterConfig.Add(OwnFilter, Any.Pack(new FilterConfig { Config = Any.Pack(Own(experiment)), IsOptional = true }));
    }

    private static HTTPFault Standard(FaultExperimentManifest experiment)
    {
        var fault = FaultTranslator.Translate(new VirtualServiceFault { Delay = experiment.Delay, Abort = experiment.Abort });
        if (experiment.Bandwidth is { } bandwidth)
        {
            fault.ResponseRateLimit = new FaultRateLimit
            {
                FixedLimit = new FaultRateLimit.Types.FixedLimit { LimitKbps = (ulong)bandwidth.KibPerSecond },
                Percentage = FaultTranslator.Percentage(bandwidth.Percentage),
            };
        }

        if (experiment.MaxActiveFaults is { } most)
        {
            fault.MaxActiveFaults = (uint)most;
        }

        return fault;
    }

    private static WireExperiment Own(FaultExperimentManifest experiment)
    {
        var own = new WireExperiment { Until = experiment.Ends!.Value.ToTimestamp() };
        if (experiment.Failure is { } failure)
        {
            own.Exception = failure.Reason switch
            {
                ExperimentFailureReason.ConnectionRefused => WireExperiment.Types.Exception.ConnectionRefused,
                ExperimentFailureReason.NameResolution => WireExperiment.Types.Exception.NameResolution,
                ExperimentFailureReason.Tls => WireExperiment.Types.Exception.Tls,
                ExperimentFailureReason.ResponseEnded => WireExperiment.Types.Exception.ResponseEnded,
                _ => WireExperiment.Types.Exception.Timeout,
            };
            own.ExceptionPercentage = FaultTranslator.Percentage(failure.Percentage);
        }

        if (experiment.Cut is { } cut)
        {
            own.CutAfterBytes = (ulong)cut.AfterBytes;
            own.CutPercentage = FaultTranslator.Percentage(cut.Percentage);
        }

        return own;
    }
}
