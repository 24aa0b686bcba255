"""Rows as GeoJSON features, batch by batch."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from poles.coverage import FEW, Table
from poles.crs import crs as crs_of
from poles.encodings import positions, small
from poles.encodings.columns import as_json, json_parts
from poles.encodings.format import Context, Piece
from poles.encodings.kernels import document, joined
from poles.encodings.small import Feature
from poles.encodings.tables import geometry, pieces, properties
from poles.query import CRS84

Columns = dict[str, list[pa.Array | str]]
"""The parts of the texts of each property."""


def features(table: Table, context: Context, before: str = "", after: str = "") -> Iterator[tuple[Piece, int]]:
    """Features as JSON, each between two further texts, and how many they are: one at least."""
    shape, swapped = geometry(table), _is_northing_first(table.crs)
    few = table.few()
    if few is not None:
        yield from _each(small.of_values(few, table.schema.types, shape, swapped), before, after)
        return
    for batch in pieces(table):
        if batch.num_rows <= FEW and not table.locations:
            yield from _each(small.of_batch(batch, shape, swapped), before, after)
        else:
            yield document(_column(batch, table, context, swapped, before, after)), batch.num_rows


def _each(rows: Iterator[Feature], before: str, after: str) -> Iterator[tuple[bytes, int]]:
    texts = [orjson.dumps(row) for row in rows]
    if texts:
        yield before.encode() + (after + before).encode().join(texts) + after.encode(), len(texts)


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
