"""What EDR 1.1 and the interface ask beyond the suite: metadata, vertical repeats, empty and refused, CoverageJSON."""

import json
import math
from typing import Any

import pytest
from covjson_pydantic.coverage import Coverage, CoverageCollection
from edr_pydantic.collections import Collection
from probe import edr, oracle
from probe.http import Answer, Client
from probe.view import LIMITED, View, demo
from pyproj import CRS, Transformer

VIEWS = demo("edr")
COVJSON = "application/prs.coverage+json"
EDR11 = "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/"
OTHERS = ("itemType", "itemCount", "storageCrs", "storageCrsCoordinateEpoch", "pole", "license", "defaultSortOrder")
"""Members of Features and of ours, which the EDR model knows nothing of."""


def query(view: View, name: str, accept: str = COVJSON, **parameters: Any) -> Answer:
    return view.get(f"/collections/{view.id}/{name}", accept, **parameters)


def point(view: View) -> str:
    """A place with data: the middle, else where the first observation is."""
    x, y = edr.middle(view)
    if query(view, "position", coords=f"POINT({x} {y})").status == 204:
        x, y = next(edr.places(view))
    return f"POINT({x} {y})"


class TestMetadata:
    def test_the_classes_of_edr_1_1_are_declared(self, view: View) -> None:
        for name in ("core", "collections", "json", "covjson", "geojson", "edr-geojson", "oas30", "queries"):
            assert EDR11 + name in view.conforms, name

    def test_the_collection_is_what_edr_pydantic_takes(self, view: View) -> None:
        document = {k: v for k, v in view.collection.items() if k not in OTHERS}
        spatial = {k: v for k, v in document["extent"]["spatial"].items() if k in ("bbox", "crs", "name")}
        document["extent"] = document["extent"] | {"spatial": spatial}
        assert Collection.model_validate_json(json.dumps(document)).id == view.id

    def test_the_collection_fits_the_schema_of_edr_1_1(self, view: View) -> None:
        assert oracle.response_faults("edr-1.1.bundled.json", "/collections/{collectionId}", view.collection) == []

    def test_the_list_fits_the_schema_of_edr_1_1(self, view: View) -> None:
        assert oracle.response_faults("edr-1.1.bundled.json", "/collections", view.collections) == []

    def test_every_query_is_linked_with_its_formats_and_their_default(self, view: View) -> None:
        for name, held in view.collection["data_queries"].items():
            link, variables = held["link"], held["link"]["variables"]
            assert link["href"] == f"{view.base}/collections/{view.id}/{name}"
            assert variables["default_output_format"] in variables["output_formats"], name
            assert {"CoverageJSON", "GeoJSON"} & set(variables["output_formats"]), name
            assert {d["crs"] for d in variables.get("crs_details", [])} <= set(view.collection["crs"]), name

    def test_every_parameter_has_a_unit_or_categories(self, view: View) -> None:
        for key, parameter in view.collection["parameter_names"].items():
            categories = parameter["observedProperty"].get("categories")
            assert not (categories and "unit" in parameter), f"{key}: a unit beside categories"

    def test_times_are_in_utc_and_listed(self, view: View) -> None:
        temporal = view.collection["extent"]["temporal"]
        assert all(t is None or t.endswith("Z") for interval in temporal["interval"] for t in interval)
        assert temporal["values"]
        assert temporal["trs"]

    def test_levels_are_listed_with_their_reference(self, view: View) -> None:
        vertical = view.collection["extent"].get("vertical")
        if vertical is None:
            pytest.skip("the collection has no levels")
        assert vertical["values"]
        assert vertical["vrs"]


def levels(view: View) -> list[float]:
    """At least three levels of a grid, as they are listed; else skipped."""
    if "locations" in view.collection["data_queries"]:
        pytest.skip("observations have levels of their own")
    listed = (view.collection["extent"].get("vertical") or {}).get("values", [])
    found = [float(v) for v in listed]
    if len(found) < 3:
        pytest.skip(f"{len(found)} levels")
    return found


def told(answer: Answer) -> Any:
    """What an answer says, without the links and history that repeat the question."""
    if answer.status == 204:
        return None
    document = answer.ok().document
    return [(c["domain"], c["ranges"]) for c in document.get("coverages", [document])]


class TestVertical:
    def test_r_counts_the_values(self, view: View) -> None:
        """`R3/a/s` is `a,a+s,a+2s`: EDR 1.1, where R20/100/50 is twenty values from 100 on."""
        first, second, *_ = levels(view)
        step = second - first
        listed = ",".join(f"{first + i * step:g}" for i in range(3))
        place = point(view)
        repeated = query(view, "position", coords=place, z=f"R3/{first:g}/{step:g}")
        assert told(repeated) == told(query(view, "position", coords=place, z=listed))
        assert told(repeated) is not None

    def test_r20_of_100_by_50_is_twenty_values(self, view: View) -> None:
        levels(view)
        listed = ",".join(str(100 + 50 * i) for i in range(20))
        place = point(view)
        found = query(view, "position", coords=place, z="R20/100/50")
        assert told(found) == told(query(view, "position", coords=place, z=listed))

    def test_an_interval_may_be_given_upside_down(self, view: View) -> None:
        found, place = levels(view), point(view)
        down = query(view, "position", coords=place, z=f"{found[0]:g}/{found[-1]:g}")
        assert told(down) == told(query(view, "position", coords=place, z=f"{found[-1]:g}/{found[0]:g}"))
        assert told(down) == told(query(view, "position", coords=place))

    @pytest.mark.parametrize("z", ["R/1/2", "R3/1", "R0/1/1", "Rx/1/2", "1/2/3", "deep", "R3/1/nan"])
    def test_a_malformed_level_is_refused(self, view: View, z: str) -> None:
        query(view, "position", coords=point(view), z=z).ok(400)


class TestNothingThere:
    def test_a_place_outside_the_data_is_204(self, view: View) -> None:
        west, south, east, north = view.extent
        if (west, south, east, north) == (-180.0, -90.0, 180.0, 90.0):
            pytest.skip("the data cover the Earth")
        y = south - 5 if south > -80 else north + 5
        for name, coords in (("position", f"POINT({west} {y})"), ("area", _square(west, y))):
            answer = query(view, name, coords=coords)
            assert (answer.status, answer.body) == (204, b""), f"{answer.url}: {answer.status}"
        box = f"{west},{y - 0.5},{west + 1},{y + 0.5}"
        assert query(view, "cube", bbox=box).ok(204).body == b""

    def test_a_time_outside_the_data_is_204(self, view: View) -> None:
        assert query(view, "position", coords=point(view), datetime="9990-01-01T00:00:00Z/..").ok(204).body == b""

    def test_what_is_not_there_is_404(self, view: View) -> None:
        assert view.get("/collections/nowhere").ok(404).document["code"]
        if "locations" in view.collection["data_queries"]:
            query(view, "locations/nowhere-at-all").ok(404)


def _square(x: float, y: float) -> str:
    return f"POLYGON(({x} {y},{x + 1} {y},{x + 1} {y + 1},{x} {y + 1},{x} {y}))"


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("parameter_name", "no such parameter"),
            ("crs", "http://www.opengis.net/def/crs/0/unsupported"),
            ("f", "no such format"),
            ("datetime", "yesterday"),
            ("unknown", "1"),
            ("coords", "POINT(1)"),
            ("coords", "POINT(NaN 1)"),
        ],
    )
    def test_what_is_malformed_is_400_and_says_why(self, view: View, name: str, value: str) -> None:
        answer = query(view, "position", **({"coords": "POINT(0 0)"} | {name: value})).ok(400)
        assert answer.media == "application/json"
        assert answer.document["code"]
        assert answer.document["description"]

    def test_what_no_format_fits_is_406(self, view: View) -> None:
        query(view, "position", "image/webp", coords=point(view)).ok(406)

    @pytest.mark.parametrize("name", ["area", "cube"])
    def test_what_is_too_large_is_413_and_names_both_numbers(self, client: Client, name: str) -> None:
        view = View(client, f"/datasets/{LIMITED}")
        if view.get("").status == 404:
            pytest.skip("the server is not ours: nothing is limited there")
        place = {"bbox": "-180,-90,180,90", "coords": "POLYGON((-170 -80,170 -80,170 80,-170 80,-170 -80))"}
        key = {"area": "coords", "cube": "bbox"}[name]
        whole = {key: place[key]}
        said = query(view, name, **whole).ok(413).document["description"]
        assert "1000" in said.replace(",", "").replace(" ", ""), said
        assert query(view, "position", coords="POINT(-30 40)").ok().document["type"] == "Coverage"


def _checked(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The coverages of a document that the oracle takes; values as many as shapes say."""
    model = CoverageCollection if document["type"] == "CoverageCollection" else Coverage
    model.model_validate_json(json.dumps(document))
    coverages = list(document.get("coverages", [document]))
    for coverage in coverages:
        axes = coverage["domain"]["axes"]
        for key, values in coverage["ranges"].items():
            sizes = dict(zip(values["axisNames"], values["shape"], strict=True))
            assert math.prod(values["shape"]) == len(values["values"]), key
            for axis, size in sizes.items():
                held = axes[axis]
                assert size == (held["num"] if "num" in held else len(held["values"])), f"{key}: {axis}"
        known = document.get("parameters", {}) | coverage.get("parameters", {})
        assert coverage["ranges"].keys() <= known.keys()
    return coverages


class TestCoverageJSON:
    """Every data set, query and domain."""

    def test_a_position(self, view: View) -> None:
        answer = query(view, "position", coords=point(view)).ok()
        assert answer.media == COVJSON
        for coverage in _checked(answer.document):
            kind = coverage["domain"]["domainType"]
            assert kind in {"Point", "PointSeries", "VerticalProfile", "Grid", "MultiPoint", "Trajectory"}, kind

    def test_several_positions(self, view: View) -> None:
        x, y = point(view)[6:-1].split()
        answer = query(view, "position", coords=f"MULTIPOINT(({x} {y}),({x} {y}))").ok()
        assert _checked(answer.document)

    def test_an_area(self, view: View) -> None:
        answer = query(view, "area", coords=_around(view))
        assert answer.status in (200, 204), f"{answer.url}: {answer.status}"
        if answer.status == 200:
            assert _checked(answer.document)

    def test_a_cube(self, view: View) -> None:
        answer = query(view, "cube", bbox=",".join(map(str, _box(view)))).ok()
        assert _checked(answer.document)

    def test_a_cube_of_one_cell(self, view: View) -> None:
        """A box without width is the cell under it, as one Coverage of domain Grid (edr-xarray)."""
        if "locations" in view.collection["data_queries"]:
            pytest.skip("observations have no cells")
        x, y = point(view)[6:-1].split()
        (coverage,) = _checked(query(view, "cube", bbox=f"{x},{y},{x},{y}").ok().document)
        assert coverage["domain"]["domainType"] in ("Grid", "MultiPoint")

    def test_a_location(self, view: View) -> None:
        if "locations" not in view.collection["data_queries"]:
            pytest.skip("locations is not offered")
        listed = query(view, "locations", "application/geo+json").ok().document
        for feature in listed["features"][:3]:
            assert _checked(query(view, f"locations/{feature['id']}").ok().document)

    def test_one_parameter(self, view: View) -> None:
        first = next(iter(view.collection["parameter_names"]))
        document = query(view, "position", coords=point(view), parameter_name=first).ok().document
        for coverage in _checked(document):
            assert set(coverage["ranges"]) == {first}

    def test_times_end_in_z(self, view: View) -> None:
        for coverage in _checked(query(view, "position", coords=point(view)).ok().document):
            axis = coverage["domain"]["axes"].get("t", {"values": []})
            assert all(t.endswith("Z") for t in axis["values"])

    def test_the_value_is_the_same_in_every_crs(self, view: View) -> None:
        """A position given in another CRS of the list, x before y, is the same cell."""
        if len(view.collection["crs"]) < 2:
            pytest.skip("one CRS")
        details = view.collection["data_queries"]["position"]["link"]["variables"]["crs_details"]
        x, y = map(float, point(view)[6:-1].split())
        default = query(view, "position", coords=f"POINT({x} {y})").ok().document
        for detail in details:
            if detail["crs"] == view.collection["crs"][0]:
                continue
            e, n = Transformer.from_crs("OGC:CRS84", CRS.from_wkt(detail["wkt"]), always_xy=True).transform(x, y)
            other = query(view, "position", coords=f"POINT({e!r} {n!r})", crs=detail["crs"]).ok().document
            assert _values(other) == _values(default), detail["crs"]


def _values(document: dict[str, Any]) -> list[Any]:
    return [{k: r["values"] for k, r in c["ranges"].items()} for c in document.get("coverages", [document])]


def _box(view: View) -> tuple[float, float, float, float]:
    """A fifth of the extent around its middle; around the first observation where the middle is empty."""
    west, south, east, north = view.extent
    x, y = map(float, point(view)[6:-1].split())
    w, h = max((east - west) / 10, 1e-4), max((north - south) / 10, 1e-4)
    return max(x - w, -180), max(y - h, -90), min(x + w, 180), min(y + h, 90)


def _around(view: View) -> str:
    west, south, east, north = _box(view)
    return f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"
