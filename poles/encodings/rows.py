"""A coverage as rows, one a cell, level, time and other step: coordinates first, then parameters, column by column."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from poles.coverage import Block, Coverage
from poles.encodings.arrays import lead
from poles.encodings.columns import column, time_column
from poles.stored import Array

ROWS = 1 << 16
"""Rows written at once."""

Written = Callable[[pa.Array], pa.Array]
"""Turns a column into texts, as one format writes them; null stays null."""

_FIRST = ("x", "y", "z", "t")


def coordinates(coverage: Coverage) -> tuple[str, ...]:
    """Names of all coordinates: x, y, z, t, then the others."""
    composite = coverage.composite.coordinates if coverage.composite is not None else ()
    there = (*composite, *(a.name for a in coverage.axes))
    return (*(n for n in _FIRST if n in there), *(n for n in there if n not in _FIRST))


def apart(names: Iterable[str], taken: Iterable[str]) -> list[str]:
    """Names of columns that no parameter or property has.

    >>> apart(["x", "y"], ["y"])
    ['x', 'y_']
    """
    found, used = [], set(taken)
    for name in names:
        while name in used:
            name += "_"
        used.add(name)
        found.append(name)
    return found


def rows(coverage: Coverage, written: Written) -> Iterator[tuple[dict[str, pa.Array], dict[str, pa.Array]]]:
    """Batches of at most `ROWS` rows: the coordinates and the parameters, each column as texts.

    Rows come in the order of the axes: time first, x fastest. A parameter without some axis is repeated along it.
    """
    dims, shape = _union(coverage)
    columns = _columns(coverage, dims, written)
    for start, values in _slabs(coverage, dims, shape):
        length = len(next(iter(values.values()))) if values else int(np.prod(shape, dtype=np.int64))
        for first in range(0, length, ROWS):
            part = slice(first, min(first + ROWS, length))
            index = np.unravel_index(np.arange(start + part.start, start + part.stop), shape or (1,))
            places = {c.name: c.at(index[c.dim] if shape else index[0]) for c in columns}
            yield places, {key: written(column(v[part])) for key, v in values.items()}


@dataclass(frozen=True, slots=True)
class _Column:
    """One coordinate, and the dimension that it varies along; short ones are written once."""

    name: str
    dim: int
    values: Array
    ready: pa.Array | None
    write: Callable[[Array], pa.Array]

    def at(self, index: Array) -> pa.Array:
        if self.ready is not None:
            return self.ready.take(pa.array(index))
        return self.write(self.values[index])


def _columns(coverage: Coverage, dims: tuple[str, ...], written: Written) -> list[_Column]:
    places = [(a.name, a.name, a.values, a.calendar) for a in coverage.axes]
    composite = coverage.composite
    if composite is not None:
        pairs = zip(composite.coordinates, composite.values, strict=True)
        places += [(name, "composite", values, composite.calendar) for name, values in pairs]
    found = {name: _column(name, dims.index(dim), values, calendar, written) for name, dim, values, calendar in places}
    return [found[name] for name in coordinates(coverage)]


def _column(name: str, dim: int, values: Array, calendar: str | None, written: Written) -> _Column:
    def write(some: Array) -> pa.Array:
        return written(time_column(some, calendar or "standard") if name == "t" else column(some))

    return _Column(name, dim, values, write(values) if len(values) <= ROWS else None, write)


def _union(coverage: Coverage) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """All dimensions of the coverage, cells last, and their lengths."""
    sizes = {a.name: len(a) for a in coverage.axes}
    if coverage.composite is not None:
        sizes["composite"] = len(coverage.composite.values[0])
    return tuple(sizes), tuple(sizes.values())


def _slabs(coverage: Coverage, dims: tuple[str, ...], shape: tuple[int, ...]) -> Iterator[tuple[int, dict[str, Array]]]:
    """Runs of rows along the first long axis: number of the first row, and the values of each parameter."""
    at = lead(shape)
    total, rest = (shape[at] if shape else 1), int(np.prod(shape[at + 1 :], dtype=np.int64))
    step = max(1, ROWS // max(1, rest))
    feeds = {key: _Feed(block, dims, at) for key, block in coverage.ranges.items()}
    for start in range(0, total, step):
        count = min(step, total - start)
        full = (*shape[:at], count, *shape[at + 1 :])
        yield start * rest, {k: np.broadcast_to(f.take(start, count), full).reshape(-1) for k, f in feeds.items()}


class _Feed:
    """The values of one parameter in steps along one axis, whatever the pieces that its block comes in."""

    def __init__(self, block: Block, dims: tuple[str, ...], at: int) -> None:
        self._shape = tuple(block.shape[block.dims.index(d)] if d in block.dims else 1 for d in dims)
        self._at = at
        order = [d for d in dims if d in block.dims]
        self._whole: Array | None = None
        if tuple(order) != block.dims:
            axes = [block.dims.index(d) for d in order]
            self._whole = block.array().transpose(axes).reshape(self._shape)
        elif not self._shape or lead(self._shape) != at or self._shape[at] == 1:
            self._whole = block.array().reshape(self._shape)
        self._pieces = iter(()) if self._whole is not None else block.blocks()
        self._waiting: list[Array] = []

    def take(self, start: int, count: int) -> Array:
        """The next `count` steps; all of them where the parameter lacks the axis."""
        if self._whole is not None:
            long = bool(self._shape) and self._shape[self._at] > 1
            return self._whole[(slice(None),) * self._at + (slice(start, start + count),)] if long else self._whole
        shape = (*self._shape[: self._at], count, *self._shape[self._at + 1 :])
        wanted = int(np.prod(shape, dtype=np.int64))
        while sum(len(p) for p in self._waiting) < wanted:
            piece = next(self._pieces, None)
            if piece is None:
                raise ValueError(f"a block ended {wanted} values short of its shape {self._shape}")
            self._waiting.append(np.ascontiguousarray(piece).reshape(-1))
        joined = self._waiting[0] if len(self._waiting) == 1 else np.concatenate(self._waiting)
        self._waiting = [joined[wanted:]]
        return joined[:wanted].reshape(shape)
