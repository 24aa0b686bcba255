"""Two-dimensional coordinates: longitudes and latitudes of rows and columns of cells, as they are stored."""

from collections.abc import Sequence

import numpy as np

from poles.crs import LONLAT, transform
from poles.errors import Unreadable
from poles.grids.canonical import PACKING
from poles.grids.curvilinear import Curvilinear
from poles.grids.horizontal import Rectilinear
from poles.grids.scattered import Cells, on_sphere
from poles.physical import numbers
from poles.roles import in_degrees_of
from poles.stored import Array, Stored


def ordered(dims: tuple[str, ...], stored: Stored | None) -> tuple[str, ...]:
    """Rows before columns: as the names say, else as the data have them."""
    names = [d.rpartition("/")[2].lower() for d in dims]
    columns = ("x", "i", "ni", "nx", "lon", "longitude", "west_east", "xc", "xi_rho", "xi", "rlon")
    rows = ("y", "j", "nj", "ny", "lat", "latitude", "south_north", "yc", "eta_rho", "eta", "rlat")
    if names[0] in columns and names[1] in rows:
        return dims[::-1]
    if names[0] in rows or stored is None:
        return dims
    return tuple(d for d in stored.dims if d in dims)


def moves(stored: Stored) -> bool:
    """Whether coordinates that have times, first, change along them: a few of the times are looked at."""
    n = stored.shape[0]
    steps = sorted({0, 1, n // 3, n // 2, n - 1})
    first, *others = (stored.read((slice(i, i + 1), *(slice(0, m) for m in stored.shape[1:]))) for i in steps)
    return not all(np.array_equal(first, other, equal_nan=first.dtype.kind == "f") for other in others)


def over(stored: Stored, dims: tuple[str, ...]) -> Array:
    """A coordinate over some of its dimensions, in their order; at the first index of the others."""
    block = numbers(stored, stored.read(tuple(slice(0, n if d in dims else 1) for d, n in
                                              zip(stored.dims, stored.shape, strict=True))))  # fmt: skip
    own = [d for d in stored.dims if d in dims]
    block = block.reshape([n for d, n in zip(stored.dims, block.shape, strict=True) if d in dims])
    return in_degrees_of(stored, block.transpose([own.index(d) for d in dims]))


def loaded(lon: Stored, lat: Stored, dims: tuple[str, ...]) -> tuple[Array, Array]:
    """Longitudes and latitudes over some dimensions, NaN where missing."""
    return over(lon, dims), over(lat, dims)


def loaded_corners(
    lon: tuple[Stored, Stored], lat: tuple[Stored, Stored], dims: tuple[str, ...]
) -> tuple[Array, Array]:
    """The corners of cells from the bounds of their coordinates: one more dimension, the last."""
    found = []
    for parent, bounds in (lon, lat):
        attrs = {**{k: v for k, v in parent.attrs.items() if k in PACKING}, **bounds.attrs}
        values = in_degrees_of(parent, numbers(bounds, attrs=attrs))
        own = [d for d in parent.dims if d in dims]
        values = values.reshape([n for d, n in zip(parent.dims, parent.shape, strict=True) if d in dims] + [-1])
        found.append(values.transpose([*(own.index(d) for d in dims), len(dims)]))
    return found[0], found[1]


def known_somewhere(horizontal: Curvilinear | Cells, lon: Stored) -> None:
    """Raises Unreadable where no cell has a place; all are read only if some of them have none."""
    if horizontal.probe is not None and (np.abs(horizontal.probe()) <= 720).all():
        return
    x, y = horizontal.load()
    if not ((np.abs(x) <= 720) & (np.abs(y) <= 90.0001)).any():
        raise Unreadable(lon.key, "every longitude or latitude is missing", "fill the coordinates")


def probed(lon: Stored, lat: Stored) -> Array:
    """A few coordinates: of the corners and the middle."""
    found = []
    for stored in (lon, lat):
        for part in (0.0, 0.5, 1.0):
            at = tuple(slice(int(part * (n - 1)), int(part * (n - 1)) + 1) for n in stored.shape)
            found.append(numbers(stored, stored.read(at)).ravel())
    return np.concatenate(found)


def at(stored: Stored, dims: Sequence[str], flips: Sequence[bool], place: tuple[int, int]) -> float:
    """One value of a 2-D coordinate, by canonical row and column; at the first index of other dimensions."""
    index = dict(zip(dims, place, strict=True))
    turned = dict(zip(dims, flips, strict=True))
    where = (
        0 if d not in index else n - 1 - index[d] if turned[d] else index[d]
        for d, n in zip(stored.dims, stored.shape, strict=True)
    )  # fmt: skip
    value = numbers(stored, stored.read(tuple(slice(i, i + 1) for i in where)))
    return float(in_degrees_of(stored, value).ravel()[0])


def away(grid: Rectilinear, dims: Sequence[str], flips: Sequence[bool], lon: Stored, lat: Stored) -> float:
    """How far rows and columns lead from 2-D coordinates: the most of nine places of the grid, in cells."""
    furthest = 0.0
    for j in _thirds(grid.shape[0]):
        for i in _thirds(grid.shape[1]):
            rows = np.array([j, j, _beside(j, grid.shape[0])])
            columns = np.array([i, _beside(i, grid.shape[1]), i])
            x, y = transform(grid.x[columns], grid.y[rows], grid.crs, LONLAT)
            lon_said, lat_said = (at(s, dims, flips, (j, i)) for s in (lon, lat))
            if not abs(lat_said) <= 90.0001:
                continue
            # Without its longitude a cell still has a latitude to compare; a fill value is no degree.
            said = on_sphere(np.array(lon_said if abs(lon_said) <= 720 else x[0]), np.array(lat_said))
            here = on_sphere(np.asarray(x), np.asarray(y))
            cell = max(np.linalg.norm(here[1] - here[0]), np.linalg.norm(here[2] - here[0]))
            with np.errstate(invalid="ignore", divide="ignore"):
                off = float(np.linalg.norm(said - here[0]) / cell)
            furthest = max(furthest, off if off == off else np.inf)
    return furthest


def _beside(i: int, n: int) -> int:
    """The next row or column, at the end the one before."""
    return i + 1 if i + 1 < n else max(i - 1, 0)


def _thirds(n: int) -> list[int]:
    return sorted({0, n // 2, n - 1})
