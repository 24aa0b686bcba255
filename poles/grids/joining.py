"""Several files as one: joined along time or another axis, their parameters side by side, read where they lie."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Protocol

import numpy as np

from poles import times
from poles.coverage import Axis
from poles.dataset import Described
from poles.errors import Unreadable
from poles.grids.gridded import Grid, GridParameter, Reader, ordered
from poles.grids.placing import Horizontal
from poles.grids.reading import stepwise
from poles.query import Moment
from poles.stored import Array


class Dated(Protocol):
    """What is asked of a part: where it lies, and the time that its name tells (in the standard calendar)."""

    @property
    def href(self) -> str: ...

    @property
    def time(self) -> int | None: ...


Members = Sequence[tuple[Dated, tuple[Grid, ...]]]


def joined(members: Members) -> tuple[Grid, ...]:
    """The grids of several files as one.

    Times come from the data, else from the name of the file; they are sorted, and of two equal ones the later file
    wins. Files that differ in another axis, a level or member, are joined along that. Files with different
    parameters of the same cells are put side by side. Raises Unreadable, naming two files, where cells, calendars or
    axes do not fit, or nothing tells two files apart.
    """
    horizontals: list[tuple[Dated, Grid]] = []
    pieces: dict[tuple[int, str], list[_Piece]] = {}
    for part, grids in members:
        timed = any(_has_times(g) for g in grids)
        named = None if timed else part.time
        for grid in grids:
            number = _matched(horizontals, part, grid)
            for parameter in grid.parameters.values():
                piece = _piece(part, grid, parameter, timed)
                pieces.setdefault((number, parameter.key), []).append(piece if named is None else _dated(piece, named))
    found: list[_Open] = []
    notes = [m for _, grids in members for g in grids for m in g.mended]
    for (number, key), same in pieces.items():
        whole = _together(same)
        _put(found, horizontals[number][1], whole)
        if "t" in whole.axes and sum(p.steps for p in same) > whole.steps:
            notes.append(f"{key}: some times are in several files; those of the last are read")
    return tuple(f.grid(tuple(dict.fromkeys(notes))) for f in found)


def _has_times(grid: Grid) -> bool:
    return grid.cell_times is not None or grid.axis("t") is not None


def _matched(known: list[tuple[Dated, Grid]], part: Dated, grid: Grid) -> int:
    """The number of the horizontal of a grid among those of the first file."""
    for number, (_, other) in enumerate(known):
        if other.horizontal is grid.horizontal or other.horizontal.same(grid.horizontal):
            if other.cell_times is not None and known[number][0].href != part.href:
                raise _unfit(part, known[number][0], "a swath has its own times", "publish each swath apart")
            return number
    if known and known[0][0].href != part.href:
        raise _unfit(part, known[0][0], "the cells are not the same", "publish them apart")
    known.append((part, grid))
    return len(known) - 1


def _unfit(part: Dated, other: Dated, found: str, remedy: str) -> Unreadable:
    return Unreadable(part.href, f"beside {other.href}, {found}", remedy)


# --- pieces --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Piece:
    """One parameter of one file, or of several that are joined already."""

    part: Dated
    description: Described
    axes: Mapping[str, Axis]
    """By name, in canonical order, but the horizontal."""
    horizontal: tuple[str, ...]
    sizes: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Reader
    chunks: Mapping[str, int]
    scalars: Mapping[str, Axis]
    timed: bool
    """Whether anything in its file has times."""
    dated: bool = False
    """Whether the name of its file tells its time."""

    @property
    def steps(self) -> int:
        """How many fields it has."""
        return prod(len(a) for a in self.axes.values())


def _piece(part: Dated, grid: Grid, parameter: GridParameter, timed: bool) -> _Piece:
    axes = {a.name: a for a in grid.axes if a.name in parameter.axes}
    scalars = {a.name: a for a in grid.scalars}
    return _Piece(
        part, parameter.description, axes, grid.horizontal.dims, grid.horizontal.shape, parameter.dtype,
        parameter.read, parameter.chunks or {}, scalars, timed,
    )  # fmt: skip


def _dated(piece: _Piece, ms: int) -> _Piece:
    """A piece with the time that the name of its file tells."""
    return replace(_with_axis(piece, Axis("t", np.array([ms], np.int64), calendar="standard")), dated=True)


def _with_axis(piece: _Piece, axis: Axis) -> _Piece:
    """A piece that has one more axis, of one."""
    axes = {a.name: a for a in ordered({**piece.axes, axis.name: axis})}
    at, read, name = list(axes).index(axis.name), piece.read, axis.name

    def expanded(index: Mapping[str, slice]) -> Array:
        return np.expand_dims(read({k: v for k, v in index.items() if k != name}), at)

    return replace(piece, axes=axes, read=expanded, chunks={**piece.chunks, name: 1})


def _together(pieces: Sequence[_Piece]) -> _Piece:
    """One parameter of many files, joined along the axes in which they differ: time last."""
    first = pieces[0]
    if len(pieces) == 1:
        return first
    for other in pieces[1:]:
        if list(other.axes) != list(first.axes):
            said = (
                f"{first.description.key} has the axes {', '.join(other.axes) or 'none'}, there {', '.join(first.axes)}"
            )
            raise _unfit(other.part, first.part, said, "publish them apart")
    differ = [n for n in first.axes if not all(_equal(first.axes[n], p.axes[n]) for p in pieces[1:])]
    told = _by_scalar(pieces) if set(differ) <= {"t"} else None
    if told is not None:
        return _together(told)
    if not differ:
        return _alike(pieces)
    name = next((n for n in differ if n != "t"), "t")
    if differ == [name]:
        return _along(pieces, name)
    parted = [_together(group) for group in _parted(pieces, name)]
    for other in parted[1:]:
        unlike = next((n for n in first.axes if n != name and not _equal(parted[0].axes[n], other.axes[n])), None)
        if unlike is not None:
            found = f"both {name} and {unlike} of {first.description.key} differ"
            raise _unfit(other.part, parted[0].part, found, f"give every {name} every {unlike}")
    return _along(parted, name)


def _parted(pieces: Sequence[_Piece], name: str) -> list[list[_Piece]]:
    """Pieces that have the same values along one axis."""
    groups: list[list[_Piece]] = []
    for piece in pieces:
        group = next((g for g in groups if _equal(g[0].axes[name], piece.axes[name])), None)
        if group is None:
            groups.append([piece])
        else:
            group.append(piece)
    return groups


def _by_scalar(pieces: Sequence[_Piece]) -> list[_Piece] | None:
    """The pieces with a scalar as one more axis, which tells them apart, each of its values having the same times."""
    for name in pieces[0].scalars:
        found = [a for p in pieces if name not in p.axes and (a := p.scalars.get(name)) is not None]
        steps: dict[str, set[int]] = {}
        for piece, axis in zip(pieces, found, strict=False):
            times_of = piece.axes["t"].values.tolist() if "t" in piece.axes else []
            steps.setdefault(str(axis.values[0]), set()).update(times_of)
        several = list(steps.values())
        if len(found) == len(pieces) and len(several) > 1 and all(s == several[0] for s in several):
            return [_with_axis(p, a) for p, a in zip(pieces, found, strict=True)]
    return None


def _alike(pieces: Sequence[_Piece]) -> _Piece:
    """The last of files with the same axes, if they have times. Raises Unreadable where nothing makes it the later."""
    first = pieces[0]
    if ("t" not in first.axes and not first.timed) or first.dated:
        said = f"nothing tells {first.description.key} of the one from that of the other"
        raise _unfit(pieces[1].part, first.part, said, "give --time-pattern")
    return pieces[-1]


def _equal(one: Axis, other: Axis) -> bool:
    if one is other:
        return True
    if len(one) != len(other) or not _same_days(one, other):
        return False
    if one.values.dtype.kind == "f" and other.values.dtype.kind == "f":
        return bool(np.allclose(one.values, other.values, rtol=1e-6, atol=0))
    return bool(np.array_equal(one.values, other.values))


# --- one axis ------------------------------------------------------------------------------------------------


def _along(pieces: Sequence[_Piece], name: str) -> _Piece:
    """Pieces one after the other along one axis, sorted; of equal steps that of the later piece."""
    axes = [p.axes[name] for p in pieces]
    for piece, axis in zip(pieces, axes, strict=True):
        if not _same_days(axis, axes[0]):
            found = f"the calendar is {axis.calendar}, there {axes[0].calendar}"
            raise _unfit(piece.part, pieces[0].part, found, "publish them apart")
    if name == "t":
        _told_apart(pieces)
    steps = _steps(axes)
    values = np.array([axes[m].values[i] for m, i in steps], axes[0].values.dtype)
    bounds = None
    if all(a.bounds is not None for a in axes):
        bounds = np.array([a.bounds[i] for m, i in steps if (a := axes[m]).bounds is not None])
    first = pieces[0]
    dtype = np.result_type(*{p.dtype for p in pieces}) if all(p.dtype != object for p in pieces) else np.dtype(object)
    lengths = {len(a) for a in axes}
    chunk = {name: lengths.pop()} if len(lengths) == 1 and name not in first.chunks else {}
    return replace(
        first,
        axes={**first.axes, name: replace(axes[0], values=values, bounds=bounds)},
        dtype=dtype,
        read=stepwise([p.read for p in pieces], steps, name, list(first.axes).index(name), dtype),
        chunks={**first.chunks, **chunk},
    )


def _told_apart(pieces: Sequence[_Piece]) -> None:
    """Raises Unreadable where the names of two files tell the same time: of these none is the later."""
    seen: dict[int, _Piece] = {}
    for piece in (p for p in pieces if p.dated):
        other = seen.setdefault(int(piece.axes["t"].values[0]), piece)
        if other is not piece:
            _alike([other, piece])


def _same_days(one: Axis, other: Axis) -> bool:
    """Whether two calendars count the same days: the mixed and the proleptic Gregorian one do since October 1582."""
    if one.calendar == other.calendar:
        return True
    gregorian = {one.calendar, other.calendar} == {"standard", "proleptic_gregorian"}
    return gregorian and all(int(a.values.min(initial=0)) >= _GREGORIAN for a in (one, other))


_GREGORIAN = times.milliseconds(Moment((1582, 10, 15)), "standard")


def _steps(axes: Sequence[Axis]) -> list[tuple[int, int]]:
    """The piece and the index in it of every step of the joined axis, in its order."""
    latest: dict[Any, tuple[int, int]] = {}
    for member, axis in enumerate(axes):
        for i, value in enumerate(axis.values.tolist()):
            latest[value] = (member, i)
    if axes[0].values.dtype == object:
        return list(latest.values())
    return [latest[value] for value in sorted(latest)]


# --- grids ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Open:
    """A grid that grows."""

    horizontal: Horizontal
    cell_times: tuple[Callable[[], Array], str] | None
    axes: dict[str, Axis]
    parameters: dict[str, GridParameter]
    scalars: dict[str, Axis]

    def grid(self, notes: tuple[str, ...]) -> Grid:
        return Grid(
            self.horizontal, ordered(self.axes), self.parameters, self.cell_times, notes,
            tuple(a for n, a in self.scalars.items() if n not in self.axes),
        )  # fmt: skip


def _put(found: list[_Open], grid: Grid, piece: _Piece) -> None:
    """Adds a parameter to the first grid of its cells whose axes fit, else to one of its own."""
    known = next(
        (
            g for g in found
            if g.horizontal is grid.horizontal and g.cell_times is grid.cell_times
            and all(n not in g.axes or _equal(g.axes[n], a) for n, a in piece.axes.items())
        ),
        None,
    )  # fmt: skip
    if known is None:
        known = _Open(grid.horizontal, grid.cell_times, {}, {}, {})
        found.append(known)
    known.axes.update({n: a for n, a in piece.axes.items() if n not in known.axes})
    known.scalars.update(piece.scalars)
    key, names = piece.description.key, (*piece.axes, *piece.horizontal)
    shape = (*(len(a) for a in piece.axes.values()), *piece.sizes)
    known.parameters[key] = GridParameter(
        key, piece.description, names, shape, piece.dtype, piece.read, piece.chunks or None
    )
