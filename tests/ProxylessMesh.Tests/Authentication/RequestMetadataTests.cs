using System.Text.Json;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Authentication;

namespace ProxylessMesh.Tests.Authentication;

public class RequestMetadataTests
{
    [Fact]
    public void A_request_has_none_until_a_filter_writes_and_then_always_the_same()
    {
        var context = new DefaultHttpContext();

        Assert.Null(context.Features.Get<RequestMetadata>());
        Assert.Same(RequestMetadata.Of(context), RequestMetadata.Of(context));
    }

    [Fact]
    public void What_a_filter_wrote_is_found_under_its_name_alone()
    {
        var metadata = new RequestMetadata();

        metadata.Set("a", Json("""{"x": 1}"""));

        Assert.Equal("""{"x": 1}""", metadata.Get("a")?.GetRawText());
        Assert.Null(metadata.Get("b"));
    }

    [Fact]
    public void Objects_of_one_filter_join_and_the_later_member_counts()
    {
        var metadata = new RequestMetadata();
        metadata.Set("a", Json("""{"x": 1, "y": {"z": [true]}}"""));

        metadata.Set("a", Json("""{"x": 2, "w": null}"""));

        Assert.Equal("""{"y":{"z":[true]},"x":2,"w":null}""", metadata.Get("a")?.GetRawText());
    }

    [Fact]
    public void What_is_no_object_replaces()
    {
        var metadata = new RequestMetadata();
        metadata.Set("a", Json("""{"x": 1}"""));

        metadata.Set("a", Json("3"));

        Assert.Equal("3", metadata.Get("a")?.GetRawText());
    }

    private static JsonElement Json(string text)
    {
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }
}
