"""Where the cells of a grid lie: the cell at a point, those of a box or polygon, the place of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

import numpy as np
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from poles.crs import LONLAT, Pipeline, in_degrees, is_lonlat, pipeline, transform, uri
from poles.dataset import BBox
from poles.errors import TooLarge
from poles.grids.line import CIRCLE, Line, Piece, arc
from poles.grids.masking import held
from poles.grids.region import Rectangle, Region, as_box, rectangle, shape
from poles.query import Box
from poles.stored import Array

Affine = tuple[float, float, float, float, float, float]
"""x = a column + b row + c, y = d column + e row + f."""

Index = tuple[int, ...]
Point = tuple[float, float]
Window = tuple[slice, ...]

_JUMP = 5e6
"""Metres between two points of an outline that lie on both sides of a cut."""

MOST = 40_000_000
"""Cells that one area may make us look at one by one."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Cells of a horizontal, in canonical index space.

    `windows` are slices over its dimensions; several are joined along the last one (at most two, along longitude).
    `x` and `y` are the coordinates of the joined window, one a column and a row, or with `cells` one a kept cell.
    `keep` is over the joined window; None keeps all.
    """

    windows: tuple[Window, ...]
    x: Array
    y: Array
    crs: str
    """URI or WKT."""
    x_bounds: Array | None = None
    y_bounds: Array | None = None
    keep: Array | None = None
    cells: bool = False
    """Whether the cells make no rows and columns, so that the answer needs a composite axis."""
    affine: Affine | None = None

    @property
    def empty(self) -> bool:
        return not self.windows or not len(self.x) or not len(self.y)


def nothing(crs: str, *, cells: bool = False) -> Selection:
    """The selection of no cell."""
    return Selection((), np.empty(0), np.empty(0), crs, cells=cells)


def is_native(crs: CRS, own: CRS) -> bool:
    """Whether coordinates are those of the data as they are."""
    return crs is own or crs == own or (is_lonlat(crs) and is_lonlat(own))


@dataclass(frozen=True, eq=False)
class Rectilinear:
    """Rows and columns: a CRS and two axes, each increasing in canonical form.

    With `affine` the axes count pixel centres (column + 0.5, row + 0.5), and the affine says where they lie.
    """

    crs: CRS
    across: Line
    """Columns: x, or longitude."""
    down: Line
    """Rows: y, or latitude."""
    affine: Affine | None = None
    dims: tuple[str, ...] = ("y", "x")

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.down), len(self.across)

    @property
    def x(self) -> Array:
        """Coordinates of the columns, as the data run."""
        return self.across.values

    @property
    def y(self) -> Array:
        """Coordinates of the rows."""
        return self.down.values

    @cached_property
    def uri(self) -> str:
        """Of the CRS; its WKT where it has none."""
        return uri(self.crs)

    def same(self, other: object) -> bool:
        """Whether the cells of another horizontal are these."""
        return (
            isinstance(other, Rectilinear)
            and self.shape == other.shape
            and self.affine == other.affine
            and is_native(self.crs, other.crs)
            and all(_alike(a, b) for a, b in ((self.across, other.across), (self.down, other.down)))
        )

    # --- a point ---------------------------------------------------------------------------------------------

    def nearest(self, points: Sequence[Point], crs: CRS) -> list[Index | None]:
        """The cell that holds each point, as (row, column); None for a point in no cell."""
        if len(points) == 1:
            x, y = self._inwards(*points[0], crs)
            row = self.down.cell(y)
            column = None if row is None else self._column(x)
            return [None if row is None or column is None else (row, column)]
        if not len(points):
            return []
        xs, ys = np.asarray(points, float).T
        x, y = self._inwards(xs, ys, crs)
        columns = self.across.cells(x)
        for shift in self._shifts:
            columns = np.where(columns >= 0, columns, self.across.cells(x + shift))
        found = zip(self.down.cells(y).tolist(), columns.tolist(), strict=True)
        return [(row, column) if row >= 0 and column >= 0 else None for row, column in found]

    def _column(self, x: float) -> int | None:
        column = self.across.cell(x)
        for shift in () if column is not None else self._shifts:
            column = self.across.cell(x + shift) if column is None else column
        return column

    @cached_property
    def _shifts(self) -> tuple[float, ...]:
        """What leads to columns beyond the meridian where a cylindrical projection is cut: once around the Earth.

        Their centres are written on, and come back on the other side when taken to longitudes and back, all rows alike.
        """
        if self.across.turning or self.affine is not None:
            return ()
        south, north = self.down.lows[0], self.down.highs[-1]
        x = np.repeat(self.x[[0, -1]], 3)
        y = np.tile([south, south + 0.37 * (north - south), north], 2)
        away = x - transform(*transform(x, y, self.crs, LONLAT), LONLAT, self.crs)[0]
        cell = float(np.min(self.across.highs - self.across.lows))
        ends = away.reshape(2, 3)
        with np.errstate(invalid="ignore"):
            alike = np.isfinite(ends).all(axis=1) & (np.ptp(ends, axis=1) < 1e-3 * cell)
        return tuple(ends[alike & (np.abs(ends[:, 0]) > cell), 0].tolist())

    @cached_property
    def _spills(self) -> bool:
        """Whether cells in the corners of a world map lie beyond the Earth."""
        if self.across.turning or self._shifts:
            return False
        return not self._on_earth(np.repeat(self.x[[0, -1]], 2), np.tile(self.y[[0, -1]], 2)).all()

    def _on_earth(self, x: Array, y: Array) -> Array:
        """Which coordinates come back when they are taken to longitude and latitude and back."""
        size = min(float(np.min(a.highs - a.lows)) for a in (self.across, self.down))
        back = self._inwards(*self._outwards(x, y, LONLAT), LONLAT)
        with np.errstate(invalid="ignore"):
            found: Array = np.hypot(back[0] - x, back[1] - y) < size / 2
        return found

    def _inwards(self, x: Any, y: Any, crs: CRS) -> tuple[Any, Any]:
        """Coordinates along the axes, of coordinates in a CRS."""
        if crs is not self.crs:
            x, y = pipeline(crs, self.crs)(x, y)
        if self.affine is not None:
            a, b, c, d, e, f = self.affine
            with np.errstate(invalid="ignore"):
                if in_degrees(self.crs):
                    middle = c + (a * len(self.across) + b * len(self.down)) / 2
                    x = x - CIRCLE * np.round((x - middle) / CIRCLE)
                x, y = x - c, y - f
                x, y = (e * x - b * y) / (a * e - b * d), (a * y - d * x) / (a * e - b * d)
        return x, y

    def _outwards(self, x: Array, y: Array, crs: CRS) -> tuple[Array, Array]:
        """Coordinates in a CRS of coordinates along the axes."""
        if self.affine is not None:
            a, b, c, d, e, f = self.affine
            x, y = a * x + b * y + c, d * x + e * y + f
        return transform(x, y, self.crs, crs)

    def place(self, index: Index) -> Point:
        """The centre of a cell in the CRS of the data, longitudes in [-180, 180)."""
        row, column = index
        x, y = self.across.shown[column], self.down.shown[row]
        if self.affine is None:
            return x, y
        a, b, c, d, e, f = self.affine
        return a * x + b * y + c, d * x + e * y + f

    def lonlat(self, index: Index) -> Point:
        """The centre of a cell as longitude and latitude."""
        x, y = self.place(index)
        if self._lonlat is None:
            return x, y
        lon, lat = self._lonlat(x, y)
        return (lon + 180.0) % CIRCLE - 180.0 if not -180.0 <= lon < 180.0 else lon, lat

    @cached_property
    def _lonlat(self) -> Pipeline | None:
        """The way to longitude and latitude; None where the coordinates are these."""
        return None if is_lonlat(self.crs) else pipeline(self.crs, LONLAT)

    # --- an area ---------------------------------------------------------------------------------------------

    def window(self, box: Box | None, crs: CRS) -> Selection:
        """The cells whose centres lie in a closed box; one without width or height is the cell under it."""
        if box is None or (box.west, box.south, box.east, box.north) == (-inf, -inf, inf, inf):
            return self._selected(self.down.whole(), self.across.whole(), None)
        if box.west == box.east and box.south == box.north:
            return self._cells(self.nearest([(box.west, box.south)], crs))
        if self.affine is not None or not is_native(crs, self.crs):
            return self._thin(box, crs) if _is_thin(box) else self._foreign(rectangle(box, crs), crs)
        east = box.east + CIRCLE if self.across.turning and box.west > box.east else box.east
        rows = self.down.under(box.south) if box.south == box.north else self.down.between(box.south, box.north)
        columns = self.across.under(box.west) if box.west == box.east else self.across.between(box.west, east)
        return self._selected(rows, columns, None)

    def inside(self, polygon: BaseGeometry, crs: CRS) -> Selection:
        """The cells whose centres lie in a polygon or on its edge."""
        region = shape(polygon, crs)
        box = as_box(region)
        if box is not None:
            return self.window(box, crs)
        if region.geometry.is_empty:
            return nothing(self.uri)
        if self.affine is not None or not is_native(crs, self.crs):
            return self._foreign(region, crs)
        west, south, east, north = region.bounds
        return self._kept(region, self.down.between(south, north), self.across.between(west, east), None)

    def _thin(self, box: Box, crs: CRS) -> Selection:
        """The cells under a line, which a box without width or height is in another CRS."""
        region = rectangle(box, crs)
        x, y = (np.linspace(a, b, 2049) for a, b in ((region.west, region.east), (region.south, region.north)))
        return self._cells(self.nearest(list(zip(x.tolist(), y.tolist(), strict=True)), crs))

    def _cells(self, found: Sequence[Index | None]) -> Selection:
        """The window around some cells, these kept."""
        there = sorted({i for i in found if i is not None})
        if not there:
            return nothing(self.uri)
        rows, columns = np.array(there).T
        top, left = int(rows.min()), int(columns.min())
        keep = np.zeros((int(rows.max()) + 1 - top, int(columns.max()) + 1 - left), bool)
        keep[rows - top, columns - left] = True
        window = [(slice(top, top + keep.shape[0]), 0.0)], [(slice(left, left + keep.shape[1]), 0.0)]
        return self._selected(*window, None if keep.all() else keep)

    def _foreign(self, region: Region, crs: CRS) -> Selection:
        """The cells of a region in another CRS: the window around it, and in it the centres that it holds."""
        rows, columns = self._around(region, crs)
        if isinstance(region, Rectangle) and self._all_held(region, rows, columns, crs):
            return self._selected(rows, columns, None)
        return self._kept(region, rows, columns, crs)

    def _all_held(self, region: Rectangle, rows: list[Piece], columns: list[Piece], crs: CRS) -> bool:
        """Whether a box holds the centres all around a window, and so, unless that goes around a pole, all in it."""
        if len(rows) != 1 or len(columns) != 1 or self._spills:
            return False
        y, x = self.y[rows[0][0]], self.x[columns[0][0]]
        xs = np.concatenate([x, x, np.full(len(y), x[0]), np.full(len(y), x[-1])])
        ys = np.concatenate([np.full(len(x), y[0]), np.full(len(x), y[-1]), y, y])
        if not region.holds(*self._outwards(xs, ys, crs)).all():
            return False
        return all(p is None for p in self.nearest([(0.0, 90.0), (0.0, -90.0)], LONLAT))

    def _around(self, region: Region, crs: CRS) -> tuple[list[Piece], list[Piece]]:
        """Rows and columns around the outline of a region; all of them where it holds a pole or has no end."""
        with np.errstate(invalid="ignore"):
            xs, ys = region.outline()
            there = np.isfinite(xs)
            x, y = self._inwards(xs[there], ys[there], crs)
        if not len(x) or not (np.isfinite(x) & np.isfinite(y)).all() or self._over_pole(region, crs):
            return self.down.whole(), self.across.whole()
        rows = self.down.between(float(y.min()) - self._margin(self.down), float(y.max()) + self._margin(self.down))
        if self._shifts or self._is_cut(x):
            return self.down.whole() if self._is_cut(y) else rows, self.across.whole()
        margin = self._margin(self.across)
        west, east = arc(x, x) if self.across.turning else (float(x.min()), float(x.max()))
        return rows, self.across.between(west - margin, east + margin)

    def _is_cut(self, along: Array) -> bool:
        """Whether an outline jumps over the Earth in a projection that is cut along a meridian."""
        if in_degrees(self.crs) or len(along) < 2:
            return False
        unit = self.crs.axis_info[0].unit_conversion_factor if self.crs.axis_info else 1.0
        return bool(np.abs(np.diff(along)).max() * unit > _JUMP)

    def _margin(self, axis: Line) -> float:
        return axis.size or float(np.max(axis.highs - axis.lows))

    def _over_pole(self, region: Region, crs: CRS) -> bool:
        """Whether a pole of these rows lies in the region: around it, the outline tells nothing."""
        if not self.across.turning:
            return False
        x, y = self._outwards(np.array([0.0, 0.0]), np.array([90.0, -90.0]), crs)
        return bool(region.holds(np.asarray(x), np.asarray(y)).any())

    def _kept(self, region: Region, rows: list[Piece], columns: list[Piece], crs: CRS | None) -> Selection:
        """The centres of a window that a region holds; `crs` None: they are in its CRS as they are."""
        high, wide = _count(rows), _count(columns)
        if not high or not wide:
            return nothing(self.uri)
        if high * wide > MOST:
            found = f"{high * wide} cells lie around it, {MOST} may be looked at"
            raise TooLarge("area", found, "ask a smaller one, or a box in the CRS of the data")
        x = np.concatenate([self.x[part] + turn for part, turn in columns])
        y = np.concatenate([self.y[part] for part, _ in rows])
        if crs is None:
            keep = held(x, y, region.holds, None)
        else:
            keep = held(x, y, lambda xs, ys: region.holds(*self._outwards(xs, ys, crs)), self._border(region, crs))
            if self._spills:
                keep[keep] = self._on_earth(*(a[keep] for a in np.broadcast_arrays(x[None, :], y[:, None])))
        return self._trimmed(rows, columns, keep)

    def _border(self, region: Region, crs: CRS) -> tuple[Array, Array] | None:
        """The edge of a region along the axes; None where it does not stay one line: longitudes, the end of a CRS."""
        if in_degrees(self.crs) or self._shifts:
            return None
        with np.errstate(invalid="ignore"):
            xs, ys = region.outline(1024)
            x, y = self._inwards(xs, ys, crs)
        known = np.isfinite(xs) & np.isfinite(ys)
        return (x, y) if len(x) and (np.isfinite(x) & np.isfinite(y))[known].all() else None

    def _trimmed(self, rows: list[Piece], columns: list[Piece], keep: Array) -> Selection:
        """The selection without the outer rows and columns that keep nothing."""
        down, across = np.flatnonzero(keep.any(axis=1)), np.flatnonzero(keep.any(axis=0))
        if not len(down):
            return nothing(self.uri)
        top, bottom, left, right = int(down[0]), int(down[-1]) + 1, int(across[0]), int(across[-1]) + 1
        kept = keep[top:bottom, left:right]
        return self._selected(
            _part(rows, top, bottom), _part(columns, left, right), None if kept.all() else np.ascontiguousarray(kept)
        )

    def _selected(self, rows: list[Piece], columns: list[Piece], keep: Array | None) -> Selection:
        if not rows or not columns:
            return nothing(self.uri)
        x, x_bounds = self.across.written(columns)
        y, y_bounds = self.down.written(rows)
        windows = tuple((rows[0][0], part) for part, _ in columns)
        return Selection(windows, x, y, self.uri, x_bounds, y_bounds, keep, affine=self.affine)

    # --- all of it -------------------------------------------------------------------------------------------

    def bbox(self) -> BBox:
        """Around all cells: west, south, east, north in CRS84; west is east of east where they cross 180 degrees."""
        if is_lonlat(self.crs) and self.affine is None:
            west, east = arc(self.across.lows, self.across.highs)
            return written_bbox(west, float(self.down.lows[0]), east, float(self.down.highs[-1]))
        x, y = np.meshgrid(
            np.linspace(self.across.lows[0], self.across.highs[-1], 65),
            np.linspace(self.down.lows[0], self.down.highs[-1], 65),
        )
        lon, lat = (a.reshape(x.shape) for a in self._outwards(x.ravel(), y.ravel(), LONLAT))
        there = np.isfinite(lon) & np.isfinite(lat)
        return self._round_poles(np.where(there, lon, np.nan), lat[there])

    def _round_poles(self, lon: Array, lat: Array) -> BBox:
        """Around samples: the longitudes over rows and columns, NaN where there are none, and the latitudes."""
        if not len(lat):
            return -180.0, -90.0, 180.0, 90.0
        west, east = arc(*_stretches(lon))
        south, north = float(lat.min()), float(lat.max())
        poles = self.nearest([(0.0, 90.0), (0.0, -90.0)], LONLAT)
        north = 90.0 if poles[0] is not None else north
        south = -90.0 if poles[1] is not None else south
        if any(p is not None for p in poles):
            west, east = -180.0, 180.0
        return written_bbox(west, south, east, north)


def _stretches(lon: Array) -> tuple[Array, Array]:
    """The longitudes from each sample to its neighbours, as intervals."""
    lows, highs = [lon.ravel()], [lon.ravel()]
    for axis in (0, 1):
        start = np.take(lon, range(lon.shape[axis] - 1), axis).ravel()
        step = (np.diff(lon, axis=axis).ravel() + CIRCLE / 2) % CIRCLE - CIRCLE / 2
        lows.append(start + np.minimum(step, 0))
        highs.append(start + np.maximum(step, 0))
    low, high = np.concatenate(lows), np.concatenate(highs)
    known = np.isfinite(low) & np.isfinite(high)
    return low[known], high[known]


def written_bbox(west: float, south: float, east: float, north: float) -> BBox:
    """A box that is written: over 180 degrees, west is east of east."""
    east = east - CIRCLE if east > 180 + 1e-9 else min(east, 180.0)
    return round(west, 9), round(max(south, -90.0), 9), round(east, 9), round(min(north, 90.0), 9)


def _is_thin(box: Box) -> bool:
    return box.west == box.east or box.south == box.north


def _count(pieces: Sequence[Piece]) -> int:
    return sum(part.stop - part.start for part, _ in pieces)


def _part(pieces: Sequence[Piece], start: int, stop: int) -> list[Piece]:
    """What lies from `start` to `stop` of pieces that are joined."""
    found, before = [], 0
    for part, turn in pieces:
        size = part.stop - part.start
        low, high = max(start - before, 0), min(stop - before, size)
        if low < high:
            found.append((slice(part.start + low, part.start + high), turn))
        before += size
    return found


def _alike(one: Line, other: Line) -> bool:
    """Whether two axes have the same coordinates, to a thousandth of a cell; longitudes by whole circles too."""
    size = float(np.min(one.highs - one.lows))
    away = one.values - other.values
    if one.turning and other.turning:
        away = away - CIRCLE * round(float(away[0]) / CIRCLE)
    return bool(np.abs(away).max() <= 1e-3 * size)
