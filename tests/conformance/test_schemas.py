"""Answers against the schemas of the standards in ../shared/schemas; skipped, saying so, where these are absent."""

from typing import Any

from probe import oracle
from probe.http import GEOJSON
from probe.view import View, demo

FEATURES = "ogcapi-features-1-oas30.yaml"
COMMON = "common-2.bundled.json"
COVERAGES = "coverages-1.0rc2.bundled.json"
EDR = "edr-1.1.bundled.json"
VIEWS = list(dict.fromkeys([*demo("feature"), *demo("coverage"), *demo("edr")]))


class TestCommon:
    def test_the_landing_page(self, view: View) -> None:
        assert oracle.response_faults(COMMON, "/", view.landing) == []
        assert oracle.component_faults(FEATURES, "landingPage", view.landing) == []
        assert oracle.faults("landingPage.json", view.landing) == []

    def test_the_conformance_declaration(self, view: View) -> None:
        document = view.get("/conformance").ok().document
        assert oracle.response_faults(COMMON, "/conformance", document) == []
        assert oracle.component_faults(FEATURES, "confClasses", document) == []
        assert oracle.faults("confClasses.json", document) == []

    def test_the_list_of_collections(self, view: View) -> None:
        assert oracle.response_faults(COMMON, "/collections", view.collections) == []

    def test_the_collection(self, view: View) -> None:
        assert oracle.response_faults(COMMON, "/collections/{collectionId}", view.collection) == []

    def test_an_error(self, view: View) -> None:
        document = view.get("/collections", unknown="1").ok(400).document
        assert oracle.component_faults(FEATURES, "exception", document) == []


class TestFeatures:
    VIEWS = demo("feature")

    def test_the_list_of_collections(self, view: View) -> None:
        assert oracle.component_faults(FEATURES, "collections", view.collections) == []

    def test_the_collection(self, view: View) -> None:
        assert oracle.component_faults(FEATURES, "collection", view.collection) == []

    def test_a_page_of_items(self, view: View) -> None:
        document = view.items(limit=100).ok().document
        assert oracle.component_faults(FEATURES, "featureCollectionGeoJSON", document) == []

    def test_an_item(self, view: View) -> None:
        first = view.items().ok().document["features"][0]["id"]
        document = view.client.get(f"{view.items_url}/{first}", GEOJSON).ok().document
        assert oracle.component_faults(FEATURES, "featureGeoJSON", document) == []


class TestEDR:
    VIEWS = demo("edr")

    def test_the_landing_page(self, view: View) -> None:
        assert oracle.response_faults(EDR, "/", view.landing) == []

    def test_the_conformance_declaration(self, view: View) -> None:
        assert oracle.response_faults(EDR, "/conformance", view.get("/conformance").ok().document) == []


class TestLocations:
    VIEWS = tuple(v for v in demo("feature") if v in demo("edr"))

    def test_the_list_of_locations(self, view: View) -> None:
        document = view.get(f"/collections/{view.id}/locations", GEOJSON).ok().document
        assert oracle.faults("edrgeojson.json", document) == []


class TestCoverages:
    VIEWS = demo("coverage")

    def test_the_collection(self, view: View) -> None:
        """Less its extent: `extent-uad` asks of `spatial` and `temporal` too what it means for further axes."""
        rest = {k: v for k, v in view.collection.items() if k != "extent"}
        assert oracle.response_faults(COVERAGES, "/collections/{collectionId}", rest) == []
        assert oracle.component_faults(COVERAGES, "extent", _gregorian(view.collection["extent"])) == []

    def test_the_schema(self, view: View) -> None:
        """Schemas of values are JSON Schema, as Part 5 and Coverages have it."""
        document = view.get(f"/collections/{view.id}/schema", "application/schema+json").ok().document
        assert document["type"] == "object"
        assert document["properties"]


def _gregorian(extent: dict[str, Any]) -> dict[str, Any]:
    """An extent without the name of its calendar where that is another one: Core knows none but the Gregorian."""
    temporal = extent.get("temporal", {})
    if "Gregorian" in temporal.get("trs", "Gregorian"):
        return extent
    return extent | {"temporal": {k: v for k, v in temporal.items() if k != "trs"}}
