"""Cells that make no rows and columns of a CRS: curvilinear grids, swaths and meshes, each cell at its own place."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, ClassVar

import numpy as np
from pyproj import CRS
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

from poles.crs import LONLAT, is_lonlat, transform, uri
from poles.dataset import BBox
from poles.errors import Unreadable
from poles.horizontal import Index, Point, Selection, is_native, nothing, written_bbox
from poles.line import arc, normal
from poles.query import Box
from poles.region import Rectangle, Region, as_box, rectangle, shape
from poles.stored import Array

CANDIDATES = 8
"""Cells with the nearest centres that are looked at: the nearest is not always the one that holds a point."""

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
        if not is_lonlat(crs):
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
        cells = here.numbers[nth.reshape(len(points), k)]
        return self._chosen(cells, distance.reshape(len(points), k), points)

    def _chosen(self, cells: Array, distance: Array, points: Array) -> Array:
        raise NotImplementedError

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


# --- cells of two dimensions ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Curvilinear(Scattered):
    """Rows and columns of cells with 2-D longitudes and latitudes: model grids, swaths.

    A cell is what its corners say, else reaches half way to its four neighbours, on the plane that touches the
    sphere at its centre; at an edge, and beside a gap of more than 3 cells, as far as on its other side.
    """

    dims: ClassVar[tuple[str, ...]] = ("y", "x")

    def _chosen(self, cells: Array, distance: Array, points: Array) -> Array:
        """Of some cells with near centres, the one that holds each point."""
        n, k = cells.shape
        within, inner = self._within(cells.ravel(), np.repeat(points, k, axis=0))
        within = np.where(distance < 1e-9, 0.0, within.reshape(n, k))
        # A place that two cells share (the seam of a tripolar grid) is that of the one inside the grid.
        order = np.lexsort((cells, ~inner.reshape(n, k), np.round(within, 6)), axis=-1)
        best = np.take_along_axis(cells, order[:, :1], axis=1)[:, 0]
        lost = np.take_along_axis(within, order[:, :1], axis=1)[:, 0] > 0.5 + 1e-6
        found = np.where(lost, -1, best)
        if lost.any() and self._polygons is None:
            found[lost] = self._walked(cells[lost, 0], points[lost])
        return found

    def _walked(self, cells: Array, points: Array) -> Array:
        """Cells reached by stepping from one towards each point, -1 where that leads off the grid."""
        rows, columns = self.shape
        for _ in range(8):
            u, v, _, _ = self._offsets(cells, points)
            j, i = cells // columns, cells % columns
            stay = (np.abs(u) <= 0.5) & (np.abs(v) <= 0.5)
            j = np.where(stay, j, j + np.clip(np.rint(np.nan_to_num(v)), -3, 3).astype(int))
            i = np.where(stay, i, i + np.clip(np.rint(np.nan_to_num(u)), -3, 3).astype(int))
            cells = np.clip(j, 0, rows - 1) * columns + np.clip(i, 0, columns - 1)
        within, _ = self._within(cells, points)
        return np.where((within <= 0.5 + 1e-6) & self.places.known[cells], cells, -1)

    @property
    def _polygons(self) -> Array | None:
        """The corners of all cells on the sphere, (n, corners, 3), where the file has such."""
        found: Array | None = self.once("polygons", self._checked_polygons) if self.corners is not None else None
        return found

    def _checked_polygons(self) -> Array | None:
        return polygons(self.corners, self.places)

    def _within(self, cells: Array, points: Array) -> tuple[Array, Array]:
        """How far from its centre each point lies in a cell, 0.5 at its edge; whether the cell is inside the grid."""
        u, v, whole_u, whole_v = self._offsets(cells, points)
        # Between cells that are not quite parallel there are seams: they belong to either.
        u, v = (np.where(w & (np.abs(a) <= 0.55), np.minimum(np.abs(a), 0.5), np.abs(a)) for a, w in
                ((u, whole_u), (v, whole_v)))  # fmt: skip
        within = np.where(np.isfinite(u) & np.isfinite(v), np.maximum(u, v), inf)
        corners = self._polygons
        if corners is not None:
            held = in_polygons(corners[cells], points)
            within = np.where(held, np.minimum(within, 0.5), inf)
        return within, self._inner(cells)

    def _inner(self, cells: Array) -> Array:
        rows, columns = self.shape
        j, i = cells // columns, cells % columns
        return (j > 0) & (j < rows - 1) & (i > 0) & (i < columns - 1)

    def _offsets(self, cells: Array, points: Array) -> tuple[Array, Array, Array, Array]:
        """Where points lie from cells, in steps along columns and rows; and whether a neighbour is on that side."""
        rows, columns = self.shape
        xyz, known = self.places.xyz, self.places.known
        j, i = cells // columns, cells % columns
        centre = xyz[cells]
        right, has_right = _neighbour(xyz, known, centre, cells + 1, i < columns - 1)
        left, has_left = _neighbour(xyz, known, centre, cells - 1, i > 0)
        below, has_below = _neighbour(xyz, known, centre, cells + columns, j < rows - 1)
        above, has_above = _neighbour(xyz, known, centre, cells - columns, j > 0)
        right, left, has_right, has_left = _sides(right, left, has_right, has_left)
        below, above, has_below, has_above = _sides(below, above, has_below, has_above)
        right, left = _square(right, left, below, centre, has_right | has_left)
        below, above = _square(below, above, right, centre, has_below | has_above)
        to = points - centre * np.sum(points * centre, axis=1, keepdims=True)
        u, v = _solved(right - left, below - above, to, centre, 2.0)
        ahead, down = (u > 0)[:, None], (v > 0)[:, None]
        u, v = _solved(np.where(ahead, right, -left), np.where(down, below, -above), to, centre, 1.0)
        front = np.sum(points * centre, axis=1) > 0
        u, v = np.where(front, u, inf), np.where(front, v, inf)
        return u, v, np.where(u > 0, has_right, has_left), np.where(v > 0, has_below, has_above)


def _neighbour(xyz: Array, known: Array, centre: Array, cells: Array, exists: Array) -> tuple[Array, Array]:
    """The step to a neighbour on the plane at the centre, and whether there is one with a place."""
    at = np.where(exists, cells, 0)
    there = exists & known[at]
    step = xyz[at] - centre
    step = step - centre * np.sum(step * centre, axis=1, keepdims=True)
    there &= np.sum(step * step, axis=1) > 1e-18
    return np.where(there[:, None], step, 0.0), there


def _sides(ahead: Array, back: Array, has_ahead: Array, has_back: Array) -> tuple[Array, Array, Array, Array]:
    """Steps to both sides: where one is missing or leads over a gap, the other one turned round."""
    long, short = np.linalg.norm(ahead, axis=1), np.linalg.norm(back, axis=1)
    has_ahead = has_ahead & ~(has_back & (long > 3 * short))
    has_back = has_back & ~(has_ahead & (short > 3 * long))
    return (
        np.where(has_ahead[:, None], ahead, -back),
        np.where(has_back[:, None], back, -ahead),
        has_ahead,
        has_back,
    )


def _square(ahead: Array, back: Array, across: Array, centre: Array, any_: Array) -> tuple[Array, Array]:
    """Steps of a cell that has no neighbour in one direction: as long as in the other, at a right angle."""
    turned = np.cross(centre, across)
    return np.where(any_[:, None], ahead, turned), np.where(any_[:, None], back, -turned)


def _solved(a: Array, b: Array, to: Array, centre: Array, times: float) -> tuple[Array, Array]:
    """(u, v) with to = u a / times + v b / times, on the plane at each centre."""
    with np.errstate(divide="ignore", invalid="ignore"):
        area = np.sum(np.cross(a, b) * centre, axis=1)
        u = np.sum(np.cross(to, b) * centre, axis=1) / area * times
        v = np.sum(np.cross(a, to) * centre, axis=1) / area * times
    return u, v


# --- cells of a mesh -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Cells(Scattered):
    """Cells along one dimension: faces or nodes of a mesh, a reduced Gaussian grid.

    A cell is what its corners say, else reaches as far as cells of its size do: three quarters of the usual
    distance to its neighbours.
    """

    def _chosen(self, cells: Array, distance: Array, points: Array) -> Array:
        corners: Array | None = None
        if self.corners is not None:
            corners = self.once("polygons", lambda: polygons(self.corners, self.places))
        if corners is None:
            return np.where(distance[:, 0] <= 0.75 * self._spacing[cells[:, 0]], cells[:, 0], -1)
        n, k = cells.shape
        held = in_polygons(corners[cells.ravel()], np.repeat(points, k, axis=0)).reshape(n, k) | (distance < 1e-9)
        first = np.argmax(held, axis=1)
        return np.where(held.any(axis=1), np.take_along_axis(cells, first[:, None], axis=1)[:, 0], -1)

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


def polygons(corners: Load | None, here: Places) -> Array | None:
    """The corners of all cells on the sphere, (n, corners, 3), NaN where there are fewer; None where they do not fit.

    Corners that do not hold the centres of their cells are those of something else.
    """
    if corners is None:
        return None
    lon, lat = corners()
    n = len(here.lon)
    found = on_sphere(lon.reshape(n, -1), lat.reshape(n, -1))
    sample = here.numbers[:: max(1, len(here.numbers) // 512)]
    return found if in_polygons(found[sample], here.xyz[sample]).mean() > 0.9 else None


def in_polygons(corners: Array, points: Array) -> Array:
    """Whether each point lies in its convex polygon of the sphere, (n, corners, 3), or on its edge.

    Missing corners, and those written twice, count for nothing.
    """
    nexts = _nexts(corners)
    side = np.sum(np.cross(corners, nexts) * points[:, None, :], axis=2)
    near = np.nansum(corners * points[:, None, :], axis=2).max(axis=1) > 0
    there = np.isfinite(side)
    slack = 1e-12
    left = np.where(there, side >= -slack, True).all(axis=1)
    right = np.where(there, side <= slack, True).all(axis=1)
    inside: Array = near & (left | right) & (there.sum(axis=1) >= 3)
    return inside


def _nexts(corners: Array) -> Array:
    """The corner that follows each one; after the last that is there comes the first."""
    nexts = np.roll(corners, -1, axis=1)
    lost = ~np.isfinite(nexts[..., 0])
    return np.where(lost[..., None], corners[:, :1, :], nexts)
