"""OGC API - Features Part 2: CRS by reference 1.0, as the executable test suite asks it; one test a method.

A is the abstract test of annex A of Part 2.
"""

import re

import numpy as np
import pytest
import shapely
from probe import features, shapes
from probe.http import GEOJSON, Answer
from probe.view import FEATURES_CRS, View, demo

VIEWS = demo("feature")
UNSUPPORTED = "http://www.opengis.net/def/crs/0/unsupported"
NAMED = re.compile(
    r"https?://www\.opengis\.net/def/crs/[^/\s]+/[^/\s]+/[^/\s]+|urn:ogc:def:crs:[^:\s]+:[^:\s]*:[^:\s]+"
)


def _valid(uri: object) -> None:
    assert isinstance(uri, str), f"{uri!r}: no CRS"
    if "www.opengis.net/def/crs" in uri or uri.startswith("urn:ogc:def:crs:"):
        assert NAMED.fullmatch(uri), f"{uri}: no name of a CRS as OGC writes it"
    else:
        assert re.fullmatch(r"https?://[^\s/?#]+\S*|urn:[a-z0-9][a-z0-9-]+:\S+", uri, re.IGNORECASE), f"{uri}: no URI"


def _default(listed: list[str]) -> None:
    assert {shapes.CRS84, shapes.CRS84H} & set(listed), listed


def _content_crs(answer: Answer, uri: str) -> None:
    assert answer.ok().header("Content-Crs") == f"<{uri}>", f"{answer.url}: Content-Crs {answer.header('Content-Crs')}"


def _first(view: View) -> str:
    return str(view.items().ok().document["features"][0]["id"])


def _item(view: View, **parameters: str) -> Answer:
    return view.get(f"/collections/{view.id}/items/{_first(view)}", GEOJSON, **parameters)


class TestCrsRequirementClassPrecondition:
    def test_validate_conformance_of_crs_class(self, view: View) -> None:
        """The class is declared; the suite leaves all that follows out where it is not."""
        assert FEATURES_CRS in view.conforms, view.conforms


class TestDiscoveryCollectionCrsUri:
    def test_verify_collection_crs_identifier_of_crs_property(self, view: View) -> None:
        """A1 at /collections/{id}: each CRS is a URI."""
        assert view.collection["crs"]
        for uri in view.collection["crs"]:
            _valid(uri)

    def test_verify_collection_crs_identifier_of_storage_crs(self, view: View) -> None:
        """A1 at /collections/{id}: so is the one that is stored."""
        _valid(view.collection["storageCrs"])


class TestDiscoveryCollectionDefaultCrs:
    def test_verify_collection_crs_identifier_of_crs_property(self, view: View) -> None:
        """A2 at /collections/{id}: the default CRS is listed."""
        _default(view.collection["crs"])


class TestDiscoveryCollectionStorageCrs:
    def test_verify_collection_storage_crs(self, view: View) -> None:
        """A3 at /collections/{id}: what is stored can be asked for."""
        assert view.collection["storageCrs"] in view.crs


class TestDiscoveryCollectionsCrsUri:
    def test_verify_collections_crs_identifier_of_crs_property(self, view: View) -> None:
        """A1 at /collections: the list that all share."""
        for uri in view.collections.get("crs", []):
            _valid(uri)

    def test_verify_collections_crs_identifier_of_storage_crs(self, view: View) -> None:
        """A1 at /collections: a CRS that is stored, if one is told for all."""
        if "storageCrs" in view.collections:
            _valid(view.collections["storageCrs"])

    def test_verify_collections_collection_crs_identifier_of_crs_property(self, view: View) -> None:
        """A1 at /collections: each collection's own; `#/crs` is the shared list."""
        for uri in view.listed["crs"]:
            if uri == "#/crs":
                assert view.collections.get("crs"), "#/crs leads nowhere"
            else:
                _valid(uri)

    def test_verify_collections_collection_crs_identifier_of_storage_crs(self, view: View) -> None:
        """A1 at /collections: each collection's stored one."""
        _valid(view.listed["storageCrs"])


class TestDiscoveryCollectionsDefaultCrs:
    def test_verify_collections_crs_default_crs(self, view: View) -> None:
        """A2 at /collections: the default is in the shared list, and in each collection's."""
        shared = view.collections.get("crs")
        if shared is not None:
            _default(shared)
        own = view.listed["crs"]
        _default([*own, *(shared or [])] if "#/crs" in own else own)


class TestDiscoveryCollectionsStorageCrs:
    def test_verify_collections_storage_crs(self, view: View) -> None:
        """A3 at /collections."""
        assert view.listed["storageCrs"] in view.crs


class TestFeaturesCrsParameter:
    def test_verify_features_crs_parameter(self, view: View) -> None:
        """A4: items in each CRS that is listed, which the header names."""
        for uri in view.crs:
            _content_crs(view.items(crs=uri), uri)


class TestFeatureCrsParameter:
    def test_verify_feature_crs_parameter(self, view: View) -> None:
        """A4: one item in each CRS that is listed."""
        for uri in view.crs:
            _content_crs(_item(view, crs=uri), uri)


class TestFeaturesCrsParameterInvalid:
    def test_verify_features_crs_parameter_invalid(self, view: View) -> None:
        """A5: a CRS that is not listed is refused."""
        view.items(crs=UNSUPPORTED).ok(400)


class TestFeatureCrsParameterInvalid:
    def test_verify_feature_crs_parameter_invalid(self, view: View) -> None:
        """A5 of one item."""
        _item(view, crs=UNSUPPORTED).ok(400)


class TestFeaturesCrsParameterDefault:
    def test_verify_features_crs_parameter_default(self, view: View) -> None:
        """A6: without crs, the default CRS, and the header says so."""
        _content_crs(view.items(), shapes.CRS84)
        features.geometry_in_crs84(view.items())


class TestFeatureCrsParameterDefault:
    def test_verify_feature_crs_parameter_default(self, view: View) -> None:
        """A6 of one item."""
        _content_crs(_item(view), shapes.CRS84)


def _same_place(default: Answer, other: Answer, uri: str) -> None:
    """Each geometry in another CRS is that of the default CRS, transformed by the oracle.

    A place that the CRS has no coordinates for (the other side of the Earth) may have no geometry.
    """
    pages = [a.ok().document for a in (default, other)]
    first, second = ({str(f["id"]): f for f in d.get("features", [d])} for d in pages)
    assert first.keys() == second.keys(), f"{other.url}: other features than in the default CRS"
    moved = shapes.geometries(second.values())
    for key, geometry in shapes.geometries(first.values()).items():
        due = shapes.in_crs(geometry, uri)
        known = np.isfinite(shapely.get_coordinates(due)).all(axis=1)
        if not known.all() and key not in moved:
            continue
        assert key in moved, f"{other.url}: {key} has no geometry"
        assert due.geom_type == moved[key].geom_type, f"{other.url}: {key} is a {moved[key].geom_type}"
        a, b = shapely.get_coordinates(due), shapely.get_coordinates(moved[key])
        assert a.shape == b.shape, f"{other.url}: {key} has {len(b)} of {len(a)} vertices"
        far = np.abs(a[known] - b[known]).max(initial=0.0)
        assert far <= shapes.tolerance(uri), f"{other.url}: {key} lies {far} off; {b[0]} where {a[0]} is due"


class TestFeaturesCrsParameterTransform:
    def test_verify_features_crs_parameter_transform_without_crs_parameter(self, view: View) -> None:
        """A7: the items as they are without crs, in a CRS that is known."""
        answer = view.items()
        _content_crs(answer, shapes.CRS84)
        assert shapes.geometries(answer.document["features"]), "no geometry to compare"

    def test_verify_features_crs_parameter_transform_with_crs_parameter(self, view: View) -> None:
        """A7: the items in each CRS are those of the default, transformed, axes in the order of the authority."""
        for uri in view.crs:
            _same_place(view.items(), view.items(crs=uri), uri)


class TestFeatureCrsParameterTransform:
    def test_verify_feature_crs_parameter_transform_without_crs_parameter(self, view: View) -> None:
        """A7 of one item."""
        answer = _item(view)
        _content_crs(answer, shapes.CRS84)
        assert answer.document["geometry"]

    def test_verify_feature_crs_parameter_transform_with_crs_parameter(self, view: View) -> None:
        """A7 of one item in each CRS."""
        for uri in view.crs:
            _same_place(_item(view), _item(view, crs=uri), uri)


def _same_features(one: Answer, other: Answer) -> None:
    first, second = (sorted(str(f["id"]) for f in a.ok().document["features"]) for a in (one, other))
    assert first == second, f"{other.url}: {len(second)} features where {len(first)} are due"


def _text(bounds: shapes.Box) -> str:
    return ",".join(format(v, ".7f") for v in bounds)


class TestBBoxCrsParameter:
    def test_verify_bbox_crs_parameter(self, view: View) -> None:
        """A8: the extent, its two corners transformed to each CRS, is answered with none but features of the extent.

        As the suite asks it: of each CRS that is listed, meant for the extent or not, with seven decimals, ten
        features. Which features a box selects is asked in `test_beyond_features`.
        """
        default = {str(f["id"]) for f in view.items(bbox=_text(view.extent)).ok().document["features"]}
        faults = []
        for uri in view.crs:
            box = shapes.corners_in(view.extent, uri)
            if box is None:
                continue
            answer = view.items(bbox=_text(box), bbox_crs=uri)
            if answer.status != 200:
                faults.append(f"{uri}: {answer.status} {answer.document.get('description')}")
            elif not {str(f["id"]) for f in answer.document["features"]} <= default:
                faults.append(f"{uri}: other features than in CRS84")
        assert not faults, "\n".join(faults)

    def test_verify_bbox_crs_parameter_with_default_crs(self, view: View) -> None:
        """A8: the default CRS, said, selects what it selects unsaid; a quarter of the extent is some of it."""
        west, south, east, north = view.extent
        for bounds in (view.extent, (west, south, (west + east) / 2, (south + north) / 2)):
            default = view.items(bbox=_text(bounds), limit=view.maximum)
            _same_features(default, view.items(bbox=_text(bounds), bbox_crs=shapes.CRS84, limit=view.maximum))
            features.geometry_in_box(default, bounds)


class TestBBoxCrsParameterInvalid:
    def test_verify_bbox_crs_parameter_invalid(self, view: View) -> None:
        """A9: a CRS that is not listed is refused."""
        view.items(bbox=_text(view.extent), bbox_crs=UNSUPPORTED).ok(400)


class TestBBoxCrsParameterDefault:
    def test_verify_bbox_crs_parameter_default(self, view: View) -> None:
        """A10: without bbox-crs, the box is in the default CRS."""
        answer = view.items(bbox=_text(view.extent))
        _same_features(answer, view.items(bbox=_text(view.extent), bbox_crs=shapes.CRS84))
        _content_crs(answer, shapes.CRS84)


def test_the_oracle_knows_the_order_of_axes() -> None:
    """Latitude first in EPSG:4326, easting first in EPSG:2154: else the transformations above would prove little."""
    brest = shapely.Point(-4.5, 48.4)
    assert shapes.in_crs(brest, "http://www.opengis.net/def/crs/EPSG/0/4326").coords[0] == pytest.approx((48.4, -4.5))
    easting, northing = shapes.in_crs(brest, "http://www.opengis.net/def/crs/EPSG/0/2154").coords[0]
    assert 1e5 < easting < 2e5
    assert 6.8e6 < northing < 6.9e6
