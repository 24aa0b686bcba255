"""Cells that make no rows and columns of a CRS, each at its own place; those of meshes."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any, ClassVar

import numpy as np
from pyproj import CRS
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

from poles.crs import LONLAT, is_lonlat, transform, uri
from poles.dataset import BBox
from poles.errors import Unreadable
from poles.grids.horizontal import Index, Point, Selection, is_native, nothing, written_bbox
from poles.grids.line import arc, normal
from poles.grids.region import Rectangle, Region, as_box, rectangle, shape
from poles.query import Box
from poles.stored import Array

CANDIDATES = 8
"""Cells with the nearest centres that are looked at: the nearest is not always the one that holds a point."""

SAME = 1e-9
"""Centres and points nearer than that, on the unit sphere, are one place: a hundredth of a metre."""

_SLACK = 1e-12

Vector = tuple[float, float, float]
Load = Callable[[], tuple[Array, Array]]


@dataclass(frozen=True, slots=True)
class Places:
    """Longitudes (in [-180, 180)) and latitudes of all cells, flat; where they are known; and a tree to search them."""

    lon: Array
    lat: Array
    known: Array
    xyz: Array
    """On the unit sphere, (n, 3)."""
    tree: Any
    """Of the known ones."""
    numbers: Array
    """The flat index of each point of the tree."""


def places(lon: Array, lat: Array) -> Places:
    """Cells as loaded, flat, with their tree. Raises Unreadable where none has a place."""
    lon, lat = np.asarray(lon, float).ravel(), np.asarray(lat, float).ravel()
    known = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) <= 90.0001) & (np.abs(lon) <= 720)
    if not known.any():
        raise Unreadable("coordinates", "every longitude or latitude is missing", "add them to the file")
    lon = np.where(known, normal(np.where(known, lon, 0.0)), np.nan)
    lat = np.where(known, lat, np.nan)
    xyz = on_sphere(lon, lat)
    numbers = np.flatnonzero(known)
    return Places(lon, lat, known, xyz, cKDTree(xyz[numbers], balanced_tree=False, compact_nodes=False), numbers)


def on_sphere(lon: Array, lat: Array) -> Array:
    """Points of the unit sphere, (n, 3)."""
    x, y = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)], axis=-1)


@dataclass(frozen=True, eq=False)
class Scattered:
    """Cells each at its own longitude and latitude; they are read at the first question."""

    shape: tuple[int, ...]
    load: Load = field(repr=False)
    """Longitudes and latitudes over the horizontal, NaN where a cell has no place."""
    corners: Load | None = field(default=None, repr=False)
    """Longitudes and latitudes of the cells' corners, the last dimension more than the horizontal."""
    probe: Callable[[], Array] | None = field(default=None, repr=False)
    """A few coordinates, to tell one horizontal from another cheaply."""
    crs: CRS = LONLAT
    _lock: Any = field(default_factory=threading.RLock, init=False, repr=False)
    _found: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    dims: ClassVar[tuple[str, ...]] = ("cell",)

    @property
    def uri(self) -> str:
        """Of the CRS."""
        return uri(self.crs)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What is made at the first question, by one thread, and kept."""
        if name not in self._found:
            with self._lock:
                if name not in self._found:
                    self._found[name] = make()
        return self._found[name]

    @property
    def places(self) -> Places:
        """Where the cells are."""
        found: Places = self.once("places", lambda: places(*self.load()))
        return found

    def same(self, other: object) -> bool:
        """Whether the cells of another horizontal are these, by a few of them."""
        if other is self:
            return True
        if type(other) is not type(self) or not isinstance(other, Scattered) or self.shape != other.shape:
            return False
        if self.probe is None or other.probe is None:
            return bool(np.array_equal(self.places.lon, other.places.lon, equal_nan=True))
        return bool(np.allclose(self.probe(), other.probe(), rtol=0, atol=1e-6, equal_nan=True))

    # --- a point ---------------------------------------------------------------------------------------------

    def nearest(self, points: Sequence[Point], crs: CRS) -> list[Index | None]:
        """The cell that holds each point, as its index; None for a point in no cell."""
        if not len(points):
            return []
        x, y = np.asarray(points, float).T
        if crs is not LONLAT and not is_lonlat(crs):
            x, y = transform(x, y, crs, LONLAT)
        there = np.isfinite(x) & np.isfinite(y) & (np.abs(y) <= 90)
        found = self._holding(on_sphere(np.where(there, x, 0.0), np.where(there, y, 0.0)))
        return [self._index(i) if ok and i >= 0 else None for i, ok in zip(found.tolist(), there.tolist(), strict=True)]

    def _index(self, flat: int) -> Index:
        return tuple(int(i) for i in np.unravel_index(flat, self.shape))

    def _holding(self, points: Array) -> Array:
        """The flat index of the cell that holds each point of the sphere, -1 where none does."""
        here = self.places
        k = min(CANDIDATES, len(here.numbers))
        distance, nth = here.tree.query(points, k=k)
        cells = here.numbers[nth.reshape(len(points), k)].tolist()
        rows = zip(cells, distance.reshape(len(points), k).tolist(), points.tolist(), strict=True)
        return np.array([self._chosen(c, d, (p[0], p[1], p[2])) for c, d, p in rows], np.int64)

    def _chosen(self, cells: Sequence[int], distance: Sequence[float], point: Vector) -> int:
        """Of some cells with near centres, nearest first, the one that holds a point of the sphere; -1 if none does."""
        raise NotImplementedError

    @property
    def polygons(self) -> Array | None:
        """The corners of all cells on the sphere, (n, corners, 3), where the file has such."""
        if self.corners is None:
            return None
        found: Array | None = self.once("polygons", lambda: polygons(self.corners, self.places))
        return found

    def place(self, index: Index) -> Point:
        """The centre of a cell, its longitude in [-180, 180)."""
        flat = int(np.ravel_multi_index(index, self.shape))
        return float(self.places.lon[flat]), float(self.places.lat[flat])

    def lonlat(self, index: Index) -> Point:
        """The centre of a cell as longitude and latitude."""
        return self.place(index)

    # --- an area ---------------------------------------------------------------------------------------------

    def window(self, box: Box | None, crs: CRS) -> Selection:
        """The cells whose centres lie in a closed box; one without width and height is the cell under it."""
        if box is None or (box.west, box.south, box.east, box.north) == (-inf, -inf, inf, inf):
            return self._selected(self.places.known, None)
        if box.west == box.east or box.south == box.north:
            return self._under(rectangle(box, crs), crs)
        return self._held(rectangle(box, crs), crs)

    def inside(self, polygon: BaseGeometry, crs: CRS) -> Selection:
        """The cells whose centres lie in a polygon or on its edge."""
        region = shape(polygon, crs)
        box = as_box(region)
        if box is not None:
            return self.window(box, crs)
        return nothing(self.uri, cells=True) if region.geometry.is_empty else self._held(region, crs)

    def _under(self, line: Rectangle, crs: CRS) -> Selection:
        """The cells under a line, or under a point."""
        n = 1 if (line.west, line.south) == (line.east, line.north) else 2049
        x, y = np.linspace(line.west, line.east, n), np.linspace(line.south, line.north, n)
        found = [i for i in self.nearest(list(zip(x.tolist(), y.tolist(), strict=True)), crs) if i is not None]
        keep = np.zeros(self.shape, bool)
        for index in found:
            keep[index] = True
        return self._selected(keep.ravel(), line)

    def _held(self, region: Region, crs: CRS) -> Selection:
        """The cells whose centres a region holds."""
        here = self.places
        if is_native(crs, LONLAT):
            held = here.known & region.holds(np.where(here.known, here.lon, 0.0), np.where(here.known, here.lat, 0.0))
        else:
            x, y = transform(here.lon[here.numbers], here.lat[here.numbers], LONLAT, crs)
            held = np.zeros(len(here.lon), bool)
            held[here.numbers] = region.holds(x, y)
        return self._selected(held, region if is_native(crs, LONLAT) else None)

    def _selected(self, held: Array, region: Region | None) -> Selection:
        """The smallest window around some cells, these kept."""
        keep = held.reshape(self.shape)
        if not keep.any():
            return nothing(self.uri, cells=True)
        window = tuple(_reach(keep, dim) for dim in range(keep.ndim))
        kept = keep[window]
        flat = np.flatnonzero(held)
        lon = _continuous(self.places.lon[flat], region)
        mask = None if kept.all() else np.ascontiguousarray(kept)
        return Selection((window,), lon, self.places.lat[flat], self.uri, keep=mask, cells=True)

    def bbox(self) -> BBox:
        """Around all centres: west, south, east, north; west is east of east where they cross 180 degrees."""
        here = self.places
        lon, lat = here.lon[here.numbers], here.lat[here.numbers]
        west, east = arc(lon, lon)
        south, north = float(lat.min()), float(lat.max())
        poles = self.nearest([(0.0, 90.0), (0.0, -90.0)], LONLAT)
        if any(p is not None for p in poles):
            west, east = -180.0, 180.0
        return written_bbox(west, -90.0 if poles[1] else south, east, 90.0 if poles[0] else north)


def _reach(keep: Array, dim: int) -> slice:
    found = np.flatnonzero(keep.any(axis=tuple(d for d in range(keep.ndim) if d != dim)))
    return slice(int(found[0]), int(found[-1]) + 1)


def _continuous(lon: Array, region: Region | None) -> Array:
    """Longitudes in [-180, 180), or going on over 180 where the region crosses it."""
    if region is None or not region.turning:
        return lon
    west, east = (region.west, region.east) if isinstance(region, Rectangle) else (region.bounds[0], region.bounds[2])
    back = 360.0 * np.floor((west + 180.0) / 360.0)
    if east - back <= 180.0:
        return lon
    moved = np.where(lon < west - back - 1e-9, np.round(lon + 360.0, 9), lon)
    return moved if moved.min() < 180 else lon


# --- cells of a mesh -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Cells(Scattered):
    """Cells along one dimension: faces or nodes of a mesh, a reduced Gaussian grid.

    A cell is what its corners say, else reaches as far as cells of its size do: three quarters of the usual
    distance to its neighbours.
    """

    def _chosen(self, cells: Sequence[int], distance: Sequence[float], point: Vector) -> int:
        if distance[0] < SAME:
            return cells[0]
        corners = self.polygons
        if corners is None:
            return cells[0] if distance[0] <= 0.75 * float(self._spacing[cells[0]]) else -1
        return next((c for c in cells if holds(corners[c].tolist(), point)), -1)

    @property
    def _spacing(self) -> Array:
        """The usual distance of each cell to its neighbours, on the unit sphere."""
        found: Array = self.once("spacing", self._measured)
        return found

    def _measured(self) -> Array:
        here = self.places
        spacing = np.full(len(here.lon), 1e-8)
        k = min(5, len(here.numbers))
        if k > 1:
            distance, _ = here.tree.query(here.xyz[here.numbers], k=k)
            spacing[here.numbers] = distance[:, 1:].max(axis=1)
        return spacing


# --- corners -------------------------------------------------------------------------------------------------


def dot(a: Vector, b: Vector) -> float:
    """The scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    """The vector product."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def holds(corners: Sequence[Sequence[float]], point: Vector) -> bool:
    """Whether a point lies in a convex polygon of the sphere or on its edge; missing corners count for nothing."""
    there = [(c[0], c[1], c[2]) for c in corners if isfinite(c[0])]
    if len(there) < 3 or max(dot(c, point) for c in there) <= 0:
        return False
    sides = [dot(cross(a, b), point) for a, b in zip(there, [*there[1:], there[0]], strict=True)]
    return min(sides) >= -_SLACK or max(sides) <= _SLACK


def polygons(corners: Load | None, here: Places) -> Array | None:
    """The corners of all cells on the sphere, (n, corners, 3), NaN where there are fewer; None where they do not fit.

    Corners that do not hold the centres of their cells are those of something else.
    """
    if corners is None:
        return None
    lon, lat = corners()
    n = len(here.lon)
    found = on_sphere(lon.reshape(n, -1), lat.reshape(n, -1))
    sample = here.numbers[:: max(1, len(here.numbers) // 256)]
    held = [holds(found[i].tolist(), tuple(here.xyz[i].tolist())) for i in sample.tolist()]
    return found if np.mean(held) > 0.9 else None
