"""Places of a question in the CRS of the rows, as boxes and polygons that SQL asks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import shapely
from pyproj import CRS
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from poles.crs import crs as crs_of
from poles.crs import in_degrees, is_lonlat, transform
from poles.dataset import BBox
from poles.query import Box
from poles.stored import Array

_PIECES = 64
"""Pieces into which a side of a box is cut before it is bent into another projection, and then further."""
_HALVINGS = 9
"""How often a piece is halved at most: to lie where it should, or where no longitude is sure, at a pole."""
_FAR = 1e9
_OFF = {True: (1e-9, 1e-7), False: (1e-4, 1e-2)}
"""Degrees, else metres, that a bent side may be off: a ten-millionth of the box, not less, not more."""
_LATTICE = 33


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the plane of the rows: what is in `inner` lies in it, what does not touch `outer` does not."""

    outer: BBox
    inner: BBox | None
    shape: BaseGeometry | None
    """None: it is the box `outer` itself."""


def regions(box: Box, asked: CRS, native: CRS, bounds: BBox | None) -> tuple[Region, ...]:
    """A box of the CRS `asked` where rows can be: rows lie within `bounds` in the CRS `native`.

    Its sides are straight in its own CRS. Longitudes turn by 360 degrees to where the rows have theirs, and a box
    whose west lies east of its east crosses 180 degrees.
    """
    if bounds is None:
        return ()
    if native == asked or (is_lonlat(native) and is_lonlat(asked)):
        return tuple(Region(b, b, None) for b in _turned(box, native, bounds))
    extent = _extent(bounds, native, asked)
    if extent is None:
        return ()
    off = _off(box.east - box.west, box.north - box.south, asked)
    box = Box(box.west - off, box.south - off, box.east + off, box.north + off)  # what lies on an edge is in it
    found = (_bent(b, asked, native, off) for b in _cut(_turned(box, asked, extent), extent))
    return tuple(there for r in found if r is not None for there in _where_rows_are(r, native, bounds))


def polygons(polygon: BaseGeometry, asked: CRS, native: CRS, bounds: BBox | None) -> tuple[Region, ...]:
    """A polygon of the CRS `asked` where rows can be; its edges are straight in that CRS."""
    if bounds is None:
        return ()
    box = Box(*polygon.bounds)
    if native == asked or (is_lonlat(native) and is_lonlat(asked)):
        turned = [(b, b[0] - box.west) for b in _turned(box, native, bounds)]
        return tuple(Region(b, None, affinity.translate(polygon, turn)) for b, turn in turned)
    off = _off(box.east - box.west, box.north - box.south, asked)
    pieces = shapely.segmentize(polygon, max(polygon.length / (4 * _PIECES), 1e-9))
    moved = shapely.transform_coordseq(pieces, lambda xy: _line(xy, asked, native, off))  # type: ignore[attr-defined]
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        return ()
    shape = shapely.make_valid(moved)
    return tuple(_where_rows_are(Region(shape.bounds, None, shape), native, bounds))


def _where_rows_are(region: Region, native: CRS, bounds: BBox) -> Iterator[Region]:
    """A region, turned by 360 degrees wherever it then touches the bounds."""
    for outer in _turned(Box(*region.outer), native, bounds):
        turn = outer[0] - region.outer[0]
        inner = region.inner
        yield Region(
            outer,
            None if inner is None else (inner[0] + turn, inner[1], inner[2] + turn, inner[3]),
            None if region.shape is None else affinity.translate(region.shape, turn),
        )


def _turned(box: Box, crs: CRS, bounds: BBox) -> Iterator[BBox]:
    """The box, turned by 360 degrees wherever it then touches the bounds."""
    west, south, east, north = (float(np.clip(v, -_FAR, _FAR)) for v in (box.west, box.south, box.east, box.north))
    if east < west:
        east += 360
    for turn in (0.0, -360.0, 360.0) if in_degrees(crs) else (0.0,):
        if west + turn <= bounds[2] and east + turn >= bounds[0] and south <= bounds[3] and north >= bounds[1]:
            yield west + turn, south, east + turn, north


def _cut(boxes: Iterator[BBox], extent: BBox) -> Iterator[BBox]:
    """What of the boxes lies where rows are: only there is a projection sure to hold them."""
    for b in boxes:
        yield max(b[0], extent[0]), max(b[1], extent[1]), min(b[2], extent[2]), min(b[3], extent[3])


@lru_cache(256)
def _extent(bounds: BBox, native: CRS, asked: CRS) -> BBox | None:
    """Where rows can be in another CRS, a little more; None: it holds none of them."""
    x, y = (a.ravel() for a in np.meshgrid(np.linspace(*bounds[::2], _LATTICE), np.linspace(*bounds[1::2], _LATTICE)))
    xs, ys = transform(x, y, native, asked)
    known = np.isfinite(xs) & np.isfinite(ys)
    if not known.any():
        return None
    xs, ys = xs[known], ys[known]
    if in_degrees(asked):
        xs = xs[0] + (xs - xs[0] + 180) % 360 - 180
    margin = 0.05 * max(np.ptp(xs), np.ptp(ys)) + (1e-3 if in_degrees(asked) else 100.0)
    return float(xs.min() - margin), float(ys.min() - margin), float(xs.max() + margin), float(ys.max() + margin)


@lru_cache(16)
def _bent(box: BBox, source: CRS, target: CRS, off: float) -> Region | None:
    """A box of one CRS in another; None: it lies where that CRS does not reach."""
    west, south, east, north = box
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    sides = [_line(np.linspace(a, b, _PIECES + 1), source, target, off) for a, b in pairwise(corners)]
    xs, ys = np.concatenate([side[:-1] for side in sides]).T
    known = np.isfinite(xs) & np.isfinite(ys)
    if known.sum() < 3:
        return None
    outline = xs[known], ys[known]
    if in_degrees(target):
        xs[known] = _unrolled(outline[0])
        outline = _with_pole(xs[known], ys[known], box, source, target)
    shape = shapely.make_valid(shapely.Polygon(np.column_stack(outline)))
    parted = np.split(np.column_stack((xs, ys)), np.cumsum([len(side) - 1 for side in sides[:3]]))
    return Region(shape.bounds, _within(parted, shape) if known.all() else None, shape)


def _off(width: float, height: float, crs: CRS) -> float:
    """How far sides of that length may lie from where they are."""
    least, most = _OFF[in_degrees(crs)]
    return float(np.clip(1e-7 * max(abs(width), abs(height)), least, most))


def _line(xy: Array, source: CRS, target: CRS, off: float) -> Array:
    """A line that is straight between its points in one CRS, bent into another: no piece lies farther off than told.

    xy: N x 2, both in and out; the pieces are halved where the middle of one, brought back, lies beside the line.
    """
    there = _moved(xy, source, target)
    for _ in range(_HALVINGS):
        far = _beside(xy, _moved((there[:-1] + there[1:]) / 2, target, source), source) > off
        if not far.any():
            break
        halves = np.flatnonzero(far) + 1
        middles = (xy[halves - 1] + xy[halves]) / 2
        xy = np.insert(xy, halves, middles, axis=0)
        there = np.insert(there, halves, _moved(middles, source, target), axis=0)
        if in_degrees(target):
            there[:, 0] = _unrolled(there[:, 0])
    return there


def _moved(xy: Array, source: CRS, target: CRS) -> Array:
    there = np.column_stack(transform(xy[:, 0], xy[:, 1], source, target))
    if in_degrees(target):
        there[:, 0] = _unrolled(there[:, 0])
    return there


def _beside(line: Array, middles: Array, crs: CRS) -> Array:
    """How far the middle of each piece of a line lies from the piece; 0 where nobody knows."""
    along, to = np.diff(line, axis=0), middles - line[:-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        if in_degrees(crs):
            to[:, 0] = (to[:, 0] + 180) % 360 - 180
        found = np.abs(along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0]) / np.hypot(*along.T)
    return np.where(np.isfinite(found), found, 0.0)


def _unrolled(lon: Array) -> Array:
    """Longitudes along an outline that go on, step by step, where they would come back after 360 degrees."""
    return np.unwrap(lon, period=360)


def _with_pole(lon: Array, lat: Array, box: BBox, source: CRS, target: CRS) -> tuple[Array, Array]:
    """An outline that goes once around a pole as the band between it and that pole; any other as it is."""
    end = float(_unrolled(np.array([lon[-1], lon[0]]))[1])
    if abs(end - lon[0]) < 180:
        return lon, lat
    for pole in (90.0, -90.0):
        x, y = transform(0.0, pole, target, source)
        if box[0] <= x <= box[2] and box[1] <= y <= box[3]:
            return np.append(lon, [end, end, lon[0]]), np.append(lat, [lat[0], pole, pole])
    return lon, lat


def _within(sides: Sequence[Array], shape: BaseGeometry) -> BBox | None:
    """A box within a bent one, between the innermost points of its sides; None where it is too bent."""
    south, east, north, west = sides
    box = float(west[:, 0].max()), float(south[:, 1].max()), float(east[:, 0].min()), float(north[:, 1].min())
    if box[0] < box[2] and box[1] < box[3] and shape.contains(shapely.box(*box)):
        return box
    return None


def strips(region: Region) -> Iterator[Region]:
    """A bent box as the box within it and four strips around that, which overlap it and have few vertices each."""
    assert region.inner is not None
    assert region.shape is not None
    yield Region(region.inner, region.inner, None)
    west, south, east, north = region.outer
    in_x, in_y = (0.01 * (region.inner[n + 2] - region.inner[n]) for n in (0, 1))
    left, below, right, above = (v + d for v, d in zip(region.inner, (in_x, in_y, -in_x, -in_y), strict=True))
    across = (west, south, east, below), (west, above, east, north)
    for strip in (*across, (west, south, left, north), (right, south, east, north)):
        part = shapely.clip_by_rect(region.shape, *strip)
        if not part.is_empty:
            yield Region(part.bounds, None, part)


def boxed(box: Sequence[float]) -> BaseGeometry:
    """A box as a polygon; as a line or a point where it has no width or no height."""
    west, south, east, north = box
    if west < east and south < north:
        return shapely.box(west, south, east, north)
    return (
        shapely.LineString([(west, south), (east, north)])
        if (west, south) != (east, north)
        else shapely.Point(west, south)
    )


def in_crs(text: str, native: CRS) -> CRS:
    """The CRS of the coordinates in a question."""
    return native if text == "native" else crs_of(text)
