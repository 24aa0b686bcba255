"""What the suite asks of any page of items: the response checks that it repeats for boxes, limits and times."""

from datetime import datetime

import pytest

from . import openapi, shapes
from .http import GEOJSON, Answer, asked
from .view import FEATURES, View, alternates, complete

FEW = 20
"""Geometries that are looked at on a page."""
COUNTED = 4
"""Further pages that are followed to count."""


def operation(answer: Answer) -> None:
    answer.ok()
    assert answer.media == GEOJSON, f"{answer.url}: {answer.media} where {GEOJSON} was accepted"


def geometry_in_crs84(answer: Answer) -> None:
    for key, geometry in list(shapes.geometries(answer.ok().document["features"]).items())[:FEW]:
        assert shapes.in_crs84(geometry), f"{answer.url}: {key} has {geometry.bounds}, no degrees"


def geometry_in_box(answer: Answer, bounds: shapes.Box) -> None:
    area = shapes.polygon(bounds)
    for key, geometry in shapes.geometries(answer.ok().document["features"]).items():
        assert geometry.intersects(area), f"{answer.url}: {key} lies outside"


def type_property(answer: Answer) -> None:
    assert answer.ok().document.get("type") == "FeatureCollection", answer.url


def features_property(answer: Answer) -> None:
    features = answer.ok().document.get("features")
    assert isinstance(features, list), f"{answer.url}: features is no array"
    assert all(f.get("type") == "Feature" for f in features), answer.url


def response_links(view: View, answer: Answer) -> None:
    document = answer.ok().document
    assert FEATURES + "geojson" in view.conforms, "the class geojson is not declared"
    alternates(document, view.encodings(GEOJSON))
    complete(document, "next", "prev", "collection")


def time_stamp(answer: Answer) -> None:
    text = answer.ok().document.get("timeStamp")
    if text is None:
        pytest.skip("timeStamp is optional, and absent")
    stamp = datetime.fromisoformat(text)
    assert stamp.tzinfo is not None, f"timeStamp {text}: no zone"
    assert answer.began <= stamp <= answer.ended, f"timeStamp {text}: not between {answer.began} and {answer.ended}"


def number_matched(view: View, answer: Answer) -> None:
    matched = answer.ok().document.get("numberMatched")
    if matched is None:
        pytest.skip("numberMatched is optional, and absent")
    if matched > view.maximum * (1 + COUNTED):
        pytest.skip(f"{matched} features are too many to count")
    base, _, query = answer.url.partition("?")
    kept = [p for p in query.split("&") if p and not p.startswith("limit=")]
    whole = view.client.get(asked(f"{base}?{'&'.join(kept)}" if kept else base, limit=view.maximum), GEOJSON)
    ids = [f["id"] for page in view.pages(whole, 1 + COUNTED) for f in page["features"]]
    assert len(ids) == len(set(ids)), f"{answer.url}: an id stands on several pages"
    assert len(ids) == matched, f"{answer.url}: numberMatched {matched}, but {len(ids)} were found by next"


def number_returned(answer: Answer) -> None:
    document = answer.ok().document
    if document.get("numberReturned") is None:
        pytest.skip("numberReturned is optional, and absent")
    assert document["numberReturned"] == len(document["features"]), answer.url


def plain_query_parameter(view: View, name: str, kind: str) -> openapi.Document:
    """The schema of a parameter that is an optional one of the query, its style and explode explicit."""
    declared = view.parameter(name)
    said = {k: declared.get(k) for k in ("name", "in", "required", "style", "explode")}
    due = {"name": name, "in": "query", "required": False, "style": "form", "explode": False}
    assert said == due, f"{name}: {said}"
    schema = dict(openapi.resolved(view.api, declared.get("schema") or {}))
    assert schema.get("type") == kind, f"{name}: type {schema.get('type')} where {kind} is due"
    return schema
