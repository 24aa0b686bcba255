"""Places of a question in the CRS of the rows, as boxes and polygons that SQL asks."""

import math
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
_POINTS = 32_768
"""Points of a line from which on it is good enough."""
_FAR = 1e9
_OFF = {True: (1e-9, 1e-7), False: (1e-4, 1e-2)}
"""Degrees, else metres, that a bent side may be off: a ten-millionth of the box, not less, not more."""
_TURNS = 3
"""How often a longitude is turned at most: whoever counts farther does not count degrees."""
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
    cut = [_cut(b, extent) for b in _turned(box, asked, extent)]
    if extent in cut:
        return (_all_of(bounds),)
    found = (_bent(b, asked, native, off) for b in cut)
    return tuple(there for r in found if r is not None for there in _where_rows_are(r, native, bounds))


def polygons(polygon: BaseGeometry, asked: CRS, native: CRS, bounds: BBox | None) -> tuple[Region, ...]:
    """A polygon of the CRS `asked` where rows can be; its edges are straight in that CRS."""
    if bounds is None:
        return ()
    whole = shapely.force_2d(polygon)
    west, south, east, north = whole.bounds
    if native == asked or (is_lonlat(native) and is_lonlat(asked)):
        return tuple(
            Region((west + turn, south, east + turn, north), None, affinity.translate(whole, turn))
            for turn in _turns(west, east, native, bounds)
        )
    extent = _extent(bounds, native, asked)
    if extent is None:
        return ()
    off = _off(east - west, north - south, asked)
    turned = [affinity.translate(whole, turn) for turn in _turns(west, east, asked, extent)]
    if any(shape.contains(shapely.box(*extent)) for shape in turned):
        return (_all_of(bounds),)
    bent = (_bent_shape(_within_extent(shape, extent), asked, native, off) for shape in turned)
    found = (Region(shape.bounds, None, shape) for shape in bent if not shape.is_empty)
    return tuple(there for r in found for there in _where_rows_are(r, native, bounds))


def _all_of(bounds: BBox) -> Region:
    """Wherever rows can be, with none of them on its edge."""
    west, south, east, north = bounds
    around = west - 1, south - 1, east + 1, north + 1
    return Region(around, around, None)


def _where_rows_are(region: Region, native: CRS, bounds: BBox) -> Iterator[Region]:
    """A region, turned by 360 degrees wherever it then touches the bounds."""
    west, south, east, north = region.outer
    for turn in _turns(west, east, native, bounds):
        inner, shape = region.inner, region.shape
        yield Region(
            (west + turn, south, east + turn, north),
            None if inner is None else (inner[0] + turn, inner[1], inner[2] + turn, inner[3]),
            None if shape is None else affinity.translate(shape, turn),
        )


def _turned(box: Box, crs: CRS, bounds: BBox) -> Iterator[BBox]:
    """The box, turned by 360 degrees wherever it then touches the bounds; one around the globe as wide as they are."""
    west, south, east, north = (float(np.clip(v, -_FAR, _FAR)) for v in (box.west, box.south, box.east, box.north))
    if in_degrees(crs):
        south, north = max(south, -90.0), min(north, 90.0)
        if east < west:
            east += 360
        if east - west >= 360:
            west, east = bounds[0], bounds[2]
    if south <= bounds[3] and north >= bounds[1]:
        for turn in _turns(west, east, crs, bounds):
            yield west + turn, south, east + turn, north


def _turns(west: float, east: float, crs: CRS, bounds: BBox) -> Iterator[float]:
    """By how many degrees a place comes to lie where rows are."""
    if not in_degrees(crs):
        if west <= bounds[2] and east >= bounds[0]:
            yield 0.0
        return
    first, last = math.ceil((bounds[0] - east) / 360), math.floor((bounds[2] - west) / 360)
    yield from (360.0 * turns for turns in range(max(first, -_TURNS), min(last, _TURNS) + 1))


def _cut(box: BBox, extent: BBox) -> BBox:
    """What of a box lies where rows are: only there is a projection sure to hold it."""
    return max(box[0], extent[0]), max(box[1], extent[1]), min(box[2], extent[2]), min(box[3], extent[3])


def _within_extent(shape: BaseGeometry, extent: BBox) -> BaseGeometry:
    """The same of any geometry."""
    frame = shapely.box(*extent)
    return shape if frame.contains(shape) else shapely.make_valid(shape).intersection(frame)


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
    outline = np.concatenate([side[:-1] for side in sides])
    shape = _filled(outline, shapely.box(*box), source, target)
    if shape.is_empty:
        return None
    inner = None
    if np.isfinite(outline).all():
        if in_degrees(target):
            outline[:, 0] = _unrolled(outline[:, 0])
        inner = _within(np.split(outline, np.cumsum([len(side) - 1 for side in sides[:3]])), shape)
    return Region(shape.bounds, inner, shape)


def _bent_shape(shape: BaseGeometry, source: CRS, target: CRS, off: float) -> BaseGeometry:
    """A geometry of one CRS in another, empty where that CRS does not reach."""
    pieces = shapely.segmentize(shape, max(shape.length / (4 * _PIECES), 1e-9))
    bent = (_bent_part(part, source, target, off) for part in shapely.get_parts(pieces))
    first, *others = [part for part in bent if not part.is_empty] or [shapely.Point()]
    return shapely.union_all([first, *(_beside_first(part, first, target) for part in others)]) if others else first


def _bent_part(part: BaseGeometry, source: CRS, target: CRS, off: float) -> BaseGeometry:
    if not isinstance(part, shapely.Polygon):
        line = _line(shapely.get_coordinates(part), source, target, off)
        if not np.isfinite(line).all():
            return shapely.Point()
        return shapely.Point(line[0]) if len(line) == 1 else shapely.LineString(line)
    shell, *holes = (
        _filled(_line(shapely.get_coordinates(ring), source, target, off)[:-1], shapely.Polygon(ring), source, target)
        for ring in (part.exterior, *part.interiors)
    )
    return (
        shell.difference(shapely.union_all([_beside_first(hole, shell, target) for hole in holes])) if holes else shell
    )


def _beside_first(shape: BaseGeometry, first: BaseGeometry, crs: CRS) -> BaseGeometry:
    """A part of a geometry, turned by 360 degrees to where another part of it lies."""
    if not in_degrees(crs) or shape.is_empty or first.is_empty:
        return shape
    middles = [(g.bounds[0] + g.bounds[2]) / 2 for g in (shape, first)]
    return affinity.translate(shape, 360.0 * round((middles[1] - middles[0]) / 360))


def _filled(outline: Array, whole: BaseGeometry, source: CRS, target: CRS) -> BaseGeometry:
    """The area within an outline, which was that of `whole` in the CRS `source`; empty where it is not known."""
    line = outline[np.isfinite(outline).all(axis=1)]
    if len(line) < 3:
        return shapely.Polygon()
    if not in_degrees(target):
        return _valid(line)
    line[:, 0] = _unrolled(line[:, 0])
    shape = _valid(_with_pole(line, whole, source, target))
    return shape if _is_inside(shape, whole, source, target) else _others(shape)


def _valid(line: Array) -> BaseGeometry:
    return shapely.make_valid(shapely.Polygon(line), method="structure", keep_collapsed=False)


def _is_inside(shape: BaseGeometry, whole: BaseGeometry, source: CRS, target: CRS) -> bool:
    """Whether an outline in degrees holds what `whole` holds: of what holds both poles, it holds all the rest."""
    west, south, east, north = whole.bounds
    steps = (np.arange(8) + 0.5) / 8
    x, y = (a.ravel() for a in np.meshgrid(west + (east - west) * steps, south + (north - south) * steps))
    within = shapely.contains_xy(whole, x, y)
    lon, lat = transform(x[within], y[within], source, target)
    known = np.isfinite(lon) & np.isfinite(lat)
    if not known.any() or shape.is_empty:
        return True
    found = shapely.intersects_xy(shape, shape.bounds[0] + (lon[known] - shape.bounds[0]) % 360, lat[known])
    return bool(found.mean() >= 0.5)


def _others(shape: BaseGeometry) -> BaseGeometry:
    """The rest of the globe."""
    middle = (shape.bounds[0] + shape.bounds[2]) / 2
    return shapely.box(middle - 180, -90, middle + 180, 90).difference(shape)


def _off(width: float, height: float, crs: CRS) -> float:
    """How far sides of that length may lie from where they are."""
    least, most = _OFF[in_degrees(crs)]
    return float(np.clip(1e-7 * max(abs(width), abs(height)), least, most))


def _line(xy: Array, source: CRS, target: CRS, off: float) -> Array:
    """A line that is straight between its points in one CRS, bent into another: no piece lies farther off than told.

    xy: N x 2, both in and out; the pieces are halved where the middle of one, brought back, lies beside the line.
    """
    there = _moved(xy, source, target)
    for _ in range(_HALVINGS if len(xy) > 1 else 0):
        far = _beside(xy, _moved((there[:-1] + there[1:]) / 2, target, source), source) > off
        if not far.any() or len(there) > _POINTS:
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
    known, found = np.isfinite(lon), lon.copy()
    found[known] = np.unwrap(lon[known], period=360)
    return found


def _with_pole(line: Array, whole: BaseGeometry, source: CRS, target: CRS) -> Array:
    """An outline that goes once around a pole as the band between it and that pole; any other as it is."""
    (first, lat), last = line[0], line[-1, 0]
    end = float(_unrolled(np.array([last, first]))[1])
    if abs(end - first) < 180:
        return line
    for pole in (90.0, -90.0):
        if shapely.intersects_xy(whole, *transform(0.0, pole, target, source)):
            return np.vstack((line, [(end, lat), (end, pole), (first, pole)]))
    return line


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
