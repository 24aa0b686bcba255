"""What QGIS, GDAL, OWSLib, ogc-client and edr-xarray ask of a server, as far as requests tell it."""

import pytest
import rasterio
from probe.http import GEOJSON, Client
from probe.view import FEATURES_CRS, OPENAPI, View, demo, found, links

VIEWS = demo("feature")
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
SCHEMA = "application/schema+json"
FILTER = "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/"
CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"
SCHEMAS = "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/schemas"
GEOTIFF = ("image/tiff; application=geotiff", "application/x-geotiff", "image/tiff;application=geotiff")
TYPES = {"string", "integer", "number", "boolean", "array", "object"}


def matched(view: View, **parameters: str) -> int:
    return int(view.items(**parameters).ok().document["numberMatched"])


class TestQGIS:
    def test_the_page_size_is_inline(self, view: View) -> None:
        """Declared for all operations, not one by one; no reference is followed."""
        schema = view.api["components"]["parameters"]["limit"]["schema"]
        assert isinstance(schema["maximum"], int)
        assert isinstance(schema["default"], int)
        assert view.link("service-desc", OPENAPI)

    def test_part_2_and_filters_are_declared(self, view: View) -> None:
        due = {FEATURES_CRS, SCHEMAS} | {FILTER + n for n in ("filter", "features-filter", "queryables")}
        due |= {CQL2 + n for n in ("cql2-text", "basic-cql2", "cql2-json")}
        assert due <= set(view.conforms), due - set(view.conforms)

    def test_queryables_are_where_it_looks(self, view: View) -> None:
        document = view.get(f"/collections/{view.id}/queryables", SCHEMA).ok().document
        assert document["type"] == "object"
        assert document["properties"]
        assert links(view.collection, REL + "queryables")

    def test_a_schema_tells_every_field_of_the_first_features(self, view: View) -> None:
        """What the probe of ten features shows, the schema has; and the geometry."""
        link = found(view.collection, REL + "schema", SCHEMA)
        properties = view.client.get(link["href"], SCHEMA).ok().document["properties"]
        for feature in view.items(limit=10).ok().document["features"]:
            assert feature["properties"].keys() <= properties.keys()
        assert any(str(p.get("format", "")).startswith("geometry") for p in properties.values()), "no geometry"
        for key, told in properties.items():
            assert told.get("type", "string") in TYPES or "format" in told, key

    def test_simple_queryables_are_declared_as_parameters(self, view: View) -> None:
        """Else it filters on its own side."""
        document = view.get(f"/collections/{view.id}/queryables", SCHEMA).ok().document
        declared = {p["name"]: p for p in view.api["paths"][view.items_path]["get"]["parameters"]}
        plain = [k for k, v in document["properties"].items() if v.get("type") in ("string", "integer", "number")]
        assert plain
        for key in set(plain) - {"id"}:
            parameter = declared.get(key)
            assert parameter, f"{key}: no parameter"
            assert (parameter["style"], parameter["explode"]) == ("form", False), key
            assert parameter["schema"]["type"], key

    def test_the_collection_tells_extent_crs_and_licence(self, view: View) -> None:
        assert len(view.extent) == 4
        assert view.collection["storageCrs"] in view.crs
        assert links(view.collection, "license")
        assert view.collection["title"]
        assert view.collection["description"]

    @pytest.mark.parametrize("until", ["9999-12-31T00:00:00Z", "9999-12-31"])
    def test_its_open_ended_times_are_understood(self, view: View, until: str) -> None:
        """A filter on times after one: a date or date-time, until the end of the year 9999."""
        begin = (view.interval or ["1970-01-01T00:00:00Z"])[0] or "1970-01-01T00:00:00Z"
        whole = matched(view)
        assert matched(view, datetime=f"{begin}/{until}") == whole
        assert matched(view, datetime=f"{begin[:10]}/9999-12-31T00:00:00Z") == whole

    def test_a_filter_is_answered(self, view: View) -> None:
        """The value of a field of the first feature selects that feature, and others than all or none."""
        first = view.items().ok().document["features"][0]
        key, value = next((k, v) for k, v in first["properties"].items() if isinstance(v, str) and v and "'" not in v)
        document = (
            view.items(filter=f"\"{key}\" = '{value}'", filter_lang="cql2-text", limit=view.maximum).ok().document
        )
        assert first["id"] in {f["id"] for f in document["features"]}
        assert {f["properties"][key] for f in document["features"]} == {value}

    def test_editing_is_not_offered(self, view: View) -> None:
        answer = view.client.ask("OPTIONS", view.items_url)
        assert answer.status in (200, 204)
        allowed = {m.strip() for m in answer.header("Allow").split(",")}
        assert "GET" in allowed, answer.header("Allow")
        assert not allowed & {"PUT", "PATCH", "DELETE"}


class TestGDAL:
    @pytest.mark.parametrize("limit", ["1000", "10001", "1000000"])
    def test_a_page_larger_than_offered_is_clamped(self, view: View, limit: str) -> None:
        assert len(view.items(limit=limit).ok().document["features"]) == min(matched(view), int(limit), view.maximum)

    def test_a_date_with_a_trailing_t_is_understood(self, view: View) -> None:
        """3.6 writes a bare date of a filter so."""
        assert matched(view, datetime="1900-01-01T/..") == matched(view)

    def test_the_collection_alone_is_a_data_source(self, view: View) -> None:
        """Opened by the URL of a collection."""
        document = view.client.get(f"{view.base}/collections/{view.id}", "application/json").ok().document
        assert found(document, "items", GEOJSON)


class TestGDALCoverage:
    VIEWS = demo("coverage")

    def test_the_coverage_is_linked_as_geotiff(self, view: View) -> None:
        _raster(view)
        types = {k["type"] for k in links(view.collection, REL + "coverage")}
        assert types & set(GEOTIFF), types

    def test_one_box_of_four_numbers(self, view: View) -> None:
        assert len(view.collection["extent"]["spatial"]["bbox"]) == 1
        assert len(view.extent) == 4

    def test_domain_set_and_range_type_say_what_it_reads(self, view: View) -> None:
        _raster(view)
        grid = _linked(view, "domainSet", "coverage-domainset")["generalGrid"]
        assert len(grid["axisLabels"]) >= 2
        assert grid["srsName"]
        for axis in [a for a in grid["axis"] if "resolution" in a][:2]:
            assert axis["upperBound"] > axis["lowerBound"]
        fields = _linked(view, "rangeType", "coverage-rangetype")["field"]
        assert fields
        assert all(f["definition"].lower().startswith("ogctype:") for f in fields), fields[0]

    def test_a_block_is_answered_in_the_size_asked(self, view: View) -> None:
        """subset and scaleSize by the labels of the domain set, as a GeoTIFF by Accept."""
        _raster(view)
        grid = _linked(view, "domainSet", "coverage-domainset")["generalGrid"]
        x, y = _horizontal(grid)
        target = (
            f"/collections/{view.id}/coverage?subset={x['axisLabel']}({x['lowerBound']}:{x['upperBound']}),"
            f"{y['axisLabel']}({y['lowerBound']}:{y['upperBound']})&scaleSize={x['axisLabel']}(16),{y['axisLabel']}(8)"
        )
        answer = view.client.get(view.base + target, "image/tiff;application=geotiff").ok()
        assert answer.media == "image/tiff"
        with rasterio.MemoryFile(answer.body) as memory, memory.open() as raster:
            assert (raster.width, raster.height) == (16, 8)


def _raster(view: View) -> None:
    """Skips what no raster can hold; the server then refuses GeoTIFF, naming the formats that can."""
    answer = view.get(f"/collections/{view.id}/coverage", "*/*", f="GeoTIFF")
    if answer.status in (400, 406) and "GeoTIFF" not in view.collection["output_formats"]:
        pytest.skip("rotated or curvilinear: no raster")


def _linked(view: View, member: str, rel: str) -> dict:  # type: ignore[type-arg]
    """A member of the collection, inline or by its link."""
    if member in view.collection:
        return dict(view.collection[member])
    return dict(view.client.get(found(view.collection, REL + rel)["href"]).ok().document)


def _horizontal(grid: dict) -> tuple[dict, dict]:  # type: ignore[type-arg]
    axes = {a["axisLabel"]: a for a in grid["axis"]}
    x = next(axes[n] for n in grid["axisLabels"] if n.lower() in ("lon", "long", "x", "e", "easting", "longitude"))
    y = next(axes[n] for n in grid["axisLabels"] if n.lower() in ("lat", "y", "n", "northing", "latitude"))
    return x, y


class TestOthers:
    def test_ogcapi_js_sends_an_empty_end(self, view: View) -> None:
        begin = (view.interval or ["1970-01-01T00:00:00Z"])[0] or "1970-01-01T00:00:00Z"
        since = begin if "." in begin else begin.replace("Z", ".000Z")
        assert matched(view, datetime=f"{since}/") == matched(view)

    def test_ogc_client_adds_f_json_to_every_request(self, view: View) -> None:
        for below in ("", "/conformance", "/collections", f"/collections/{view.id}", "/openapi"):
            assert view.get(below, "*/*", f="json").ok().document
        assert view.items("*/*", f="json").ok().media == GEOJSON


class TestEdrClients:
    VIEWS = demo("edr")

    def test_every_collection_says_what_its_items_are(self, view: View) -> None:
        """ogc-client takes one that does not for features."""
        assert view.listed["itemType"] in ("feature", "unknown")

    def test_owslib_says_parameter_names(self, view: View) -> None:
        first = next(iter(view.collection["parameter_names"]))
        x, y = view.extent[0], view.extent[1]
        one = view.get(f"/collections/{view.id}/position", "*/*", coords=f"POINT({x} {y})", parameter_name=first)
        alias = view.client.get(one.url.replace("parameter-name=", "parameter_names="), "*/*")
        assert one.status in (200, 204)
        assert (alias.status, alias.body) == (one.status, one.body), f"{alias.url}: {alias.body[:200]!r}"

    def test_edr_xarray_finds_its_format_and_times(self, view: View) -> None:
        assert "CoverageJSON" in view.collection["output_formats"]
        for name in ("position", "cube"):
            assert "CoverageJSON" in view.collection["data_queries"][name]["link"]["variables"]["output_formats"]
        temporal = view.collection["extent"].get("temporal", {"interval": [[]]})
        assert all(t.endswith("Z") for t in temporal["interval"][0] if t)


def test_the_root_is_a_server_to_its_clients_too(client: Client) -> None:
    """Each collection of the whole server says what its items are, and no name of a collection is there twice."""
    listed = client.get("/collections").ok().document["collections"]
    assert all(c["itemType"] in ("feature", "unknown") for c in listed)
    assert len({c["id"] for c in listed}) == len(listed)
