"""Rows in memory that a question asks: conditions in space and time, pages, batches."""

from collections.abc import Callable, Iterator, Sequence

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
    ends = np.arange(len(x) + 1, dtype=np.int32) * record.itemsize
    binary = pa.Array.from_buffers(pa.binary(), len(x), [None, pa.py_buffer(ends), pa.py_buffer(record)])
    lacking = ~(np.isfinite(x) & np.isfinite(y))
    return pc.if_else(pa.array(~lacking), binary, pa.scalar(None, pa.binary())) if lacking.any() else binary


# --- time ------------------------------------------------------------------------------------------------------------


def in_time(when: Sequence[Interval] | None, t: Array) -> Array | None:
    """Which times (milliseconds) lie in one of the intervals; a missing one always does. None: every time was asked."""
    if when is None:
        return None
    found: Array = t == times.MISSING
    for interval in when:
        low, high = times.bind(interval, times.ISO)
        found = found | ((t >= low) & (t <= high))
    return found


def milliseconds_of(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """A column of times or dates as int64 milliseconds."""
    return pc.cast(pc.cast(column, pa.timestamp("ms"), safe=False), pa.int64())


def as_milliseconds(column: pa.ChunkedArray | pa.Array) -> Array:
    """Times or dates as numpy milliseconds, `times.MISSING` where null."""
    ms = pc.fill_null(milliseconds_of(column), times.MISSING)
    return np.asarray(ms.combine_chunks() if isinstance(ms, pa.ChunkedArray) else ms)


# --- pages -------------------------------------------------------------------------------------------------


def every(masks: Sequence[Array | None], rows: int) -> Array:
    """Indices of the rows that all conditions let through."""
    kept = [m for m in masks if m is not None]
    if not kept:
        return np.arange(rows)
    return np.flatnonzero(kept[0] if len(kept) == 1 else np.logical_and.reduce(kept))


def paged(rows: Array, page: Page) -> Array:
    """The rows of one page."""
    return rows[page.offset : None if page.limit is None else page.offset + page.limit]


def in_batches(rows: Array, made: Callable[[Array], pa.RecordBatch]) -> Callable[[], Iterator[pa.RecordBatch]]:
    """Batches of rows, made as they are written."""

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(rows), BATCH):
            yield made(rows[start : start + BATCH])

    return batches
