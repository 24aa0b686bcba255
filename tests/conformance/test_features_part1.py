"""OGC API - Features Part 1: Core 1.0, as the executable test suite asks it; one test a method, named by it.

A is the abstract test of annex A. A server that sends no timeStamp or count is skipped there, as in the suite.
"""

from datetime import UTC, datetime, timedelta

import pytest
from probe import features, openapi, shapes
from probe.http import GEOJSON, Answer, asked, without_query
from probe.view import FEATURES, OPENAPI, View, alternates, complete, demo, found, links

VIEWS = demo("feature")
BOXES: dict[str, shapes.Box | None] = {
    "extent": None,
    "meridian": (-1.5, 50.0, 1.5, 53.0),
    "equator": (-80.0, -5.0, -70.0, 5.0),
    "antimeridian": (177.0, 65.0, -177.0, 70.0),
    "north pole": (-180.0, 85.0, 180.0, 90.0),
    "south pole": (-180.0, -90.0, 180.0, -85.0),
}
LIMITS = ("minimum", "between", "maximum")
TIMES = ("instant", "interval", "days", "open end", "open start")


class TestGeneralHttp:
    def test_http(self, view: View) -> None:
        """A1: the server speaks HTTP/1.1."""
        assert view.get("").version == 11


class TestLandingPage:
    def test_landing_page_retrieval(self, view: View) -> None:
        """A3: the landing page is JSON where JSON is accepted, with and without a final slash."""
        for below in ("", "/"):
            answer = view.get(below).ok()
            assert answer.media == "application/json", f"{answer.url}: {answer.media}"

    def test_landing_page_validation(self, view: View) -> None:
        """A4: links to the API definition, the conformance declaration and the data."""
        rels = {k.get("rel") for k in links(view.landing)}
        assert rels & {"service-desc", "service-doc"}, rels
        assert {"conformance", "data"} <= rels, rels


class TestApiDefinition:
    def test_openapi_document_retrieval(self, view: View) -> None:
        """A5: service-desc has the media type of OpenAPI 3.0, to the letter, and is answered when that is accepted."""
        link = view.link("service-desc", OPENAPI)
        for url in {link["href"], without_query(link["href"])}:
            answer = view.client.get(url, OPENAPI).ok()
            assert answer.media == "application/vnd.oai.openapi+json", f"{url}: {answer.media}"
            assert answer.document["openapi"].startswith("3.0"), url

    def test_api_definition_validation(self, view: View) -> None:
        """A6: a validating parser has nothing to say, and needs no other document."""
        assert openapi.problems(view.api) == []


class TestConformance:
    def test_validate_conformance_operation_and_response(self, view: View) -> None:
        """A7, A8: an array of classes, Core among them."""
        answer = view.client.get(view.link("conformance")["href"]).ok()
        classes = answer.document.get("conformsTo")
        assert isinstance(classes, list), answer.url
        assert all(isinstance(c, str) for c in classes), answer.url
        assert FEATURES + "core" in classes, classes


class TestFeatureCollections:
    def test_validate_feature_collections_metadata_operation(self, view: View) -> None:
        """A9: /collections, as each server of the OpenAPI document has it."""
        assert "/collections" in view.api["paths"]
        assert "/conformance" in view.api["paths"]
        assert openapi.servers(view.api) == [view.base], openapi.servers(view.api)
        for server in openapi.servers(view.api):
            view.client.get(server + "/collections").ok()

    def test_validate_feature_collections_metadata_operation_response_links(self, view: View) -> None:
        """A10 method 1: a link to itself and to every other encoding that is declared."""
        alternates(view.collections, view.encodings("application/json"))

    def test_validate_feature_collections_metadata_operation_response_items(self, view: View) -> None:
        """A10 method 2: each collection has links to its items, one for each encoding that is declared."""
        _items_links(view, view.listed)

    def test_validate_feature_collections_metadata_operation_response_crs_property(self, view: View) -> None:
        """A10 method 3: CRS84 (with heights: CRS84h) is listed, and first."""
        for document in (view.collections, view.listed):
            listed = document.get("crs")
            if listed is not None and listed != ["#/crs"]:
                assert listed[0] in (shapes.CRS84, shapes.CRS84H), listed
        assert {shapes.CRS84, shapes.CRS84H} & set(view.crs), view.crs

    def test_validate_feature_collections_metadata_operation_response_content(self, view: View) -> None:
        """A10 method 4: the document has links and collections, and each collection is found by its id."""
        assert links(view.collections)
        for listed in view.collections["collections"]:
            assert view.get(f"/collections/{listed['id']}").ok().document["id"] == listed["id"]


class TestFeatureCollection:
    def test_validate_feature_collection_metadata_operation(self, view: View) -> None:
        """A11: /collections/{id}."""
        view.get(f"/collections/{view.id}").ok()

    def test_validate_feature_collection_metadata_operation_response(self, view: View) -> None:
        """A12: the same id, title, description and extent as in the list, and links to the items."""
        for member in ("id", "title", "description", "extent"):
            assert view.collection.get(member) == view.listed.get(member), member
        _items_links(view, view.collection)


def _items_links(view: View, collection: openapi.Document) -> None:
    assert collection.get("itemType", "feature") == "feature", collection.get("itemType")
    complete(collection, "items")
    offered = {k["type"] for k in links(collection, "items")}
    missing = view.encodings(GEOJSON) - offered
    assert not missing, f"no link items of type {sorted(missing)}"


class TestFeatures:
    def test_validate_features_operation(self, view: View) -> None:
        """A13: the items in GeoJSON, at the path that the OpenAPI document has."""
        assert view.items_path
        features.operation(view.items())

    def test_validate_features_response_geometry_in_crs84(self, view: View) -> None:
        """A2 method 2: without crs, coordinates are longitudes and latitudes."""
        features.geometry_in_crs84(view.items())

    def test_validate_features_response_type_property(self, view: View) -> None:
        """A22 method 1."""
        features.type_property(view.items())

    def test_validate_features_response_features_property(self, view: View) -> None:
        """A22 method 2."""
        features.features_property(view.items())

    def test_validate_features_response_links(self, view: View) -> None:
        """A22 method 4, A23: links to itself and to the other encodings; all with relation and media type."""
        features.response_links(view, view.items())

    def test_validate_features_response_time_stamp(self, view: View) -> None:
        """A24: the time of the response, with a zone."""
        features.time_stamp(view.items())

    def test_validate_features_response_number_matched(self, view: View) -> None:
        """A25: as many as are found by following `next`."""
        features.number_matched(view, view.items())

    def test_validate_features_response_number_returned(self, view: View) -> None:
        """A26."""
        features.number_returned(view.items())


def _bounds(view: View, box: str) -> shapes.Box:
    return BOXES[box] or view.extent


def _in_box(view: View, box: str) -> Answer:
    return view.items(bbox=",".join(map(str, _bounds(view, box))))


class TestFeaturesBBox:
    def test_bounding_box_parameter_definition(self, view: View) -> None:
        """A14: an optional array of four to six numbers."""
        schema = features.plain_query_parameter(view, "bbox", "array")
        sizes = [(s.get("minItems"), s.get("maxItems")) for s in schema.get("oneOf", [schema])]
        assert sizes in ([(4, 6)], [(4, 4), (6, 6)]), sizes
        assert schema["items"]["type"] == "number"

    @pytest.mark.parametrize("box", BOXES)
    def test_validate_features_with_bounding_box_operation(self, view: View, box: str) -> None:
        """A13 with boxes: the extent, over the meridian, the equator, 180 degrees, and at the poles."""
        features.operation(_in_box(view, box))

    @pytest.mark.parametrize("box", BOXES)
    def test_validate_features_with_bounding_box_response(self, view: View, box: str) -> None:
        """A15: what is returned meets the box, and is in CRS84."""
        answer = _in_box(view, box)
        features.geometry_in_box(answer, _bounds(view, box))
        features.geometry_in_crs84(answer)

    @pytest.mark.parametrize("box", BOXES)
    def test_validate_features_response_geometry_in_crs84(self, view: View, box: str) -> None:
        """A2 method 2."""
        features.geometry_in_crs84(_in_box(view, box))

    @pytest.mark.parametrize("box", BOXES)
    def test_validate_features_with_bounding_box_response_type_property(self, view: View, box: str) -> None:
        """A22 method 1."""
        features.type_property(_in_box(view, box))

    @pytest.mark.parametrize("box", BOXES)
    def test_validate_features_with_bounding_box_response_features_property(self, view: View, box: str) -> None:
        """A22 method 2."""
        features.features_property(_in_box(view, box))

    @pytest.mark.parametrize("box", BOXES)
    def test_validate_features_with_bounding_box_response_links(self, view: View, box: str) -> None:
        """A22 method 4, A23."""
        features.response_links(view, _in_box(view, box))

    @pytest.mark.parametrize("box", BOXES)
    def test_validate_features_with_bounding_box_response_time_stamp(self, view: View, box: str) -> None:
        """A24."""
        features.time_stamp(_in_box(view, box))

    @pytest.mark.parametrize("box", BOXES)
    def test_validate_features_with_bounding_box_response_number_matched(self, view: View, box: str) -> None:
        """A25."""
        features.number_matched(view, _in_box(view, box))

    @pytest.mark.parametrize("box", BOXES)
    def test_validate_features_with_bounding_box_response_number_returned(self, view: View, box: str) -> None:
        """A26."""
        features.number_returned(_in_box(view, box))


def _limit(view: View, limit: str) -> int:
    schema = openapi.resolved(view.api, view.parameter("limit")["schema"])
    assert {"minimum", "maximum"} <= schema.keys(), f"limit: {schema}"
    minimum, maximum = int(schema["minimum"]), int(schema["maximum"])
    return {"minimum": minimum, "between": min(100, (minimum + maximum) // 2), "maximum": maximum}[limit]


def _limited(view: View, limit: str) -> Answer:
    return view.items(limit=_limit(view, limit))


class TestFeaturesLimit:
    def test_limit_parameter_definition(self, view: View) -> None:
        """A16: an optional integer with minimum, default and a maximum that is not below it."""
        schema = features.plain_query_parameter(view, "limit", "integer")
        assert {"minimum", "default", "maximum"} <= schema.keys(), schema
        assert 0 <= schema["minimum"] <= schema["default"] <= schema["maximum"], schema

    @pytest.mark.parametrize("limit", LIMITS)
    def test_validate_features_with_limit_operation(self, view: View, limit: str) -> None:
        """A13 with limits: the smallest, the largest, and one between."""
        features.operation(_limited(view, limit))

    @pytest.mark.parametrize("limit", LIMITS)
    def test_validate_features_with_limit_response(self, view: View, limit: str) -> None:
        """A17: no more features than that, and not fewer where there are more."""
        document = _limited(view, limit).ok().document
        most = _limit(view, limit)
        assert len(document["features"]) <= most
        assert len(document["features"]) == min(most, document.get("numberMatched", len(document["features"])))

    @pytest.mark.parametrize("limit", LIMITS)
    def test_validate_features_with_limit_response_geometry_in_crs84(self, view: View, limit: str) -> None:
        """A2 method 2."""
        features.geometry_in_crs84(_limited(view, limit))

    @pytest.mark.parametrize("limit", LIMITS)
    def test_validate_features_with_limit_response_type_property(self, view: View, limit: str) -> None:
        """A22 method 1."""
        features.type_property(_limited(view, limit))

    @pytest.mark.parametrize("limit", LIMITS)
    def test_validate_features_with_limit_response_features_property(self, view: View, limit: str) -> None:
        """A22 method 2."""
        features.features_property(_limited(view, limit))

    @pytest.mark.parametrize("limit", LIMITS)
    def test_validate_features_with_limit_response_links(self, view: View, limit: str) -> None:
        """A22 method 4, A23."""
        features.response_links(view, _limited(view, limit))

    @pytest.mark.parametrize("limit", LIMITS)
    def test_validate_features_with_limit_response_time_stamp(self, view: View, limit: str) -> None:
        """A24."""
        features.time_stamp(_limited(view, limit))

    @pytest.mark.parametrize("limit", LIMITS)
    def test_validate_features_with_limit_response_number_matched(self, view: View, limit: str) -> None:
        """A25."""
        features.number_matched(view, _limited(view, limit))

    @pytest.mark.parametrize("limit", LIMITS)
    def test_validate_features_with_limit_response_number_returned(self, view: View, limit: str) -> None:
        """A26."""
        features.number_returned(_limited(view, limit))


def _when(view: View, time: str) -> str:
    """An instant or interval of the collection's own extent; of any year where it has none."""
    begin, end = view.interval or ("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z")
    start = datetime.fromisoformat(begin or end or "2020-01-01T00:00:00Z")
    stop = datetime.fromisoformat(end) if end else datetime.now(UTC)
    quarter = start + (stop - start) / 4
    half = start + (stop - start) / 2
    match time:
        case "instant":
            return _text(start)
        case "interval":
            return f"{_text(quarter)}/{_text(half)}"
        case "days":
            return f"{quarter:%Y-%m-%d}/{quarter + timedelta(days=2):%Y-%m-%d}"
        case "open end":
            return f"{_text(half)}/.."
        case _:
            return f"../{_text(half)}"


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _at(view: View, time: str) -> Answer:
    return view.items(datetime=_when(view, time))


class TestFeaturesTime:
    """The suite looks for the temporal extent in the wrong place and never calls these; here they are called."""

    def test_time_parameter_definition(self, view: View) -> None:
        """A18: an optional string, on every items path."""
        features.plain_query_parameter(view, "datetime", "string")

    @pytest.mark.parametrize("time", TIMES)
    def test_validate_features_with_date_time_operation(self, view: View, time: str) -> None:
        """A13 with instants and intervals."""
        features.operation(_at(view, time))

    @pytest.mark.parametrize("time", TIMES)
    def test_validate_features_with_date_time_response(self, view: View, time: str) -> None:
        """A19: a collection without times gives all; one with times no more than without the parameter."""
        some, whole = (a.ok().document["numberMatched"] for a in (_at(view, time), view.items()))
        assert some <= whole
        assert view.interval is not None or some == whole, f"{some} of {whole} features that have no time"

    @pytest.mark.parametrize("time", TIMES)
    def test_validate_features_with_date_time_response_geometry_in_crs84(self, view: View, time: str) -> None:
        """A2 method 2."""
        features.geometry_in_crs84(_at(view, time))

    @pytest.mark.parametrize("time", TIMES)
    def test_validate_features_with_date_time_response_type_property(self, view: View, time: str) -> None:
        """A22 method 1."""
        features.type_property(_at(view, time))

    @pytest.mark.parametrize("time", TIMES)
    def test_validate_features_with_date_time_response_features_property(self, view: View, time: str) -> None:
        """A22 method 2."""
        features.features_property(_at(view, time))

    @pytest.mark.parametrize("time", TIMES)
    def test_validate_features_with_date_time_response_links(self, view: View, time: str) -> None:
        """A22 method 4, A23."""
        features.response_links(view, _at(view, time))

    @pytest.mark.parametrize("time", TIMES)
    def test_validate_features_with_date_time_response_time_stamp(self, view: View, time: str) -> None:
        """A24."""
        features.time_stamp(_at(view, time))

    @pytest.mark.parametrize("time", TIMES)
    def test_validate_features_with_date_time_response_number_matched(self, view: View, time: str) -> None:
        """A25."""
        features.number_matched(view, _at(view, time))

    @pytest.mark.parametrize("time", TIMES)
    def test_validate_features_with_date_time_response_number_returned(self, view: View, time: str) -> None:
        """A26."""
        features.number_returned(_at(view, time))


class TestFeaturesErrorConditions:
    def test_validate_features_operation_query_param_invalid(self, view: View) -> None:
        """A20: a value that the definition does not allow is refused."""
        view.client.get(asked(view.items_url, limit="unlimited"), GEOJSON).ok(400)

    def test_validate_features_operation_query_param_unknown(self, view: View) -> None:
        """A21: a parameter that is not declared is refused; none is declared that would take any name."""
        for declared in openapi.parameters(view.api, view.items_path):
            schema = openapi.resolved(view.api, declared["schema"])
            assert not schema.get("additionalProperties"), f"{declared['name']}: a parameter of any name"
        view.items(unknownQueryParameter="1").ok(400)


def _ids(view: View) -> list[str]:
    return [str(f["id"]) for f in view.items().ok().document["features"]]


class TestFeature:
    def test_feature_operation(self, view: View) -> None:
        """A27: features by their ids."""
        assert _ids(view), "no feature to ask for"
        for key in _ids(view):
            answer = view.client.get(f"{view.items_url}/{key}", GEOJSON).ok()
            assert answer.media == GEOJSON, f"{answer.url}: {answer.media}"
            assert str(answer.document["id"]) == key, answer.url

    def test_validate_feature_response(self, view: View) -> None:
        """A28, A29: a feature, with links to itself, to the other encodings and to its collection."""
        for key in _ids(view)[:3]:
            feature = view.client.get(f"{view.items_url}/{key}", GEOJSON).ok().document
            assert feature["type"] == "Feature"
            alternates(feature, view.encodings(GEOJSON))
            complete(feature, "collection")
            assert without_query(found(feature, "collection")["href"]) == f"{view.base}/collections/{view.id}"
