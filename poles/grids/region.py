"""The region of a question, box or polygon: what it holds, and its outline for other CRSs."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

import numpy as np
import shapely
from pyproj import CRS
from shapely.affinity import translate
from shapely.geometry import GeometryCollection, LinearRing, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from poles.crs import densified, in_degrees
from poles.grids.line import CIRCLE, arc
from poles.query import Box
from poles.stored import Array

_NOISE = 1e-9


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A closed box in its CRS; longitudes run from west eastwards, over 180 where they must."""

    west: float
    south: float
    east: float
    north: float
    turning: bool

    def holds(self, x: Array, y: Array) -> Array:
        """Whether points lie in the box or on its edge."""
        if self.turning:
            with np.errstate(invalid="ignore"):
                across = (x - self.west + _NOISE) % CIRCLE <= self.east - self.west + 2 * _NOISE
        else:
            across = (x >= self.west) & (x <= self.east)
        return across & (y >= self.south) & (y <= self.north) & np.isfinite(x)

    def outline(self, pieces: int = 64) -> tuple[Array, Array]:
        """Points all around, side by side; none where a side is open."""
        if not all(map(isfinite, (self.west, self.south, self.east, self.north))):
            return np.empty(0), np.empty(0)
        return densified(self.west, self.south, self.east, self.north, pieces)


def rectangle(box: Box, crs: CRS) -> Rectangle:
    """The box of a question: over 180 where west is east of east; open sides of degrees end where degrees do."""
    if not in_degrees(crs):
        return Rectangle(box.west, box.south, box.east, box.north, False)
    west, east = max(box.west, -CIRCLE), min(box.east, 2 * CIRCLE)
    if not isfinite(box.west) or not isfinite(box.east):
        west = -180.0 if not isfinite(box.west) else west
        east = (180.0 if west <= 180 else CIRCLE) if not isfinite(box.east) else east
    if west > east:
        east += CIRCLE
    return Rectangle(west, max(box.south, -90.0), min(east, west + CIRCLE), min(box.north, 90.0), True)


@dataclass(frozen=True, slots=True)
class Shape:
    """A polygon or several in their CRS; longitudes are continuous, over 180 where they must."""

    geometry: BaseGeometry
    turning: bool

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        west, south, east, north = self.geometry.bounds
        return west, south, east, north

    def holds(self, x: Array, y: Array) -> Array:
        """Whether points lie in the polygon or on its edge."""
        if self.turning:
            west = self.bounds[0] - _NOISE
            x = west + (x - west) % CIRCLE
        inside: Array = shapely.intersects_xy(self.geometry, x, y)
        return inside

    def outline(self, pieces: int = 64) -> tuple[Array, Array]:
        """Points along all rings, NaN between two."""
        west, south, east, north = self.bounds
        longest = max(east - west, north - south) / pieces
        dense = shapely.segmentize(self.geometry, longest) if longest > 0 else self.geometry
        rings = [r for p in _polygons(dense) for r in (p.exterior, *p.interiors)]
        parted = [v for r in rings for v in (shapely.get_coordinates(r), np.full((1, 2), np.nan))]
        x, y = np.concatenate(parted).T
        return x, y


Region = Rectangle | Shape


def shape(polygon: BaseGeometry, crs: CRS) -> Shape:
    """The polygon of a question, its longitudes made continuous.

    Three ways to cross 180 degrees are understood: longitudes that go on (170 .. 190, or -190 .. -170), parts that
    were cut there (RFC 7946), and a ring that jumps from 170 to -170.
    """
    turning = in_degrees(crs)
    found = _together([_continuous(p) for p in _polygons(polygon)]) if turning else polygon
    shapely.prepare(found)
    return Shape(found, turning)


def as_box(region: Shape) -> Box | None:
    """The box that a polygon is, if it is one: it is answered as the box, edge for edge."""
    west, south, east, north = region.bounds
    if not isfinite(west):
        return None
    parts = list(_polygons(region.geometry))
    if west < east and south < north:
        if len(parts) != 1 or parts[0].interiors or not parts[0].equals(shapely.box(west, south, east, north)):
            return None
        return Box(west, south, east, north)
    return Box(west, south, east, north)


def _polygons(geometry: BaseGeometry) -> Iterator[Polygon]:
    match geometry:
        case Polygon():
            yield geometry
        case MultiPolygon() | GeometryCollection():
            for part in geometry.geoms:
                yield from _polygons(part)


def _continuous(polygon: Polygon) -> Polygon:
    """A polygon whose ring jumps across 180 degrees, as it goes on beyond it.

    A ring with an edge of more than 180 degrees may also be a wide one that does not cross. It is read the way it
    is anticlockwise (OGC Simple Features), and a clockwise one so that it starts at its western end.
    """
    ring = shapely.get_coordinates(polygon.exterior)
    steps = np.abs(np.diff(ring[:, 0]))
    if not ((steps > CIRCLE / 2) & (steps < CIRCLE - _NOISE)).any():
        return polygon
    west, _, east, _ = polygon.bounds
    if east - west > CIRCLE or LinearRing(ring).is_ccw or ring[0, 0] < (west + east) / 2:
        return polygon
    outer = _unrolled(ring, None)
    return Polygon(outer, [_unrolled(shapely.get_coordinates(r), outer) for r in polygon.interiors])


def _unrolled(ring: Array, around: Array | None) -> Array:
    x = np.unwrap(ring[:, 0], period=CIRCLE)
    if around is not None:
        x += CIRCLE * round(float(around[:, 0].mean() - x.mean()) / CIRCLE)
    return np.column_stack([x, ring[:, 1]])


def _together(parts: list[Polygon]) -> BaseGeometry:
    """Parts on the shortest arc that holds them all, so that those cut at 180 degrees lie side by side."""
    if not parts:
        return MultiPolygon()
    if len(parts) == 1:
        return parts[0]
    lows, highs = (np.array([p.bounds[i] for p in parts]) for i in (0, 2))
    west, _ = arc(lows, highs)
    moved = [translate(p, CIRCLE * np.ceil((west - low - _NOISE) / CIRCLE)) for p, low in zip(parts, lows, strict=True)]
    whole = shapely.union_all(moved)
    return whole if whole.bounds[2] - whole.bounds[0] <= CIRCLE + _NOISE else shapely.union_all(parts)
