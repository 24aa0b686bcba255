"""Rows as they are stored: columns that any engine takes, geometries with their bounds, neighbours together."""

from collections.abc import Mapping, Sequence

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from poles.dataset import BBox
from poles.sources.dates import tellable
from poles.stored import Array
from poles.stores.layout import Column, Layout, type_of

_LONGEST = 60
"""Bytes of the name of a column: PostgreSQL cuts it at 63."""
_KEPT = 32_768
"""Rows up to which a table keeps the order of its source: a few row groups are read in any case."""


def columns_of(schema: pa.Schema, taken: Sequence[str] = ("id", "geometry")) -> tuple[Column, ...]:
    """The properties as columns: names that differ by more than case, that fit, and that are none of ours."""
    used, found = {t.casefold() for t in taken}, []
    for number, field in enumerate(schema):
        name = field.name
        plain = name.casefold() not in used and len(name.encode()) <= _LONGEST and "\0" not in name
        stored = name if plain and name and not name.startswith("_") else f"_{number}"
        used.add(stored.casefold())
        found.append(Column(name, stored, type_of(field.type)))
    return tuple(found)


def stored(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A property as an engine keeps it: times in UTC without a zone, NaN as null, lists and objects as JSON texts."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], whole.type)
    kind = whole.type
    if isinstance(kind, pa.BaseExtensionType):
        return stored(whole.storage)
    if pa.types.is_dictionary(kind):
        return stored(whole.dictionary_decode())
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        whole = tellable(whole)
    if pa.types.is_timestamp(kind):
        return whole.cast(pa.timestamp("ms", kind.tz), safe=False).cast(pa.timestamp("ms"))
    if pa.types.is_floating(kind):
        wide = whole.cast(pa.float32()) if pa.types.is_float16(kind) else whole
        return pc.if_else(pc.is_nan(wide), pa.scalar(None, wide.type), wide)
    if pa.types.is_nested(kind):
        return pa.array([None if v is None else orjson.dumps(v, default=str).decode() for v in whole.to_pylist()])
    if pa.types.is_null(kind) or pa.types.is_large_string(kind):
        return whole.cast(pa.string())
    return whole


def answered(schema: pa.Schema) -> pa.Schema:
    """The types of the properties as they are answered: plain texts, times in UTC."""
    return pa.schema([field.with_type(_answered(field.type)) for field in schema])


def _answered(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _answered(kind.value_type)
    if pa.types.is_timestamp(kind):
        return pa.timestamp("ms", "UTC")
    if pa.types.is_null(kind) or pa.types.is_large_string(kind):
        return pa.string()
    return pa.float32() if pa.types.is_float16(kind) else kind


def placed(geometry: pa.Array, shapes: Array) -> tuple[Mapping[str, pa.Array], BBox | None, bool]:
    """The columns of geometries, the bounds of them all, and whether all are points without height.

    Points are two numbers each; others are WKB with the bounds of each, null where a geometry lacks or is empty.
    """
    bounds = shapely.bounds(shapes)
    known = np.isfinite(bounds).all(axis=1)
    whole = None if not known.any() else _around(bounds[known])
    there = shapes[~shapely.is_missing(shapes)]
    flat = bool((shapely.get_type_id(there) == 0).all()) and not bool(shapely.has_z(there).any())
    points = flat and int(known.sum()) == len(there)
    sides = {n: pa.array(c, mask=~known) for n, c in zip(Layout.box or (), bounds.T, strict=True)}
    if points:
        return {Layout.x: sides["_west"], Layout.y: sides["_south"]}, whole, True
    return {"geometry": geometry, **sides}, whole, False


def is_sound(shapes: Array) -> bool:
    """Whether engines can compare all geometries as they are: each valid, none a collection."""
    there = shapes[~shapely.is_missing(shapes)]
    return bool(shapely.is_valid(there).all() and not (shapely.get_type_id(there) == 7).any())


def _around(bounds: Array) -> BBox:
    west, south = bounds[:, :2].min(axis=0).tolist()
    east, north = bounds[:, 2:].max(axis=0).tolist()
    return west, south, east, north


def neighbours(bounds: Array) -> Array | None:
    """An order of rows in which those near each other lie together; None: they stay as they are."""
    if len(bounds) <= _KEPT:
        return None
    centres = (bounds[:, :2] + bounds[:, 2:]) / 2
    known = np.isfinite(centres).all(axis=1)
    low = centres[known].min(axis=0, initial=np.inf)
    size = np.maximum(centres[known].max(axis=0, initial=-np.inf) - low, 1e-12)
    steps = np.where(known[:, None], (centres - low) / size, 1.0) * (2**16 - 1)
    x, y = steps.astype(np.int64).T
    return np.argsort(_hilbert(x, y), kind="stable")


def _hilbert(x: Array, y: Array) -> Array:
    """The distance along a Hilbert curve of order 16 (Warren, Hacker's Delight, 2nd ed., 16-3)."""
    x, y, distance = x.copy(), y.copy(), np.zeros(len(x), np.int64)
    for bit in range(15, -1, -1):
        side = 1 << bit
        right, up = (x & side) > 0, (y & side) > 0
        distance += side * side * ((3 * right) ^ up)
        flip = right & ~up
        x = np.where(flip, side - 1 - (x & (side - 1)), x & (side - 1))
        y = np.where(flip, side - 1 - (y & (side - 1)), y & (side - 1))
        x, y = np.where(up, x, y), np.where(up, y, x)
    return distance
