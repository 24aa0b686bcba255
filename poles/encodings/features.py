"""Rows as GeoJSON features, batch by batch."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any
from urllib.parse import quote

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from poles.coverage import Few, Table
from poles.crs import crs as crs_of
from poles.encodings import positions, wkb
from poles.encodings.columns import as_json, instants, json_parts
from poles.encodings.format import Context, Piece
from poles.encodings.kernels import document, joined
from poles.encodings.tables import geometry, pieces, properties
from poles.query import CRS84

_FEW = 64
"""Rows up to which each is written by itself: so small a page costs less that way than by columns."""
_PLAIN = frozenset(t.id for t in (pa.string(), pa.int64(), pa.float64(), pa.bool_()))
"""Types whose values JSON writes as the columns do."""
Columns = dict[str, list[pa.Array | str]]
"""The parts of the texts of each property."""


def features(table: Table, context: Context, before: str = "", after: str = "") -> Iterator[tuple[Piece, int]]:
    """Features as JSON, each between two further texts, and how many they are: one at least."""
    shape, swapped = geometry(table), _is_northing_first(table.crs)
    few = None if table.few is None else table.few()
    if few is not None:
        yield from _each(_of_values(few, table.schema.types, shape, swapped), before, after)
        return
    for batch in pieces(table):
        if batch.num_rows <= _FEW and not table.locations:
            yield from _each(_of_batch(batch, shape, swapped), before, after)
        else:
            yield document(_column(batch, table, context, swapped, before, after)), batch.num_rows


def _column(batch: pa.RecordBatch, table: Table, context: Context, swapped: bool, before: str, after: str) -> pa.Array:
    """The texts of many features: no value is an object on its way."""
    identifier = ['"id":', *json_parts(batch.column("id")), ","] if "id" in table.schema.names else []
    columns = {n: json_parts(batch.column(n)) for n in properties(table)}
    if table.locations:
        columns = _of_locations(columns, batch, context)
    held = [p for i, (n, texts) in enumerate(columns.items()) for p in (_member(n, i), *texts)]
    opening, middle = [before + '{"type":"Feature",', *identifier, '"geometry":'], [',"properties":{']
    parts = [*opening, *_geometries(batch, geometry(table), swapped), *middle, *held, "}}" + after]
    return joined(merged(parts, batch.num_rows), "null")


# --- row by row: a function over a column costs as much as thirty values of it ---------------------------------------


def _each(rows: Iterator[dict[str, Any]], before: str, after: str) -> Iterator[tuple[bytes, int]]:
    texts = [orjson.dumps(row) for row in rows]
    if texts:
        between = (after + before).encode()
        yield before.encode() + between.join(texts) + after.encode(), len(texts)


def _of_values(few: Few, kinds: Sequence[pa.DataType], shape: str | None, swapped: bool) -> Iterator[dict[str, Any]]:
    """Features of a small page, whose columns are of some types."""

    def written(name: str, values: Sequence[Any], kind: pa.DataType) -> Sequence[Any]:
        if name != shape:
            return _written(values, kind)
        return _places(values, swapped) if few.places else _shapes(pa.array(values, pa.binary()), swapped)

    columns = zip(few.columns.items(), kinds, strict=True)
    return _one_by_one({n: written(n, v, k) for (n, v), k in columns}, shape)


def _of_batch(batch: pa.RecordBatch, shape: str | None, swapped: bool) -> Iterator[dict[str, Any]]:
    """The same of a batch of few rows."""
    named = zip(batch.schema.names, batch.columns, strict=True)
    return _one_by_one({n: _shapes(c, swapped) if n == shape else _values(c) for n, c in named}, shape)


def _one_by_one(columns: Mapping[str, Sequence[Any]], shape: str | None) -> Iterator[dict[str, Any]]:
    """Features of columns of values, as orjson takes them."""
    names = [n for n in columns if n not in ("id", shape)]
    count = len(next(iter(columns.values())))
    shapes = repeat(None, count) if shape is None else columns[shape]
    rows = zip(*(columns[n] for n in names), strict=True) if names else repeat((), count)
    heads = [{"id": i} for i in columns["id"]] if "id" in columns else repeat({}, count)
    for head, geometry_, row in zip(heads, shapes, rows, strict=True):
        properties_ = dict(zip(names, row, strict=True))
        yield {"type": "Feature", **head, "geometry": geometry_, "properties": properties_}


def _values(column: pa.Array) -> Sequence[Any]:
    """Values that JSON writes as the columns do, or their texts."""
    if column.type.id in _PLAIN:
        found: Sequence[Any] = column.to_pylist()
        return found
    return _ready(as_json(column))


def _written(values: Sequence[Any], kind: pa.DataType) -> Sequence[Any]:
    """The same of values as Python has them."""
    if kind.id in _PLAIN:
        return values
    return instants(values) if pa.types.is_timestamp(kind) else _ready(as_json(pa.array(values, kind)))


def _shapes(wkb_: pa.Array, swapped: bool) -> Sequence[Any]:
    places = wkb.points(wkb_)
    if places is not None and np.isfinite(places).all():
        return _places(places.tolist(), swapped)
    return _ready(joined(positions.texts(wkb_, positions.GEOJSON, swapped), None))


def _places(places: Sequence[Sequence[float] | None], swapped: bool) -> Sequence[Any]:
    """Points; None where there is no place. `swapped`: y before x."""
    at = [p and (p[1], p[0], *p[2:]) for p in places] if swapped else places
    return [p and {"type": "Point", "coordinates": p} for p in at]


def _ready(texts: pa.Array) -> Sequence[Any]:
    return [None if t is None else orjson.Fragment(t) for t in texts.to_pylist()]


def merged(parts: Sequence[pa.Array | str], count: int) -> list[pa.Array | str]:
    """Constant texts that follow each other made one; a row of constants alone is repeated."""
    found: list[pa.Array | str] = []
    for part in parts:
        if found and isinstance(part, str) and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return found if len(found) > 1 else [pa.repeat(found[0], count)]


def plain_json(value: Any) -> str:
    """One value as JSON."""
    return orjson.dumps(value).decode()


def _member(name: str, number: int) -> str:
    return ("," if number else "") + plain_json(name) + ":"


def _geometries(batch: pa.RecordBatch, name: str | None, swapped: bool) -> list[pa.Array | str]:
    return ["null"] if name is None else positions.texts(batch.column(name), positions.GEOJSON, swapped)


def _is_northing_first(crs: str) -> bool:
    """Whether the authority of the CRS puts north before east: coordinates then stand in that order."""
    if crs == CRS84 or not crs.startswith("http"):
        return False
    return [a.direction for a in crs_of(crs).axis_info[:2]] == ["north", "east"]


def _of_locations(columns: Columns, batch: pa.RecordBatch, context: Context) -> Columns:
    """The properties that EDR GeoJSON demands of a location: label, period, and where its data are."""
    ids = batch.column("id")
    here = next((k["href"] for k in context.links if k.get("rel") == "self"), context.url or "").split("?")[0]
    addresses = pa.array([f"{here}/{quote(i, safe='')}" for i in ids.to_pylist()], pa.string())
    named = batch.column("name") if "name" in batch.schema.names else ids
    told = {"label": json_parts(pc.coalesce(named, ids)), "edrqueryendpoint": json_parts(addresses)}
    if "datetime" not in columns:
        return {**told, **columns}
    return {**told, **columns, "datetime": [pc.fill_null(as_json(batch.column("datetime")), '"../.."')]}
