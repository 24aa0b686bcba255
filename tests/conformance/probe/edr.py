"""EDR queries as the suite writes them: unencoded, a plus sign between coordinates, in the middle of the extent."""

import itertools
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

import pytest

from . import openapi
from .http import Answer
from .view import View

QUERIES = ("position", "area", "trajectory", "corridor", "cube", "locations")
LENS = 1.0
"""Degrees from the middle of the extent to a side of the lens."""
KNOWN_CRS = ("CRS:84", "CRS84", "EPSG:4326")


def offered(view: View, query: str) -> dict[str, Any]:
    """The link of a query; skipped where the collection does not offer it."""
    queries = view.collection.get("data_queries")
    assert queries, "no data_queries"
    if query not in queries:
        pytest.skip(f"{query} is not offered")
    return dict(queries[query]["link"])


def middle(view: View) -> tuple[float, float]:
    """The middle of the extent."""
    west, south, east, north = view.extent
    return west + (east - west) / 2, south + (north - south) / 2


def coords(view: View, query: str) -> str:
    """The WKT of a query, as the suite builds it."""
    x, y = middle(view)
    a, b, c, d = x - LENS, y - LENS, x + LENS, y + LENS
    match query:
        case "position":
            return f"POINT({x}+{y})"
        case "area":
            return f"POLYGON(({a}+{b},{a}+{d},{c}+{d},{c}+{b},{a}+{b}))"
        case _:
            return f"LINESTRING({a}+{b},{a}+{d},{c}+{d},{c}+{b})"


def crs(view: View) -> str:
    """The entry of the CRS list that the suite understands."""
    listed = view.collection["crs"]
    known = [c for c in listed if c in KNOWN_CRS or "www.opengis.net/def/crs/OGC/1.3/CRS84" in c]
    assert known, f"crs {listed}: none that the suite knows"
    return str(known[-1])


def output_format(link: dict[str, Any]) -> str:
    """What the suite sends as `f`: the last entry that has CoverageJSON in it, else GeoJSON."""
    listed = link["variables"]["output_formats"]
    fit = [f for f in listed if "CoverageJSON" in f] or [f for f in listed if f == "GeoJSON"]
    assert fit, f"output_formats {listed}: neither CoverageJSON nor GeoJSON"
    return str(fit[-1])


def asked(view: View, query: str, more: str = "") -> Answer:
    """The answer to the suite's template, which takes for granted that the collection has an interval."""
    link = offered(view, query)
    first = next(iter(view.collection["parameter_names"]))
    assert view.interval is not None, f"{view.id}: no interval"
    begin, end = view.interval
    target = (
        f"parameter-name={quote_plus(first)}&coords={coords(view, query)}{more}&crs={crs(view)}"
        f"&f={output_format(link)}&datetime={begin}/{end}"
    )
    return view.client.get(f"{view.base}/collections/{view.id}/{query}?{target}", "*/*")


def values(answer: Answer) -> None:
    """A coverage or a feature within the first ten lines of a 200."""
    head = b"\n".join(answer.ok().body.split(b"\n")[:10])
    assert b"Coverage" in head or b"Feature" in head, f"{answer.url}: {head[:200]!r}"


def places(view: View) -> Iterator[tuple[float, float]]:
    """Where cells or observations are: x and y of every place in the whole of the collection."""
    box = ",".join(map(str, view.extent))
    whole = view.get(f"/collections/{view.id}/cube", "*/*", bbox=box, f="CoverageJSON").ok().document
    for coverage in whole.get("coverages", [whole]):
        axes = coverage["domain"]["axes"]
        if "composite" in axes:
            names = axes["composite"]["coordinates"]
            yield from ((p[names.index("x")], p[names.index("y")]) for p in axes["composite"]["values"])
        else:
            yield from itertools.product(along(axes["x"]), along(axes["y"]))


def along(axis: dict[str, Any]) -> list[float]:
    """The values of an axis, listed or regular."""
    if "values" in axis:
        return list(axis["values"])
    step = (axis["stop"] - axis["start"]) / max(axis["num"] - 1, 1)
    return [axis["start"] + step * i for i in range(axis["num"])]


def path(view: View, query: str) -> str:
    """The path of a query in the OpenAPI document: the last whose name ends so, as the suite reads it."""
    offered(view, query)
    paths = [p for p in view.api["paths"] if p.endswith(f"/{query}")]
    assert paths, f"{query}: no path of the OpenAPI document"
    return str(paths[-1])


def required(view: View, query: str, name: str, *kinds: str) -> None:
    """A parameter that must be declared: in the query, required, explode said, of some type."""
    declared = openapi.parameter(view.api, path(view, query), name)
    assert declared is not None, f"{query}: {name} is not declared"
    assert declared.get("in") == "query", f"{query}: {name}"
    assert declared.get("required") is True, f"{query}: {name} is not required"
    assert declared.get("explode") is False, f"{query}: explode of {name}"
    schema = openapi.resolved(view.api, declared["schema"])
    types = {s.get("type", schema.get("type")) for s in schema.get("oneOf", [schema])}
    assert types <= set(kinds), f"{query}: {name} is of type {types}"


def optional(view: View, query: str, name: str) -> None:
    """A parameter that, if declared, is optional, form and explode false said."""
    declared = openapi.parameter(view.api, path(view, query), name)
    if declared is None:
        return
    said = {k: declared.get(k) for k in ("in", "required", "style", "explode")}
    assert said == {"in": "query", "required": False, "style": "form", "explode": False}, f"{query}: {name}: {said}"


def always(view: View, query: str, name: str) -> None:
    """A parameter of every query: declared, and optional."""
    assert openapi.parameter(view.api, path(view, query), name) is not None, f"{query}: {name} is not declared"
    optional(view, query, name)


def demanded(view: View, query: str, name: str) -> None:
    """A parameter that the suite wants required wherever it is declared, against the standard; absent is right."""
    declared = openapi.parameter(view.api, path(view, query), name)
    if declared is not None:
        assert declared.get("required") is True, f"{query}: {name} is declared, and not required"
