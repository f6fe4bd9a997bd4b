using System.Reflection;
using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace ProxylessMesh.Client;

/// <summary>Fills <see cref="MeshOptions"/> from the <c>Mesh</c> section, and what is left empty with defaults.</summary>
internal sealed class MeshOptionsSetup(IServiceProvider services) : IConfigureOptions<MeshOptions>, IPostConfigureOptions<MeshOptions>
{
    public void Configure(MeshOptions options)
    {
        if (services.GetService(typeof(IConfiguration)) is IConfiguration configuration)
        {
            configuration.GetSection("Mesh").Bind(options);
        }
    }

    public void PostConfigure(string? name, MeshOptions options)
    {
        if (string.IsNullOrWhiteSpace(options.Service))
        {
            options.Service = KebabCase(Assembly.GetEntryAssembly()?.GetName().Name ?? "");
        }

        if (string.IsNullOrWhiteSpace(options.ServiceAccount))
        {
            options.ServiceAccount = options.Service;
        }

        DevelopmentFile.Apply(options, services);
    }

    /// <summary><c>Shop.PriceList</c> becomes <c>shop-price-list</c>.</summary>
    public static string KebabCase(string name)
    {
        var text = new StringBuilder(name.Length + 4);
        for (var i = 0; i < name.Length; i++)
        {
            var letter = name[i];
            if (!char.IsAsciiLetterOrDigit(letter))
            {
                AppendDash(text);
                continue;
            }

            if (char.IsAsciiLetterUpper(letter) && i > 0 && (!char.IsAsciiLetterUpper(name[i - 1]) || (i + 1 < name.Length && char.IsAsciiLetterLower(name[i + 1]))))
            {
                AppendDash(text);
            }

            text.Append(char.ToLowerInvariant(letter));
        }

        return text.ToString().Trim('-');
    }

    private static void AppendDash(StringBuilder text)
    {
        if (text.Length > 0 && text[^1] != '-')
        {
            text.Append('-');
        }
    }
}
