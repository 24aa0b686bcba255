"""Rows as GeoJSON features, batch by batch."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from poles.coverage import Table
from poles.crs import crs as crs_of
from poles.encodings import positions, wkb
from poles.encodings.columns import as_json, json_parts
from poles.encodings.format import Context
from poles.encodings.kernels import joined
from poles.encodings.tables import geometry, pieces, properties
from poles.query import CRS84

_FEW = 64
"""Rows up to which each is written by itself: so small a page costs less that way than by columns."""
_PLAIN = (pa.string(), pa.int64(), pa.float64(), pa.bool_())
Columns = dict[str, list[pa.Array | str]]
"""The parts of the texts of each property."""


def features(table: Table, context: Context, before: str = "", after: str = "") -> Iterator[pa.Array]:
    """Features as JSON texts, each between two further texts; a column has one at least."""
    names, swapped = properties(table), _is_northing_first(table.crs)
    for batch in pieces(table):
        if batch.num_rows <= _FEW and not table.locations:
            yield pa.array([before + t + after for t in _one_by_one(batch, names, geometry(table), swapped)])
            continue
        identifier = ['"id":', *json_parts(batch.column("id")), ","] if "id" in table.schema.names else []
        columns = {n: json_parts(batch.column(n)) for n in names}
        if table.locations:
            columns = _of_locations(columns, batch, context)
        held = [p for i, (n, texts) in enumerate(columns.items()) for p in (_member(n, i), *texts)]
        opening, middle = [before + '{"type":"Feature",', *identifier, '"geometry":'], [',"properties":{']
        parts = [*opening, *_geometries(batch, geometry(table), swapped), *middle, *held, "}}" + after]
        yield joined(merged(parts, batch.num_rows), "null")


def _one_by_one(batch: pa.RecordBatch, names: Sequence[str], geometry: str | None, swapped: bool) -> Iterator[str]:
    """The same texts, row by row: a function over a column costs as much as thirty values of it."""
    columns = {"id": batch.column("id").to_pylist()} if "id" in batch.schema.names else {}
    columns["geometry"] = [None] * batch.num_rows if geometry is None else _shapes(batch, geometry, swapped)
    values = zip(*(_values(batch.column(n)) for n in names), strict=True) if names else [()] * batch.num_rows
    for own, row in zip(zip(*columns.values(), strict=True), values, strict=True):
        feature = {
            "type": "Feature",
            **dict(zip(columns, own, strict=True)),
            "properties": dict(zip(names, row, strict=True)),
        }
        yield plain_json(feature)


def _values(column: pa.Array) -> Sequence[Any]:
    """Values that JSON writes as the columns do, or their texts."""
    if column.type in _PLAIN:
        found: Sequence[Any] = column.to_pylist()
        return found
    return _ready(as_json(column))


def _shapes(batch: pa.RecordBatch, name: str, swapped: bool) -> Sequence[Any]:
    places = wkb.points(batch.column(name))
    if places is not None and not swapped and np.isfinite(places).all():
        return [{"type": "Point", "coordinates": p} for p in places.tolist()]
    return _ready(joined(_geometries(batch, name, swapped), None))


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
