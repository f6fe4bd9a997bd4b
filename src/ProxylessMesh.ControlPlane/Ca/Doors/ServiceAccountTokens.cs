using System.Text.Json;
using k8s;
using k8s.Autorest;
using k8s.Exceptions;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary>
/// Asks the Kubernetes API server whose a service-account token is (authentication.k8s.io/v1 TokenReview). Nothing is kept of a token:
/// each use asks anew, so that one whose pod is gone proves nothing.
/// </summary>
internal sealed partial class ServiceAccountTokens : IDisposable
{
    // Kubernetes' tokens have about 1 KiB; the header that carries one must fit Kestrel's limits anyway.
    private const int MaxTokenLength = 16 * 1024;

    private const string UserPrefix = "system:serviceaccount:";

    private readonly MeshControlPlaneKubernetesOptions _options;
    private readonly ILogger<ServiceAccountTokens> _logger;
    private readonly Kubernetes? _client;

    public ServiceAccountTokens(IOptions<MeshControlPlaneOptions> options, ILogger<ServiceAccountTokens> logger)
    {
        (_options, _logger) = (options.Value.Kubernetes, logger);
        _client = _options.ReviewTokens ? Connect() : null;
    }

    /// <summary>Tells whose a token is.</summary>
    public async Task<ServiceAccountVerdict> ReviewAsync(string token, CancellationToken cancellationToken)
    {
        if (_client is null)
        {
            return ServiceAccountVerdict.Bad("service-account tokens are not taken here. Set MeshControlPlane:Kubernetes:ReviewTokens, or use a join token.");
        }

        if (token.Length > MaxTokenLength)
        {
            return ServiceAccountVerdict.Bad("the token is longer than any service-account token.");
        }

        IList<string> audiences = _options.Audiences.Count > 0 ? _options.Audiences : [MeshControlPlaneKubernetesOptions.DefaultAudience];
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(_options.Timeout);
        try
        {
            var review = await _client.AuthenticationV1.CreateTokenReviewAsync(
                new V1TokenReview { Spec = new V1TokenReviewSpec { Token = token, Audiences = audiences } }, cancellationToken: deadline.Token);
            return Read(review.Status, audiences);
        }
        catch (Exception error) when (error is HttpRequestException or HttpOperationException or KubernetesException or JsonException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            LogNotReviewed(error);
            return ServiceAccountVerdict.Unknown("the Kubernetes API server gave no answer about the token. Try again.");
        }
    }

    public void Dispose() => _client?.Dispose();

    private static ServiceAccountVerdict Read(V1TokenReviewStatus? status, IList<string> audiences)
    {
        if (status?.Authenticated is not true)
        {
            return ServiceAccountVerdict.Bad("the Kubernetes API server does not know the token, or it has expired.");
        }

        // A server that knows no audiences answers with none; the token may then be meant for anyone.
        if (status.Audiences is not { Count: > 0 } answered || !answered.Any(audiences.Contains))
        {
            return ServiceAccountVerdict.Bad($"the token is not meant for '{string.Join("' or '", audiences)}'. Project one with that audience.");
        }

        var name = status.User?.Username ?? "";
        if (!name.StartsWith(UserPrefix, StringComparison.Ordinal)
            || name[UserPrefix.Length..].Split(':') is not [var namespaceName, var account]
            || !SpiffeIdSyntax.IsSegment(namespaceName)
            || !SpiffeIdSyntax.IsSegment(account))
        {
            return ServiceAccountVerdict.Bad("the token is not a service account's.");
        }

        return ServiceAccountVerdict.Of(namespaceName, account);
    }

    private Kubernetes Connect()
    {
        try
        {
            return new Kubernetes(_options.KubeConfig.Length > 0
                ? KubernetesClientConfiguration.BuildConfigFromConfigFile(_options.KubeConfig)
                : KubernetesClientConfiguration.InClusterConfig());
        }
        catch (Exception error) when (error is KubeConfigException or IOException or UnauthorizedAccessException or ArgumentException or YamlDotNet.Core.YamlException)
        {
            throw new MeshControlPlaneException(
                $"The Kubernetes API server is not known: {error.Message} Set MeshControlPlane:Kubernetes:KubeConfig to a kubeconfig file, run the control plane in a pod with a service account, or unset MeshControlPlane:Kubernetes:ReviewTokens.", error);
        }
    }

    [LoggerMessage(6530, LogLevel.Warning, "The Kubernetes API server gave no answer about a service-account token; the workload was asked to try again.")]
    private partial void LogNotReviewed(Exception error);
}
