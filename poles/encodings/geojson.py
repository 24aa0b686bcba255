"""GeoJSON: a feature a row of a table, or a cell, level and step of a coverage (EDR GeoJSON). Streamed in batches."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from poles.coverage import Answer, Coverage, Coverages, Table
from poles.crs import crs as crs_of
from poles.encodings.arrays import scattered
from poles.encodings.columns import as_json, document, joined
from poles.encodings.described import short_parameter
from poles.encodings.format import Context, gathered
from poles.encodings.rows import apart, coordinates, rows
from poles.query import CRS84

_ROWS = 10_240
_BYTES = 32 << 20


def carries(answer: Answer) -> str | None:
    """GeoJSON carries every answer."""
    return None


def write(answer: Answer, context: Context) -> Iterator[bytes]:
    """The document in pieces; memory is bounded by a batch."""
    if isinstance(answer, Coverages):
        return gathered(_coverages(answer, context))
    if answer.single:
        return gathered(_single(answer, context))
    return gathered(_collection(answer, context))


def _features(batches: Iterator[pa.Array], count: list[int]) -> Iterator[bytes]:
    """Features parted by commas; how many there were is left in `count`."""
    for features in batches:
        if len(features):
            yield (b"," if count[0] else b"") + document(features, ",")
            count[0] += len(features)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


# --- tables --------------------------------------------------------------------------------------------------------


def _collection(table: Table, context: Context) -> Iterator[bytes]:
    count = [0]
    yield b'{"type":"FeatureCollection","features":['
    yield from _features(_rows(table, context), count)
    yield b"]"
    if table.parameters and table.locations:
        yield b',"parameters":' + _parameters(table.parameters.values(), context)
    if table.matched is not None:
        yield b',"numberMatched":%d' % table.matched
    yield b',"numberReturned":%d' % count[0]
    yield b',"timeStamp":"%b","links":%b}' % (context.stamp.encode(), orjson.dumps([dict(k) for k in context.links]))


def _single(table: Table, context: Context) -> Iterator[bytes]:
    """The one row as a Feature, its links inside."""
    for features in _rows(table, context):
        if len(features):
            links = orjson.dumps([dict(k) for k in context.links])
            yield features[0].as_py()[:-1].encode() + b',"links":' + links + b"}"
            return
    raise ValueError("a single row was promised, and there is none")


def _rows(table: Table, context: Context) -> Iterator[pa.Array]:
    """Features as JSON texts, batch by batch."""
    names = [n for n in table.schema.names if n not in ("id", table.geometry)]
    swapped = _is_northing_first(table.crs)
    for batch in (piece for b in table.batches() for piece in _pieces(b)):
        identifier = ['"id":', as_json(batch.column("id")), ","] if "id" in table.schema.names else []
        geometry = _geometries(batch, table.geometry, swapped)
        columns = {n: as_json(batch.column(n)) for n in names}
        if table.locations:
            columns = _of_locations(columns, batch, context)
        properties = [p for i, (n, texts) in enumerate(columns.items()) for p in (_member(n, i), texts)]
        opening, middle = ['{"type":"Feature",', *identifier, '"geometry":'], [',"properties":{']
        yield joined(_merged([*opening, geometry, *middle, *properties, "}}"], batch.num_rows), "null")


def _of_locations(columns: dict[str, pa.Array], batch: pa.RecordBatch, context: Context) -> dict[str, pa.Array]:
    """The properties that EDR GeoJSON demands of a location: label, period, and where its data are."""
    ids = batch.column("id")
    here = next((k["href"] for k in context.links if k.get("rel") == "self"), context.url or "").split("?")[0]
    addresses = pa.array([f"{here}/{quote(i, safe='')}" for i in ids.to_pylist()], pa.string())
    named = batch.column("name") if "name" in batch.schema.names else ids
    told = {"label": as_json(pc.coalesce(named, ids)), "edrqueryendpoint": as_json(addresses)}
    period = {"datetime": pc.fill_null(columns["datetime"], '"../.."')} if "datetime" in columns else {}
    return {**told, **columns, **period}


def _member(name: str, number: int) -> str:
    return ("," if number else "") + _json(name) + ":"


def _merged(parts: Sequence[pa.Array | str], count: int) -> list[pa.Array | str]:
    """Constant texts that follow each other made one; a row of constants alone is repeated."""
    found: list[pa.Array | str] = []
    for part in parts:
        if found and isinstance(part, str) and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return found if len(found) > 1 else [pa.repeat(found[0], count)]


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in pieces that make no text too long."""
    rows_ = max(1, min(_ROWS, _BYTES * max(1, batch.num_rows) // max(1, batch.nbytes)))
    for start in range(0, batch.num_rows, rows_):
        yield batch.slice(start, rows_)


def _is_northing_first(crs: str) -> bool:
    """Whether the authority of the CRS puts north before east: coordinates then stand in that order."""
    if crs == CRS84 or not crs.startswith("http"):
        return False
    return [a.direction for a in crs_of(crs).axis_info[:2]] == ["north", "east"]


def _geometries(batch: pa.RecordBatch, name: str | None, swapped: bool) -> pa.Array | str:
    if name is None or name not in batch.schema.names:
        return "null"
    geometry = shapely.from_wkb(batch.column(name).to_numpy(zero_copy_only=False))
    if swapped:
        geometry = shapely.transform(
            geometry, lambda c: c[:, [1, 0, *range(2, c.shape[1])]], include_z=bool(shapely.has_z(geometry).any())
        )
    kinds = shapely.get_type_id(geometry)
    if (kinds == 0).all() and not shapely.has_z(geometry).any() and not shapely.is_empty(geometry).any():
        return _points(as_json(pa.array(shapely.get_x(geometry))), as_json(pa.array(shapely.get_y(geometry))))
    return pa.array(shapely.to_geojson(geometry), pa.string())


def _points(x: pa.Array, y: pa.Array, z: pa.Array | None = None) -> pa.Array:
    """Point geometries; a place that is not known is null."""
    level = [] if z is None else [pc.if_else(pc.is_valid(z), joined([",", z], ""), "")]
    return joined(['{"type":"Point","coordinates":[', x, ",", y, *level, "]}"], None)


# --- coverages -----------------------------------------------------------------------------------------------------


def _coverages(answer: Coverages, context: Context) -> Iterator[bytes]:
    """EDR GeoJSON: what `parameters` describes stands in the properties, by key."""
    described = {key: d for c in answer.members for key, d in c.parameters.items()}
    count = [0]
    yield b'{"type":"FeatureCollection","parameters":' + _parameters(described.values(), context) + b',"features":['
    for number, coverage in enumerate(answer.members, 1):
        label = coverage.id or (str(number) if len(answer.members) > 1 else None)
        yield from _features(_cells(scattered(coverage), label, answer, context), count)
    yield b'],"numberReturned":%d' % count[0]
    yield b',"timeStamp":"%b","links":%b}' % (context.stamp.encode(), orjson.dumps([dict(k) for k in context.links]))


def _parameters(described: Any, context: Context) -> bytes:
    return orjson.dumps([short_parameter(d, context.language) for d in described])


def _cells(coverage: Coverage, label: str | None, answer: Coverages, context: Context) -> Iterator[pa.Array]:
    """Features as JSON texts: a point each, its time, level and other steps and its values as properties.

    A parameter keeps its key; what else bears that name gives way.
    """
    keys = tuple(coverage.ranges)
    constant = {
        "label": label or answer.dataset.title.in_(context.language),
        "parameter-name": list(keys),
        "edrqueryendpoint": context.url or "",
    }
    timeless = [] if "t" in coordinates(coverage) else ['"datetime":"../..",']
    fixed = _json({k: v for k, v in constant.items() if k not in keys})[1:-1]
    for at, values in rows(coverage, as_json):
        points = _points(at.pop("x"), at.pop("y"), at.get("z"))
        called = apart(["datetime" if n == "t" else n for n in at], keys)
        varying = [*zip(called, at.values(), strict=True), *values.items()]
        members = [p for name, texts in varying for p in (_json(name) + ":", texts, ",")]
        opening = ['{"type":"Feature","geometry":', points, ',"properties":{', *timeless]
        yield joined(_merged([*opening, *members, fixed, "}}"], len(points)), "null")
