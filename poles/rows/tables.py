"""Rows of a table that a question asks: conditions in space, time and properties, order, pages, batches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyproj import CRS

from poles import times
from poles.crs import crs as crs_of
from poles.crs import in_degrees, transform
from poles.dataset import BBox
from poles.errors import Invalid
from poles.query import Box, Everywhere, Interval, Page, Query, Where, Within
from poles.stored import Array

BATCH = 10_240
"""Rows of one batch."""

Columns = Callable[[str], pa.ChunkedArray | None]
"""The column of a property; None where there is no such property."""


# --- space -----------------------------------------------------------------------------------------------------------


def crs_in(query: Query, native: CRS) -> CRS:
    """The CRS of the coordinates in the question."""
    return native if query.crs == "native" else crs_of(query.crs)


def points_inside(where: Where, x: Array, y: Array, native: CRS, asked: CRS) -> Array | None:
    """Which points lie in a box or polygon of the CRS `asked`, edges included; None: everywhere was asked."""
    if isinstance(where, Everywhere):
        return None
    if not isinstance(where, Box | Within):
        raise Invalid("query", f"{type(where).__name__} is not asked of rows", "ask a bbox or an area")
    x, y = transform(x, y, native, asked)
    found = np.zeros(len(x), bool)
    for turn in (0.0, -360.0, 360.0) if in_degrees(asked) else (0.0,):
        found |= _in_box(where, x + turn, y) if isinstance(where, Box) else _in_polygon(where, x + turn, y)
    return found


def _in_box(box: Box, x: Array, y: Array) -> Array:
    east = box.east + 360 if box.east < box.west else box.east
    return (x >= box.west) & (x <= east) & (y >= box.south) & (y <= box.north)


def _in_polygon(where: Within, x: Array, y: Array) -> Array:
    west, south, east, north = where.polygon.bounds
    found = (x >= west) & (x <= east) & (y >= south) & (y <= north)
    if found.any():
        shapely.prepare(where.polygon)
        near = np.flatnonzero(found)
        found[near] = shapely.intersects_xy(where.polygon, x[near], y[near])
    return found


def bbox_of(west: Array, south: Array, east: Array, north: Array) -> BBox | None:
    """The box in CRS84 around boxes of one row each, across 180 degrees where half the Earth then holds them all."""
    known = np.isfinite(west) & np.isfinite(south) & np.isfinite(east) & np.isfinite(north)
    if not known.any():
        return None
    west, east = west[known], east[known]
    left, right = _around(west, np.where(east < west, east + 360, east))
    return left, float(south[known].min()), right, float(north[known].max())


def _around(west: Array, east: Array) -> tuple[float, float]:
    """The shortest arc that holds all arcs: what is left of the circle by the widest gap between them."""
    plain = float(west.min()), float(east.max())
    if plain[1] - plain[0] <= 180 and plain[0] >= -180 and plain[1] <= 180:
        return plain
    order = np.argsort(west)
    start, reach = west[order], np.maximum.accumulate(east[order])
    gaps = np.append(start[1:], start[0] + 360) - reach
    widest = int(np.argmax(gaps))
    if widest == len(gaps) - 1 and gaps[widest] > 0 and plain[0] >= -180:
        return plain[0], plain[1] - 360 if plain[1] > 180 else plain[1]
    if gaps[widest] < 180:
        return max(plain[0], -180.0), min(plain[1], 180.0)
    left, right = float(start[widest + 1]), float(reach[widest])
    return left, right - 360 if right > 180 else right


def point_wkb(x: Array, y: Array) -> pa.Array:
    """Points as WKB; null where a coordinate is missing."""
    record = np.zeros(len(x), np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")]))
    record["order"], record["type"], record["x"], record["y"] = 1, 1, x, y
    fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(record.itemsize), len(x), [None, pa.py_buffer(record)])
    binary = pc.cast(fixed, pa.binary())
    lacking = ~(np.isfinite(x) & np.isfinite(y))
    return pc.if_else(pa.array(~lacking), binary, pa.scalar(None, pa.binary())) if lacking.any() else binary


# --- time ------------------------------------------------------------------------------------------------------------


def in_time(when: Sequence[Interval] | None, start: Array, end: Array | None = None) -> Array | None:
    """Which rows overlap one of the intervals; rows without a time always do. None: every time was asked.

    `start` and `end` are milliseconds; a missing start or end of a row that has the other is open.
    """
    if when is None:
        return None
    first = start if end is None else np.where(start == times.MISSING, times.EARLIEST, start)
    last = first if end is None else np.where(end == times.MISSING, times.LATEST, end)
    found = start == times.MISSING if end is None else np.zeros(len(start), bool)
    for interval in when:
        low, high = times.bind(interval, "standard")
        if low <= high:
            found = found | ((first <= high) & (last >= low))
    return found


# --- properties ------------------------------------------------------------------------------------------------------


def matching(tree: Mapping[str, Any] | None, columns: Columns, rows: int) -> Array | None:
    """Which rows a CQL2 JSON tree of `=` and `and` lets through; None: there is no filter."""
    if tree is None:
        return None
    operator, arguments = str(tree.get("op", "")).lower(), tree.get("args")
    if not isinstance(arguments, Sequence) or isinstance(arguments, str):
        raise _not_understood(tree)
    match operator:
        case "and":
            found = np.ones(rows, bool)
            for argument in arguments:
                if not isinstance(argument, Mapping):
                    raise _not_understood(argument)
                part = matching(argument, columns, rows)
                found = found if part is None else found & part
            return found
        case "=" if len(arguments) == 2:
            return _equal(arguments[0], arguments[1], columns)
        case _:
            raise _not_understood(tree)


def _not_understood(tree: Any) -> Invalid:
    shown = tree.get("op") if isinstance(tree, Mapping) else tree
    return Invalid("filter", f"{str(shown)[:60]!r} is not understood", "use `property = value` joined by `and`")


def _equal(left: Any, right: Any, columns: Columns) -> Array:
    if not (isinstance(left, Mapping) and "property" in left):
        left, right = right, left
    if not (isinstance(left, Mapping) and isinstance(left.get("property"), str)):
        raise Invalid("filter", "an = without a property", "write property = value")
    column = columns(left["property"])
    if column is None:
        raise Invalid("filter", f"{left['property']} is not there", "name a property of the items")
    found = _compared(column, right, left["property"])
    return np.asarray(pc.fill_null(found, False).combine_chunks() if isinstance(found, pa.ChunkedArray) else found)


def _compared(column: pa.ChunkedArray, value: Any, name: str) -> Any:
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return _dated(column, value, name)
    if isinstance(value, Mapping) or value is None:
        raise Invalid(name, f"{value} is not what it holds", "give a number or a text")
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pc.equal(column, str(value))
    try:
        return pc.equal(column, _scalar(value))
    except (ValueError, pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise Invalid(name, f"{str(value)[:60]!r} cannot be compared with it", "give a value of its type") from None


def _scalar(value: Any) -> pa.Scalar:
    """A number as Arrow has it: a whole one beyond 64 bits is a float."""
    if isinstance(value, str) or (isinstance(value, int) and not -(2**63) <= value < 2**63):
        return pa.scalar(float(value))
    return pa.scalar(value)


def _dated(column: pa.ChunkedArray, value: Any, name: str) -> Any:
    text = (
        value
        if isinstance(value, str)
        else isinstance(value, Mapping) and (value.get("timestamp") or value.get("date"))
    )
    if not isinstance(text, str):
        raise Invalid(name, f"{value} is no date", "give 2020-01-31 or 2020-01-31T12:00:00Z")
    moment = times.moment(text)
    low, high = times.bind(Interval(moment, moment), "standard")
    return pc.and_(
        *(compare(milliseconds_of(column), end) for compare, end in ((pc.greater_equal, low), (pc.less_equal, high)))
    )


def milliseconds_of(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """A column of times or dates as int64 milliseconds."""
    return pc.cast(pc.cast(column, pa.timestamp("ms"), safe=False), pa.int64())


def as_milliseconds(column: pa.ChunkedArray | pa.Array) -> Array:
    """Times or dates as numpy milliseconds, `times.MISSING` where null."""
    ms = pc.fill_null(milliseconds_of(column), times.MISSING)
    return np.asarray(ms.combine_chunks() if isinstance(ms, pa.ChunkedArray) else ms)


# --- order and pages -------------------------------------------------------------------------------------------------


def every(masks: Sequence[Array | None], rows: int) -> Array:
    """Indices of the rows that all conditions let through."""
    kept = [m for m in masks if m is not None]
    if not kept:
        return np.arange(rows)
    return np.flatnonzero(kept[0] if len(kept) == 1 else np.logical_and.reduce(kept))


def ordered(rows: Array, sort: Sequence[tuple[str, bool]], columns: Columns) -> Array:
    """Rows in the order asked, nulls last; equal ones keep their stored order."""
    for name, ascends in reversed(sort):
        column = columns(name)
        if column is None:
            raise Invalid("sortby", f"{name} is not there", "name a property of the items")
        taken = column.take(pa.array(rows))
        taken = taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken
        rows = rows[np.argsort(_ranks(taken, ascends), kind="stable")]
    return rows


def _ranks(column: pa.Array, ascends: bool) -> Array:
    """The place of each value among the different ones; nulls come last either way."""
    encoded = column.dictionary_encode()
    places = np.empty(len(encoded.dictionary) + 1, np.int64)
    places[np.asarray(pc.sort_indices(encoded.dictionary))] = np.arange(len(encoded.dictionary))
    if not ascends:
        places = -places
    places[-1] = len(places)
    return places[np.asarray(pc.fill_null(encoded.indices, len(places) - 1))]


def paged(rows: Array, page: Page) -> Array:
    """The rows of one page."""
    return rows[page.offset : None if page.limit is None else page.offset + page.limit]


def in_batches(rows: Array, made: Callable[[Array], pa.RecordBatch]) -> Callable[[], Iterator[pa.RecordBatch]]:
    """Batches of rows, made as they are written."""

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(rows), BATCH):
            yield made(rows[start : start + BATCH])

    return batches
