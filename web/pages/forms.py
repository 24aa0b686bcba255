"""What a collection's document says that its forms need: queries, formats, first values, places as WKT."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from poles.metadata.ogc import ROWS
from web.pages.shown import flat
from web.pages.wording import QUERIES

Document = Mapping[str, Any]
COVERAGE_FORMATS = ("CoverageJSON", "NetCDF", "GeoTIFF", "CSV")


def queries(collection: Document) -> list[dict[str, Any]]:
    """The queries that a collection answers, each with its name, formats and units."""
    offered = dict(_edr(collection))
    if has_coverage(collection):
        offered["coverage"] = {"formats": COVERAGE_FORMATS}
    if has_items(collection):
        offered["items"] = {"formats": ROWS}
    return [{"name": name, **offered[name]} for name in QUERIES if name in offered]


def _edr(collection: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, query in (collection.get("data_queries") or {}).items():
        variables = (query.get("link") or {}).get("variables") or {}
        formats = variables.get("output_formats") or collection.get("output_formats") or ("CoverageJSON",)
        units = {k: v for k, v in variables.items() if k.endswith("_units")}
        yield name, {"formats": [f for f in formats if f.lower() != "html"], **units}


def has_coverage(collection: Document) -> bool:
    """Whether a link leads to the coverage."""
    return any(_rel(link) == "coverage" for link in collection.get("links") or ())


def has_items(collection: Document) -> bool:
    """Whether the collection has items."""
    linked = any(link.get("rel") == "items" for link in collection.get("links") or ())
    return linked or collection.get("itemType") in ("feature", "record")


def _rel(link: Document) -> str:
    return str(link.get("rel", "")).rsplit("/", 1)[-1].removeprefix("[ogc-rel:").removesuffix("]")


def apis(collection: Document) -> list[str]:
    """The APIs through which a collection is served."""
    found = (("EDR", "data_queries" in collection), ("Coverages", has_coverage(collection)))
    return [name for name, there in (*found, ("Features", has_items(collection))) if there]


def first_time(collection: Document) -> str:
    """One time of the data, so that a first question stays small: the last one listed, else the end or the start."""
    temporal = (collection.get("extent") or {}).get("temporal") or {}
    listed = [t for t in temporal.get("values") or () if "/" not in t]
    interval = (temporal.get("interval") or [[None, None]])[0]
    return str(listed[-1] if listed else interval[-1] or interval[0] or "")


def first_level(vertical: Document) -> str:
    """One level of the data."""
    listed = [v for v in vertical.get("values") or () if "/" not in str(v)]
    return str(listed[0]) if listed else ""


def numbers(bbox: Sequence[float]) -> str:
    """A box as the parameter `bbox`."""
    return ",".join(f"{v:.10g}" for v in bbox)


def centre(bbox: Sequence[float]) -> tuple[float, float]:
    """Longitude and latitude of the middle of a box."""
    west, south, east, north = flat(bbox)
    east += 360 if east < west else 0
    x = (west + east) / 2
    return round(x - 360 if x > 180 else x, 4), round((south + north) / 2, 4)


def sides(bbox: Sequence[float]) -> tuple[float, float]:
    """Width and height of a box in degrees."""
    west, south, east, north = flat(bbox)
    return (east - west + 360 if east < west else east - west), north - south


def centre_wkt(bbox: Sequence[float]) -> str:
    """The middle of a box as a point."""
    x, y = centre(bbox)
    return f"POINT({x:g} {y:g})"


def middle_wkt(bbox: Sequence[float]) -> str:
    """The middle fifth of a box as a polygon; around a point, a thousandth of a degree."""
    (x, y), (dx, dy) = centre(bbox), (max(side / 10, 0.0005) for side in sides(bbox))
    w, e, s, n = (f"{v:.8g}" for v in (x - dx, x + dx, y - dy, y + dy))
    return f"POLYGON(({w} {s},{e} {s},{e} {n},{w} {n},{w} {s}))"


def line_wkt(bbox: Sequence[float]) -> str:
    """The diagonal of the middle of a box."""
    (x, y), (dx, dy) = centre(bbox), (max(side / 4, 0.0005) for side in sides(bbox))
    return f"LINESTRING({x - dx:.8g} {y - dy:.8g},{x + dx:.8g} {y + dy:.8g})"


def condition(collection: Document) -> str:
    """A condition in CQL2 that the collection would take, over its first number, else its first text."""
    described = collection.get("parameter_names") or {}
    numbers_ = [k for k, p in described.items() if p.get("data-type") in ("float", "integer")]
    for key in (*numbers_, *described):
        name = key if key.isascii() and key.isidentifier() else f'"{key}"'
        return f"{name} > 0" if key in numbers_ else f"{name} LIKE 'A%'"
    return ""


def example_body(process: Document) -> Any:
    """A request that a process would take: its own example, else its required inputs."""
    if process.get("example"):
        return process["example"]
    inputs = process.get("inputs") or {}
    needed = {k: v for k, v in inputs.items() if v.get("minOccurs", 1) > 0}
    return {"inputs": {k: example(v.get("schema") or {}) for k, v in needed.items()}}


def example(schema: Document) -> Any:
    """A value that a JSON schema would take."""
    for key in ("example", "default", "const"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    for key in ("oneOf", "anyOf", "allOf"):
        if schema.get(key):
            return example(schema[key][0])
    return {"number": 0, "integer": 0, "boolean": False, "array": [], "object": {}}.get(str(schema.get("type")), "")


FILTERS = {
    "condition": condition,
    "queries": queries,
    "apis": apis,
    "first_time": first_time,
    "first_level": first_level,
    "numbers": numbers,
    "centre_wkt": centre_wkt,
    "middle_wkt": middle_wkt,
    "line_wkt": line_wkt,
    "example_body": example_body,
}
