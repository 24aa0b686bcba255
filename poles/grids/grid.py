"""Grids: from the arrays of an opened source to canonical form, with no configuration."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np

from poles.cf import described, words
from poles.coverage import Axis
from poles.crs import crs as crs_of
from poles.dataset import Category, Text
from poles.errors import Unreadable
from poles.grids.axes import Along, Axes, CellTimes, calendar_of
from poles.grids.coordinates import File
from poles.grids.gridded import Grid, GridParameter, ordered
from poles.grids.joining import joined
from poles.grids.mapping import is_mapping
from poles.grids.placing import Horizontal, Placed, Placing
from poles.grids.reading import Dim, reader, stepwise
from poles.physical import physical
from poles.stored import Array, Opened, Stored

__all__ = ["Grid", "GridParameter", "Horizontal", "grids", "is_sampling", "joined"]

_DISCRETE = {"point", "timeseries", "trajectory", "profile", "timeseriesprofile", "trajectoryprofile", "station"}
_ROLES = {"timeseries_id", "profile_id", "trajectory_id"}


def grids(opened: Opened, crs: str | None = None, names: Iterable[tuple[str, str]] = ()) -> tuple[Grid, ...]:
    """The grids of a source: one a horizontal, and one a set of axes where two axes have one name.

    `crs` wins over what the file says; `names` gives arrays for axes that nothing else tells (`("x", "Longitude")`).
    Raises Unreadable where no array can be placed rightly.
    """
    file = File(opened, names)
    found, reasons = _parameters(file, Placing(file, None if crs is None else crs_of(crs)))
    if not found:
        if reasons:
            raise reasons[0]
        raise Unreadable("data", "no array has a longitude and a latitude", "add coordinates with CF units")
    notes = tuple(dict.fromkeys(f"{e.subject}: {e.found}; left out" for e in reasons))
    keys = _keys([p.stored for p in found])
    axes = Axes(file)
    groups: list[_Group] = []
    for one in found:
        _put(groups, one, keys[one.stored.key], axes)
    return tuple(g.grid(notes) for g in groups)


def is_sampling(opened: Opened) -> bool:
    """Whether a source holds samples (stations, profiles, tracks), not cells: CF discrete sampling geometries.

    It does where it says so, or where nothing lies on a grid, but something has a place or a time.
    """
    said = words(opened.attrs, "featureType").lower().replace("_", "")
    if said in _DISCRETE or any(words(s.attrs, "cf_role") in _ROLES for s in opened.arrays.values()):
        return True
    file = File(opened)
    found, reasons = _parameters(file, Placing(file))
    if found or reasons or any(_is_image(file, s) for s in _candidates(file)):
        return False
    return any(c.role in ("lon", "lat", "t") for c in file.coordinates.values())


def _is_image(file: File, stored: Stored) -> bool:
    """Whether an array has two dimensions about which the file says nothing: cells that lie nowhere."""
    if stored.dtype.kind not in "iuf":
        return False
    told = {d for c in file.coordinates.values() if c.role is not None or c.names_dim for d in c.stored.dims}
    return sum(n > 1 and d not in told for d, n in zip(stored.dims, stored.shape, strict=True)) >= 2


# --- which arrays are parameters -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    stored: Stored
    placed: Placed


def _parameters(file: File, placing: Placing) -> tuple[list[_Found], list[Unreadable]]:
    """The arrays that lie on a horizontal, and why others that seem to do not."""
    found, reasons = [], []
    discrete = words(file.opened.attrs, "featureType").lower() in _DISCRETE
    for stored in () if discrete else _candidates(file):
        try:
            placed = placing.of(stored)
        except Unreadable as error:
            reasons.append(error)
            continue
        if placed is not None and set(placed.dims) <= set(stored.dims):
            found.append(_Found(stored, placed))
    used = {key for p in found for key in p.placed.used}
    axes = Axes(file)
    used |= {c.stored.key for p in found if (c := axes.cell_times(p.stored, p.placed.dims)) is not None}
    parameters = [p for p in found if p.stored.key not in used]
    kept = [p for p in parameters if 0 not in p.stored.shape]
    if parameters and not kept:
        key = parameters[0].stored.key
        return [], [Unreadable(key, "it has no values, along a dimension of no length", "leave the file out")]
    return kept, [e for e in reasons if e.subject not in used] if kept else reasons


def _candidates(file: File) -> Iterator[Stored]:
    """Arrays that may be parameters: no coordinates, bounds, mappings or parts of a mesh."""
    listed = file.listed_anywhere
    for key, stored in file.arrays.items():
        mapping = len(stored.dims) < 2 and is_mapping(stored.attrs)
        apart = key in listed or key in file.bounds or mapping or _is_structure(stored)
        plain = stored.dims and stored.dtype.kind in "iufbOSU" and len(set(stored.dims)) == len(stored.dims)
        if plain and not apart and not _is_coordinate(file, stored):
            yield stored


def _is_structure(stored: Stored) -> bool:
    """Whether an array tells how others hang together: ids, faces of a mesh, sigma levels."""
    named = words(stored.attrs, "cf_role") or words(stored.attrs, "formula_terms")
    return bool(named) or "connectivity" in words(stored.attrs, "standard_name")


def _is_coordinate(file: File, stored: Stored) -> bool:
    """Whether an array is a coordinate variable, or says where others lie."""
    found = file.coordinates.get(stored.key)
    if found is None:
        return False
    return found.names_dim or found.role in ("lon", "lat") or (len(stored.dims) == 1 and found.role in ("x", "y"))


def _keys(found: list[Stored]) -> dict[str, str]:
    """Keys of parameters by the keys of arrays: the name, or the path with dots where two groups hold that name."""
    count = Counter(s.name for s in found)
    return {s.key: s.name if count[s.name] == 1 else s.key.replace("/", ".") for s in found}


# --- grids ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Group:
    """A grid that grows: parameters of one horizontal, with no two axes of one name."""

    placed: Placed
    axes: dict[str, Along]
    parameters: dict[str, GridParameter]
    scalars: dict[str, Axis]
    timed: CellTimes | None
    cell_times: tuple[Callable[[], Array], str] | None = None

    def takes(self, placed: Placed, along: Iterable[Along], timed: CellTimes | None) -> bool:
        """Whether a parameter fits in: the same cells and times of cells, and no other axis of a name."""
        same = placed.horizontal is self.placed.horizontal and timed == self.timed
        return same and all(self.axes.get(a.axis.name, a) is a for a in along)

    def grid(self, notes: tuple[str, ...]) -> Grid:
        axes = ordered({n: a.axis for n, a in self.axes.items()})
        mended = (*self.placed.mended, *(a.note for a in self.axes.values() if a.note), *notes)
        scalars = tuple(self.scalars.values())
        return Grid(self.placed.horizontal, axes, self.parameters, self.cell_times, mended, scalars)


def _put(groups: list[_Group], one: _Found, key: str, axes: Axes) -> None:
    """Adds a parameter to the first grid that can take it, else to one of its own."""
    placed, stored = one.placed, one.stored
    along = axes.of(stored, placed.dims)
    timed = axes.cell_times(stored, placed.dims)
    group = next((g for g in groups if g.takes(placed, along, timed)), None)
    if group is None:
        group = _Group(placed, {}, {}, {}, timed)
        if timed is not None:
            of_cells = partial(axes.times_of_cells, timed, placed.dims, placed.horizontal.shape)
            group.cell_times = lru_cache(maxsize=1)(of_cells), calendar_of(timed.stored)
        groups.append(group)
    group.axes |= {a.axis.name: a for a in along}
    group.scalars |= {a.name: a for a in axes.others_alone(stored)}
    group.parameters[key] = _parameter(stored, key, placed, along)


def _parameter(stored: Stored, key: str, placed: Placed, along: tuple[Along, ...]) -> GridParameter:
    horizontal = placed.horizontal
    sizes = dict(zip(stored.dims, stored.shape, strict=True))
    of_dim = {a.dim: Dim(a.axis.name, sizes[a.dim], sizes[a.dim], a.flip) for a in along if a.dim is not None}
    for name, dim, size, flip in zip(horizontal.dims, placed.dims, horizontal.shape, placed.flips, strict=True):
        of_dim[dim] = Dim(name, sizes[dim], size, flip)
    dims = [of_dim.get(d, Dim(None, n, 1)) for d, n in sizes.items()]
    names = (*(a.axis.name for a in along), *horizontal.dims)
    values = physical(stored, default_fill=not _is_band(stored))
    lengths = {a.axis.name: len(a.axis) for a in along} | dict(zip(horizontal.dims, horizontal.shape, strict=True))
    pieces = zip(dims, stored.chunks or (), strict=stored.chunks is not None)
    chunks = {d.axis: n for d, n in pieces if d.axis is not None} or None
    description = described(stored, key)
    if not description.categories:
        description = replace(description, categories=_masks(stored))
    shape = tuple(lengths[n] for n in names)
    read = reader(stored, dims, names, values)
    for a in along:
        if a.order is not None:
            name = a.axis.name
            read = stepwise([read], [(0, i) for i in a.order], name, names.index(name), values.dtype)
            chunks = {n: c for n, c in (chunks or {}).items() if n != name} or None
    return GridParameter(key, description, names, shape, values.dtype, read, chunks)


def _is_band(stored: Stored) -> bool:
    """Whether an array is a band of a raster, in which every number may be a value."""
    return stored.dims == ("y", "x") and words(stored.attrs, "grid_mapping") == "crs"


def _masks(stored: Stored) -> tuple[Category, ...]:
    """The meanings of `flag_masks`, one a bit."""
    masks, meanings = stored.attrs.get("flag_masks"), words(stored.attrs, "flag_meanings").split()
    if masks is None or isinstance(masks, str) or "flag_values" in stored.attrs:
        return ()
    values = [int(v) for v in np.ravel(masks).tolist()]
    shown = [m.replace("_", " ") for m in meanings]
    return (
        tuple(Category(v, Text(m, m)) for v, m in zip(values, shown, strict=True)) if len(values) == len(shown) else ()
    )
