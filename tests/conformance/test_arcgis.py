"""What ArcGIS (Pro, Online, Maps SDK for JavaScript) asks of a server of items, request by request."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from probe import openapi, shapes
from probe.http import GEOJSON, JSON, asked
from probe.view import FEATURES, OPENAPI, View, demo, links

VIEWS = demo("feature")
FAMILIES = (
    {"Point"}, {"MultiPoint"}, {"LineString", "MultiLineString"}, {"Polygon", "MultiPolygon"},
)  # fmt: skip
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"


def page_size(view: View) -> int:
    """The page size that ArcGIS takes from the API definition; it would be 5,000 without."""
    shared = view.api["components"]["parameters"]
    declared = shared.get("limit") or shared.get("limitFeatures")
    assert declared, "components.parameters.limit: ArcGIS would ask for 5000 and take fewer for all"
    return int(declared["schema"]["maximum"])


class TestDiscovery:
    def test_the_landing_page_is_json_by_accept_only(self, view: View) -> None:
        assert view.get("", "application/json").ok().media == JSON
        assert view.get("", "application/json, text/plain, */*").ok().media == JSON

    def test_the_links_have_the_media_types_it_looks_for(self, view: View) -> None:
        for rel, media in (("conformance", JSON), ("data", JSON), ("service-desc", OPENAPI)):
            link = view.link(rel, media)
            assert view.client.get(link["href"], media).ok()

    def test_geojson_is_declared(self, view: View) -> None:
        assert {FEATURES + "core", FEATURES + "geojson", FEATURES + "oas30"} <= set(view.conforms)

    def test_all_collections_stand_on_one_page(self, view: View) -> None:
        for url in (view.base, view.client.root):
            document = view.client.get(url + "/collections").ok().document
            assert not links(document, "next"), url
            assert len(document["collections"]) == document.get("numberMatched", len(document["collections"]))

    def test_the_items_are_linked_as_geojson(self, view: View) -> None:
        assert links(view.listed, "items", GEOJSON)


class TestLayer:
    def test_the_page_size_is_published(self, view: View) -> None:
        size = page_size(view)
        assert size >= 2500
        declared = view.api["components"]["parameters"]["limit"]["schema"]
        assert declared["minimum"] <= declared["default"] <= size

    def test_the_probe_has_features_with_ids(self, view: View) -> None:
        features = view.items(limit=5).ok().document["features"]
        assert features
        assert all(isinstance(f.get("id"), str | int) for f in features)

    def test_a_layer_has_one_type_of_geometry(self, view: View) -> None:
        features = view.items(limit=page_size(view)).ok().document["features"]
        kinds = {f["geometry"]["type"] for f in features if f["geometry"]}
        assert any(kinds <= family for family in FAMILIES), kinds

    def test_there_are_fields_it_keeps(self, view: View) -> None:
        """Arrays and objects are dropped, and what is null in the probe has no type."""
        features = view.items(limit=5).ok().document["features"]
        kept = [k for f in features for k, v in f["properties"].items() if isinstance(v, str | int | float)]
        assert kept

    def test_fewer_than_were_asked_are_all(self, view: View) -> None:
        """A page that is not full is taken for the last."""
        size = page_size(view)
        document = view.items(limit=size).ok().document
        assert len(document["features"]) == size or not links(document, "next")

    @pytest.mark.parametrize("share", [2, 3, 10])
    def test_paging_by_the_parameter_it_guesses_gives_each_feature_once(self, view: View, share: int) -> None:
        """The paging parameter is the first item of the query of `next` whose value equals the limit."""
        matched = view.items().ok().document["numberMatched"]
        size = max(1, matched // share)
        first = view.items(limit=size).ok().document
        (following,) = links(first, "next")
        assert following["type"] == GEOJSON
        items = parse_qsl(urlsplit(following["href"]).query)
        name = next(key for key, value in items if value == str(size))
        assert name in ("offset", "startindex"), items
        found = [f["id"] for f in first["features"]]
        for start in range(size, matched, size):
            page = view.client.get(asked(view.items_url, **{"limit": size, name: start}), GEOJSON).ok().document
            found += [f["id"] for f in page["features"]]
        assert len(found) == len(set(found)) == matched

    @pytest.mark.parametrize("code", ["3857", "2154", "4326"])
    def test_it_asks_in_its_own_crs(self, view: View, code: str) -> None:
        """crs and bbox-crs as EPSG writes them, version 0."""
        box = shapes.box_in(view.extent, EPSG + code)
        if box is None:
            pytest.skip(f"EPSG:{code} has no box for the extent")
        answer = view.items(crs=EPSG + code, bbox_crs=EPSG + code, bbox=",".join(map(repr, box)))
        assert answer.ok().header("Content-Crs") == f"<{EPSG}{code}>"
        default = view.items(bbox=",".join(map(repr, view.extent)))
        assert answer.document["numberMatched"] == default.document["numberMatched"]

    @pytest.mark.parametrize("until", ["..", "9999-12-31T00:00:00.000Z"])
    def test_times_have_milliseconds(self, view: View, until: str) -> None:
        begin = (view.interval or ["1970-01-01T00:00:00Z"])[0] or ".."
        since = begin if "." in begin else begin.replace("Z", ".000Z")
        answer = view.items(datetime=f"{since}/{until}").ok()
        assert answer.document["numberMatched"] == view.items().document["numberMatched"]


class TestBrowser:
    def test_another_origin_may_read(self, view: View) -> None:
        for url, accept in ((view.base, JSON), (view.base + "/collections", JSON), (view.items_url, GEOJSON)):
            answer = view.client.ask("GET", url, {"Accept": accept, "Origin": "https://www.arcgis.com"})
            assert answer.ok().header("Access-Control-Allow-Origin") in ("*", "https://www.arcgis.com")

    def test_another_origin_may_ask_first(self, view: View) -> None:
        headers = {"Origin": "https://www.arcgis.com", "Access-Control-Request-Method": "GET"}
        answer = view.client.ask("OPTIONS", view.items_url, headers)
        assert answer.status in (200, 204)
        assert answer.header("Access-Control-Allow-Origin") in ("*", "https://www.arcgis.com")

    def test_paths_of_the_definition_are_the_paths_of_the_links(self, view: View) -> None:
        assert openapi.path_of(view.api, view.items_url) == f"/collections/{view.id}/items"
