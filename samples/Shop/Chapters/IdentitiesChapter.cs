using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Shop.Processes;
using Shop.Roles;
using Shop.Wire;

namespace Shop.Chapters;

/// <summary>Who is who, and what somebody on the wire can read.</summary>
internal sealed class IdentitiesChapter : Chapter
{
    private static readonly TimeSpan LongestLifetime = TimeSpan.FromMinutes(2);

    public override string Name => "identities";

    public override string Title => "Everyone has an identity, and the wire shows nothing";

    public override async Task PlayAsync(Stage stage, ChapterReport report, CancellationToken cancellationToken)
    {
        CheckIdentities(stage, report);
        await CheckWireAsync(stage, report, cancellationToken);
        await CheckPlaintextAsync(stage, report, cancellationToken);
    }

    private static void CheckIdentities(Stage stage, ChapterReport report)
    {
        var now = stage.Time.GetUtcNow();
        var identities = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var member in stage.Fleet.Members.OrderBy(member => member.Instance, StringComparer.Ordinal))
        {
            var identity = member.Identities[^1];
            var expected = IdOf(member.Spec.Service);
            identities[member.Instance] = identity.SpiffeId;
            report.Say(string.Create(CultureInfo.InvariantCulture, $"{member.Instance,-13} {identity.SpiffeId}, for another {(identity.ExpiresAt - now).TotalSeconds:0} s"));
            report.Check(identity.SpiffeId == expected, $"'{member.Instance}' is '{identity.SpiffeId}' instead of '{expected}'.");
            report.Check(
                identity.ExpiresAt > now && identity.ExpiresAt < now + LongestLifetime,
                $"The certificate of '{member.Instance}' ends at {identity.ExpiresAt:O}; it is {now:O}, and it should live one minute.");
        }

        var customers = stage.LoadIdentity.Current?.Id.ToString() ?? "";
        identities["customers"] = customers;
        report.Say($"customers     {customers}, this process");
        report.Check(customers == IdOf(ChildEnvironment.Customers), $"The customers are '{customers}' instead of '{IdOf(ChildEnvironment.Customers)}'.");
        report.Figure("identities", identities);
    }

    private static string IdOf(string serviceAccount) => $"spiffe://mesh.local/ns/{ChildEnvironment.Namespace}/sa/{serviceAccount}";

    private static async Task CheckWireAsync(Stage stage, ChapterReport report, CancellationToken cancellationToken)
    {
        var tally = await stage.MeasureAsync(cancellationToken);
        var callers = tally.Answers.SelectMany(answer => new[] { answer.Catalog.Caller, answer.PricingCaller ?? answer.Catalog.Caller }).Distinct().ToList();
        var expected = IdOf(ChildSpec.Storefront.Service);
        report.Check(callers is [var caller] && caller == expected, $"Catalog and pricing were called by {string.Join(", ", callers)}; only {expected} should.");

        var withSecret = tally.Answers.Count(answer => answer.Catalog.Products.Any(product => product.Name.Contains(Product.Secret, StringComparison.Ordinal)));
        var relay = stage.Relay;
        report.Figure("relayedConnections", relay.Connections);
        report.Figure("relayedTlsConnections", relay.TlsConnections);
        report.Figure("relayedBytes", relay.Bytes);
        report.Figure("secretInAnswers", withSecret);
        report.Figure("secretReadOnTheWire", relay.SecretsRead);
        report.Say($"An ear on the wire before catalog-v1-a: {relay.TlsConnections} of {relay.Connections} connections begin with a TLS handshake; the recipe is in {withSecret} answers, "
            + $"and was read {relay.SecretsRead} times in {relay.Bytes:N0} bytes");
        report.Check(relay.Connections > 0 && relay.TlsConnections == relay.Connections, $"{relay.TlsConnections} of {relay.Connections} connections on the wire are TLS.");
        report.Check(withSecret > 0 && relay.SecretsRead == 0, $"The secret was in {withSecret} answers and could be read {relay.SecretsRead} times on the wire.");
    }

    /// <summary>A caller without TLS gets nothing from a STRICT port. It also shows that the ear is not deaf: in plaintext it hears the secret.</summary>
    private static async Task CheckPlaintextAsync(Stage stage, ChapterReport report, CancellationToken cancellationToken)
    {
        await using var ear = new RecordingRelay();
        ear.PointTo(stage.Fleet[ChildSpec.CatalogV1B].Address);
        var answer = await AskInPlaintextAsync(ear.Address, cancellationToken);
        report.Figure("plaintextAnswerBytes", answer);
        report.Figure("plaintextSecretRead", ear.SecretsRead);
        report.Say($"A call without TLS to a STRICT port: {answer} bytes of answer; here the ear reads the recipe {ear.SecretsRead} time(s)");
        report.Check(answer == 0, $"A plaintext call to a STRICT port got {answer} bytes of answer; it should get none.");
        report.Check(ear.SecretsRead == 1 && ear.TlsConnections == 0, "The ear did not hear the secret in plaintext, so its silence about the others proves nothing.");
    }

    private static async Task<int> AskInPlaintextAsync(Uri address, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(Stage.Patience);
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, timeout.Token);
        try
        {
            var request = Encoding.ASCII.GetBytes($"GET /products HTTP/1.1\r\nHost: catalog\r\nX-Recipe: {Product.Secret}\r\n\r\n");
            await client.GetStream().WriteAsync(request, timeout.Token);
            return await client.GetStream().ReadAsync(new byte[1024], timeout.Token);
        }
        catch (IOException)
        {
            // Reset by the peer: no answer either.
            return 0;
        }
    }
}
