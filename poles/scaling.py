"""A coverage on a coarser or finer grid, by picking cells: no value is averaged, interpolated or invented."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from poles.coverage import Axis, Block, Coverage
from poles.dataset import Dataset
from poles.errors import Invalid, TooLarge
from poles.query import Cells, Divided, Query
from poles.steps import is_called
from poles.stored import Array

_READ = 20
"""Cells that may be read for an answer, in units of `limits.values`."""

_MOST = 1e15

Picks = Mapping[str, Array]
"""Of each scaled axis, the index of the cell that each cell of the answer is."""


def scaled(coverage: Coverage, query: Query, dataset: Dataset) -> Coverage:
    """The coverage with the cells that the question leaves of it.

    Along x and y the extent of the subset is divided anew, and a cell of the answer has the value of the cell that
    holds its centre. Other axes keep the coordinates of the steps that are picked. A size that the subset has
    already changes nothing. Raises Invalid for an axis that is not there, for more steps than there are, and for cells
    without rows and columns; TooLarge where more cells lie under the answer than are read.
    """
    allowed = _READ * dataset.limits.values
    picks = _picks(coverage, query, allowed)
    if not picks:
        return coverage
    _checked_size("cells lie under the answer", sum(b.size for b in coverage.ranges.values()), allowed)
    axes = tuple(_scaled_axis(a, picks.get(a.name), coverage.affine is not None) for a in coverage.axes)
    ranges = {key: _picked(block, picks) for key, block in coverage.ranges.items()}
    return replace(coverage, axes=axes, ranges=ranges, affine=_affine(coverage, picks))


def _picks(coverage: Coverage, query: Query, allowed: int) -> dict[str, Array]:
    if query.scale and coverage.composite is not None:
        raise Invalid("scale-size", "the cells make no rows and columns", "leave scaling out")
    found = {}
    for name, how in query.scale:
        axis = next((a for a in coverage.axes if is_called(a, name)), None)
        if axis is None:  # parameters of one data set may differ in their axes
            continue
        count = _count(len(axis), how)
        _checked_size("cells asked", count, allowed)
        if count > len(axis) and axis.name not in ("x", "y"):
            raise Invalid("scale-size", f"{name} has {len(axis)} steps, {count} asked", f"ask {len(axis)} or fewer")
        if count != len(axis):
            found[axis.name] = (2 * np.arange(count, dtype=np.int64) + 1) * len(axis) // (2 * count)
    return found


def _count(cells: int, how: Cells | Divided) -> int:
    match how:
        case Cells(count):
            return count
        case Divided(factor):
            return max(1, math.floor(min(cells / factor, _MOST) + 0.5))


def _checked_size(what: str, size: int, allowed: int) -> None:
    if size > allowed:
        raise TooLarge("scale-size", f"{size} {what}, {allowed} allowed", "ask a smaller subset, or fewer cells")


# --- axes ----------------------------------------------------------------------------------------------------------


def _scaled_axis(axis: Axis, picks: Array | None, sheared: bool) -> Axis:
    if picks is None or axis.name not in ("x", "y"):
        return axis if picks is None else _taken(axis, picks)
    if sheared:
        return replace(axis, values=np.arange(len(picks)) + 0.5, bounds=None)
    edges = np.interp(np.linspace(0, len(axis), len(picks) + 1), np.arange(len(axis) + 1), _edges(axis))
    bounds = np.column_stack([edges[:-1], edges[1:]])
    if axis.bounds is not None:
        bounds = bounds.clip(axis.bounds.min(), axis.bounds.max())
    return replace(axis, values=(edges[1:] + edges[:-1]) / 2, bounds=bounds)


def _taken(axis: Axis, picks: Array) -> Axis:
    return replace(axis, values=axis.values[picks], bounds=None if axis.bounds is None else axis.bounds[picks])


def _edges(axis: Axis) -> Array:
    """Where the cells of an axis end: their bounds, else half way to their neighbours.

    Even cells are as wide at the ends as elsewhere, where bounds may stop at a pole that is a centre.
    """
    if len(axis) > 1 and _is_even(axis.values):
        half = (axis.values[-1] - axis.values[0]) / (len(axis) - 1) / 2
        return np.linspace(axis.values[0] - half, axis.values[-1] + half, len(axis) + 1)
    if axis.bounds is not None:
        lower, upper = axis.bounds.min(axis=1), axis.bounds.max(axis=1)
        if len(axis) == 1 or np.allclose(lower[1:], upper[:-1], rtol=0, atol=1e-6 * float(np.ptp(axis.bounds))):
            edges: Array = np.append(lower, upper[-1])
            return edges
    if len(axis) == 1:
        raise Invalid("scale-size", f"{axis.name} has one cell, of no known width", "leave the axis out")
    middles = (axis.values[1:] + axis.values[:-1]) / 2
    return np.concatenate([[2 * axis.values[0] - middles[0]], middles, [2 * axis.values[-1] - middles[-1]]])


def _is_even(values: Array) -> bool:
    step = (values[-1] - values[0]) / (len(values) - 1)
    return bool(np.abs(np.diff(values) - step).max() <= 1e-3 * abs(step))


def _affine(coverage: Coverage, picks: Picks) -> tuple[float, float, float, float, float, float] | None:
    """From the scaled columns and rows of a sheared raster to places."""
    x, y = coverage.axis("x"), coverage.axis("y")
    if coverage.affine is None or x is None or y is None:
        return coverage.affine
    a, b, c, d, e, f = coverage.affine
    (left, wide), (top, high) = (_start(axis, picks.get(axis.name)) for axis in (x, y))
    return a * wide, b * high, c + a * left + b * top, d * wide, e * high, f + d * left + e * top


def _start(axis: Axis, picks: Array | None) -> tuple[float, float]:
    """Where scaled columns or rows start, and how wide one is, in those of the raster."""
    if picks is None:
        return 0.0, 1.0
    return float(axis.values[0]) - 0.5, len(axis) / len(picks)


# --- values --------------------------------------------------------------------------------------------------------


def _picked(block: Block, picks: Picks) -> Block:
    """The block, its cells picked from each piece as it is read."""
    index = [picks.get(d) for d in block.dims]
    shape = tuple(n if i is None else len(i) for n, i in zip(block.shape, index, strict=True))
    lead = next((i for i, n in enumerate(block.shape) if n > 1), 0)
    if any(i is not None for i in index[:lead]):  # one cell becomes several: pieces would come in another order
        return Block(block.dims, shape, block.dtype, lambda: iter([_chosen(block.array(), index)]))
    return Block(block.dims, shape, block.dtype, lambda: _pieces(block, index, lead))


def _pieces(block: Block, index: list[Array | None], lead: int) -> Iterator[Array]:
    done, rest = 0, block.shape[lead + 1 :]
    for piece in block.blocks():
        run = piece.size // math.prod(rest)
        whole = piece.reshape(*block.shape[:lead], run, *rest)
        along = index[lead]
        chosen = None if along is None else along[(along >= done) & (along < done + run)] - done
        done += run
        if chosen is None or len(chosen):
            yield _chosen(whole, [*index[:lead], chosen, *index[lead + 1 :]])


def _chosen(values: Array, index: list[Array | None]) -> Array:
    for dimension, picks in enumerate(index):
        if picks is not None:
            values = values.take(picks, axis=dimension)
    return values
