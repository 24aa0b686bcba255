"""The axes of a parameter beside the horizontal: time, levels, members and others, in canonical form."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from poles import times
from poles.cf import units_of, words
from poles.coverage import Axis
from poles.errors import PolesError
from poles.grids.coordinates import Coordinate, File
from poles.physical import numbers
from poles.roles import positive
from poles.sources import dates
from poles.stored import Array, Stored

_CALLED = ("realization", "forecast_period", "forecast_reference_time", "radiation_wavelength", "quantile")
"""Standard names by which a dimension is called even where the coordinate does not order it."""
_PACKING = ("scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned")


@dataclass(frozen=True, slots=True, eq=False)
class Along:
    """An axis and the stored dimension that it runs along: None for a scalar.

    `flip`: stored in decreasing order. `order`: stored in no order; the stored step of each of the axis.
    """

    axis: Axis
    dim: str | None
    flip: bool = False
    used: str = ""
    """Key of the coordinate."""
    note: str = ""
    """What was wrong with it, and how it is read all the same."""
    order: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class CellTimes:
    """A time a cell, of a swath: its array and the dimensions that it has."""

    stored: Stored
    dims: tuple[str, ...]


@dataclass(eq=False)
class Axes:
    """Finds the axes of the arrays of a file; those that share a coordinate share the axis object."""

    file: File
    _known: dict[tuple[str, str], Along] = field(default_factory=dict)

    def of(self, stored: Stored, horizontal: Sequence[str]) -> tuple[Along, ...]:
        """The axes of an array but its horizontal, in canonical order: t, others as stored, z. Names are unique."""
        found: list[Along] = []
        for dim, size in zip(stored.dims, stored.shape, strict=True):
            if dim not in horizontal:
                along = self._along(stored, dim, size)
                if along is not None:
                    found.append(self._apart(along, {a.axis.name for a in found}))
        names = {a.axis.name for a in found}
        found += [a for a in self._scalars(stored, horizontal) if a.axis.name not in names]
        return tuple(sorted(found, key=lambda a: {"t": 0, "z": 2}.get(a.axis.name, 1)))

    def _apart(self, along: Along, taken: set[str]) -> Along:
        """An axis under another name where its own is taken: a second vertical is called as the file calls it."""
        if along.axis.name not in taken and along.axis.name not in ("x", "y"):
            return along
        key = (along.used or along.axis.key, "apart")
        if key not in self._known:
            name = along.axis.standard_name or along.axis.key
            name = name if name not in taken | {"x", "y", "z", "t"} else f"{along.axis.key}_axis"
            self._known[key] = replace(along, axis=replace(along.axis, name=name))
        return self._known[key]

    # --- along a dimension -----------------------------------------------------------------------------------

    def _along(self, stored: Stored, dim: str, size: int) -> Along | None:
        """The axis of one dimension; None for a dimension of one that means nothing."""
        chosen = self._coordinate(stored, dim)
        if chosen is None:
            return None if size == 1 else self._counted(dim, size, dim.rpartition("/")[2], None)
        key = (chosen.key, dim)
        if key not in self._known:
            self._known[key] = self._made(chosen, dim, size)
        return self._known[key]

    def _coordinate(self, stored: Stored, dim: str) -> Coordinate | None:
        """What lies along a dimension: its namesake, unless that says less than an auxiliary of a meaning."""
        own = self.file.namesake(dim)
        said = "" if own is None else words(own.stored.attrs, "standard_name")
        if own is not None and (own.role in ("t", "z") or said not in ("", "forecast_period")):
            return own
        listed = {c.key for c in self.file.listed(stored)}
        others = [
            c for c in self.file.coordinates.values()
            if self._lies_along(c, stored, dim) and c.key != stored.key and c is not own
            and (c.key in listed or c.role == "t" or (c.role == "z" and own is None and not _is_data(c, stored)))
        ]  # fmt: skip
        meant = [c for c in others if c.role in ("t", "z")] + [
            c for c in others if c.role is None and own is None and self._orders(c)
        ]
        if meant and (own is None or meant[0].role == "t"):
            return min(meant, key=lambda c: (c.role != "t", c.key not in listed, c.role != "z"))
        if own is None:
            named = (c for c in others if words(c.stored.attrs, "standard_name") in _CALLED)
            return next(named, None) or self._dates_beside(dim) or self._labels_beside(others, listed)
        return own

    def _lies_along(self, c: Coordinate, stored: Stored, dim: str) -> bool:
        """Whether an auxiliary has one value a step; valid times may also have dimensions of one that the array has."""
        if c.role == "t" and c.dims == (dim,):
            return set(c.stored.dims) <= set(stored.dims)
        return c.stored.dims == (dim,)

    def _labels_beside(self, others: Sequence[Coordinate], listed: set[str]) -> Coordinate | None:
        """Texts that an array names among its coordinates, one of its own a step."""
        texts = (c for c in others if c.key in listed and c.stored.dtype.kind == "O")
        return next((c for c in texts if len(set(c.stored.whole().tolist())) == c.stored.shape[0]), None)

    def _dates_beside(self, dim: str) -> Coordinate | None:
        """Texts of dates along a dimension of times that has no numbers (`Times` of WRF)."""
        if not self.file.counts_time(dim):
            return None
        texts = (c for c in self.file.coordinates.values() if c.stored.dims == (dim,) and c.stored.dtype.kind == "O")
        return next((c for c in texts if _dates(c.stored) is not None), None)

    def _orders(self, c: Coordinate) -> bool:
        """Whether numbers run along a dimension in order."""
        return c.stored.dtype.kind in "iuf" and _direction(numbers(c.stored)) is not None

    def _made(self, c: Coordinate, dim: str, size: int) -> Along:
        stored = c.stored
        found = self._timed(stored, dim) if c.role == "t" or stored.dtype.kind == "O" else None
        if found is not None:
            return found
        if stored.dtype.kind == "O":
            return self._labelled(stored, dim)
        values = np.atleast_1d(numbers(stored))
        way, order = _direction(values), None
        if way is None:
            order = _ordered(values, np.isfinite(values), once=True)
            if order is None:
                return self._counted(dim, size, _name(c, dim), stored)
        bounds = _bounds(self.file, stored)
        turn = slice(None, None, -1) if way == -1 else slice(None) if order is None else np.array(order)
        values, bounds = values[turn], None if bounds is None else bounds[turn]
        axis = Axis(
            "z" if c.role == "z" else _name(c, dim),
            np.ascontiguousarray(values),
            None if bounds is None else np.sort(bounds, axis=1),
            units_of(stored.attrs),
            stored.name,
            words(stored.attrs, "long_name"),
            words(stored.attrs, "standard_name") or None,
            positive(stored) if c.role == "z" else None,
        )
        note = self._undated(c) if order is None else f"{stored.key}: not in order; read in order"
        return Along(axis, dim, way == -1, stored.key, note, order)

    def _undated(self, c: Coordinate) -> str:
        """What is said of a time that counts from no date."""
        unit = units_of(c.stored.attrs)
        named = words(c.stored.attrs, "standard_name") == "time" or c.stored.name.lower() == "time"
        undated = named and c.role != "t" and not times.is_time(unit)
        return f"{c.key}: {unit!r} counts from no date; kept as numbers" if undated else ""

    def _labelled(self, stored: Stored, dim: str) -> Along:
        labels = np.array(["" if v is None else str(v) for v in stored.whole().ravel().tolist()], object)
        standard = words(stored.attrs, "standard_name")
        axis = Axis(standard or stored.name, labels, key=stored.name, label=words(stored.attrs, "long_name"),
                    standard_name=standard or None)  # fmt: skip
        return Along(axis, dim, used=stored.key)

    def _counted(self, dim: str, size: int, name: str, stored: Stored | None) -> Along:
        """An axis of numbers 0 .. n-1, where no coordinate tells the steps apart in order."""
        key = (f"{dim} counted", name)
        if key not in self._known:
            short = dim.rpartition("/")[2]
            name = name if name not in ("t", "z", "x", "y") else f"{short}_index"
            axis = Axis(
                name, np.arange(size, dtype=np.float64), key=short if stored is None else stored.name,
                label="" if stored is None else words(stored.attrs, "long_name"),
                standard_name=None if stored is None else words(stored.attrs, "standard_name") or None,
            )  # fmt: skip
            note = "" if stored is None else f"{stored.key}: runs neither forwards nor backwards; steps are counted"
            self._known[key] = Along(axis, dim, used="" if stored is None else stored.key, note=note)
        return self._known[key]

    def _timed(self, stored: Stored, dim: str | None) -> Along | None:
        """A time axis; None where texts are no dates, or most times are missing or come twice."""
        decoded = _dates(stored) if stored.dtype.kind == "O" else _decoded(stored, stored)
        if decoded is None:
            return None
        ms, calendar = decoded[0].ravel(), decoded[1]
        known = ms != times.MISSING
        way, order = _direction(ms) if known.all() else None, None
        if way is None:
            order = _ordered(ms, known)
            if order is None:
                return None
        bounds = self._time_bounds(stored, len(ms))
        turn = slice(None, None, -1) if way == -1 else slice(None) if order is None else np.array(order)
        ms, bounds = ms[turn], None if bounds is None else bounds[turn]
        axis = Axis("t", np.ascontiguousarray(ms), bounds, "", stored.name, words(stored.attrs, "long_name"),
                    words(stored.attrs, "standard_name") or None, calendar=calendar)  # fmt: skip
        note = (
            "" if order is None else f"{stored.key}: not in order, twice or missing; read in order, the last of equals"
        )
        return Along(axis, dim, way == -1, stored.key, note, order)

    def _time_bounds(self, stored: Stored, n: int) -> Array | None:
        found = self.file.bounds_of(stored)
        if found is None or found.shape not in ((n, 2), (2,) if n == 1 else (n, 2)):
            return None
        decoded = _decoded(found, stored)
        if decoded is None or (decoded[0] == times.MISSING).any():
            return None
        return np.sort(decoded[0].reshape(n, 2), axis=1)

    # --- scalars ---------------------------------------------------------------------------------------------

    def _scalars(self, stored: Stored, horizontal: Sequence[str]) -> Iterator[Along]:
        """The time and level of an array that has them as scalars; of those not listed, the time of the file alone."""
        listed = [self.file.coordinates[s.key] for s in self.file.listed(stored) if s.key in self.file.coordinates]
        alone = [c for c in listed if self._alone(c, stored)]
        whole = [c for _, c in self.file.of(stored, "t") if self._alone(c, stored) and _is_valid_time(c)]
        unlisted = [c for c in whole if not self._is_of_others(c)]
        for wanted, options in (("t", [*alone, *unlisted]), ("z", alone)):
            chosen = next((c for c in options if c.role == wanted), None)
            if chosen is None or (wanted == "t" and self.cell_times(stored, horizontal) is not None):
                continue
            key = (chosen.key, "scalar")
            if key not in self._known:
                made = self._timed(_flat(chosen.stored), None) if wanted == "t" else self._made(chosen, "", 1)
                if made is None or not _is_known(made.axis.values):
                    continue
                self._known[key] = replace(made, dim=None)
            yield self._known[key]

    def others_alone(self, stored: Stored) -> Iterator[Axis]:
        """Scalars of an array that are no axes: a member, the start of a forecast."""
        for listed in self.file.listed(stored):
            c = self.file.coordinates.get(listed.key)
            if c is None or c.role is not None or not self._alone(c, stored) or c.stored.dtype.kind not in "iufO":
                continue
            values = c.stored.whole().ravel() if c.stored.dtype.kind == "O" else numbers(c.stored).ravel()
            if _is_known(values):
                yield Axis(_name(c, ""), values, unit=units_of(c.stored.attrs), key=c.stored.name,
                           standard_name=words(c.stored.attrs, "standard_name") or None)  # fmt: skip

    def _is_of_others(self, c: Coordinate) -> bool:
        """Whether arrays run along a time of one, so that those that do not have none."""
        dims = set(c.stored.dims)
        bounds = self.file.bounds
        return any(dims & set(s.dims) for k, s in self.file.arrays.items() if k != c.key and k not in bounds)

    def _alone(self, c: Coordinate, stored: Stored) -> bool:
        return int(np.prod(c.stored.shape)) == 1 and not set(c.stored.dims) & set(stored.dims)

    def cell_times(self, stored: Stored, horizontal: Sequence[str]) -> CellTimes | None:
        """The times of the cells of a swath: an array of valid times over dimensions of the horizontal."""
        for _, c in self.file.of(stored, "t"):
            if c.dims and set(c.dims) <= set(horizontal) and _is_valid_time(c):
                return CellTimes(c.stored, c.dims)
        return None

    def times_of_cells(self, found: CellTimes, horizontal: Sequence[str], shape: Sequence[int]) -> Array:
        """int64 milliseconds over the horizontal."""
        decoded = _decoded(found.stored, found.stored)
        assert decoded is not None
        own = [d for d in found.stored.dims if d in found.dims]
        ms = decoded[0].reshape([n for d, n in zip(found.stored.dims, found.stored.shape, strict=True) if d in own])
        ms = ms.transpose([own.index(d) for d in horizontal if d in own])
        spread = ms.reshape([n if d in own else 1 for d, n in zip(horizontal, shape, strict=True)])
        return np.ascontiguousarray(np.broadcast_to(spread, tuple(shape)))


def calendar_of(stored: Stored) -> str:
    """The calendar of an array of times."""
    return times.decode(np.zeros(1), units_of(stored.attrs), words(stored.attrs, "calendar") or None)[1]


def _decoded(stored: Stored, parent: Stored) -> tuple[Array, str] | None:
    """Times in milliseconds and their calendar, by the units of the array or its parent; None where they are none."""
    unit = units_of(stored.attrs)
    unit = unit if times.is_time(unit) else units_of(parent.attrs)
    calendar = words(stored.attrs, "calendar") or words(parent.attrs, "calendar") or None
    try:
        if stored.dtype.kind == "M":
            return times.decode(stored.whole())
        attrs = {**{k: v for k, v in parent.attrs.items() if k in _PACKING}, **stored.attrs}
        return times.decode(_times(stored, attrs), unit, calendar)
    except PolesError:
        return None


def _times(stored: Stored, attrs: dict[str, object]) -> Array:
    """Numbers of times: whole ones stay whole, as 64 bits of float do not hold nanoseconds."""
    whole = stored.whole()
    if whole.dtype.kind in "iu" and not {"scale_factor", "add_offset"} & set(attrs):
        found = numbers(stored, whole, attrs)
        return whole if not np.isnan(found).any() else found
    return numbers(stored, whole, attrs)


def _dates(stored: Stored) -> tuple[Array, str] | None:
    """Texts as milliseconds and their calendar; None where any is no date."""
    texts = [str(value).strip() for value in stored.whole().ravel().tolist()]
    try:
        found = dates.parsed(pa.array(texts, pa.string()))
        if found is None:
            moments = [times.moment(text) for text in texts]
            found = np.array([times.milliseconds(moment, "standard") for moment in moments], np.int64)
    except (PolesError, dates.Ambiguous):
        return None
    return found, "standard"


def _is_valid_time(c: Coordinate) -> bool:
    """Whether times are those the values are of, not those of a forecast's start."""
    standard = words(c.stored.attrs, "standard_name")
    return standard == "time" or (standard == "" and c.stored.name.lower() in ("time", "valid_time", "time_counter"))


def _is_data(c: Coordinate, stored: Stored) -> bool:
    """Whether an array that looks like a level is a parameter of its own."""
    return bool(words(c.stored.attrs, "coordinates") or words(c.stored.attrs, "grid_mapping"))


def _is_known(values: Array) -> bool:
    return values.dtype.kind != "f" or bool(np.isfinite(values).all())


def _flat(stored: Stored) -> Stored:
    """A scalar as an array of one."""
    return Stored(stored.key, ("",), (1,), stored.dtype, stored.attrs, lambda _: stored.whole().reshape(1))


def _direction(values: Array) -> int | None:
    """1 for increasing, -1 for decreasing values, None for any others."""
    flat = values.ravel()
    if flat.dtype.kind == "f" and not np.isfinite(flat).all():
        return None
    if (flat[1:] > flat[:-1]).all():
        return 1
    return -1 if (flat[1:] < flat[:-1]).all() else None


def _ordered(values: Array, known: Array, *, once: bool = False) -> tuple[int, ...] | None:
    """The steps in increasing order, those that are known, of equal ones the last.

    None where that leaves no more than half of them, or, with `once`, not all.
    """
    last = {value: i for i, value in enumerate(values.tolist()) if known[i]}
    if 2 * len(last) <= len(values) or (once and len(last) < len(values)):
        return None
    return tuple(last[value] for value in sorted(last))


def _name(c: Coordinate, dim: str) -> str:
    return words(c.stored.attrs, "standard_name") or c.stored.name or dim.rpartition("/")[2]


def _bounds(file: File, stored: Stored) -> Array | None:
    found = file.bounds_of(stored)
    n = int(np.prod(stored.shape))
    if found is None or found.dtype.kind not in "iuf":
        return None
    attrs = {**{k: v for k, v in stored.attrs.items() if k in _PACKING}, **found.attrs}
    values = numbers(found, attrs=attrs)
    if not np.isfinite(values).all():
        return None
    if values.shape == (n, 2) or (n == 1 and values.shape == (2,)):
        return values.reshape(n, 2)
    if values.shape == (n + 1,):
        return np.column_stack([values[:-1], values[1:]])
    return None
