"""Which cells of a window a region holds: all are asked near its border, one of many elsewhere."""

from collections.abc import Callable

import numpy as np

from poles.stored import Array

_BLOCK = 32
"""Cells a side of a block that is asked once where no border passes it or its neighbours."""
_AT_ONCE = 1_000_000
_FEW = 100_000

Holds = Callable[[Array, Array], Array]


def held(x: Array, y: Array, holds: Holds, border: tuple[Array, Array] | None) -> Array:
    """A mask over rows `y` and columns `x` of cell centres: whether `holds` is true there.

    `border` are points along the edge of what is held, in order and in the same coordinates (NaN parts its pieces);
    None asks every cell.
    """
    if border is None or len(x) * len(y) <= _FEW or len(x) < 2 or len(y) < 2:
        return _everywhere(x, y, holds)
    passed = _passed(x, y, border)
    middle = [
        np.minimum(np.arange(n) * _BLOCK + _BLOCK // 2, len(v) - 1) for n, v in zip(passed.shape, (y, x), strict=True)
    ]
    inside = holds(*np.broadcast_arrays(x[middle[1]][None, :], y[middle[0]][:, None]))
    mask = np.repeat(np.repeat(inside, _BLOCK, axis=0)[: len(y)], _BLOCK, axis=1)[:, : len(x)]
    for row in np.flatnonzero(passed.any(axis=1)).tolist():
        rows = slice(row * _BLOCK, (row + 1) * _BLOCK)
        columns = np.flatnonzero(np.repeat(passed[row], _BLOCK)[: len(x)])
        xs, ys = np.broadcast_arrays(x[columns][None, :], y[rows, None])
        mask[rows, columns] = holds(xs, ys)
    return mask


def _everywhere(x: Array, y: Array, holds: Holds) -> Array:
    mask = np.empty((len(y), len(x)), bool)
    step = max(1, _AT_ONCE // len(x))
    for start in range(0, len(y), step):
        xs, ys = np.broadcast_arrays(x[None, :], y[start : start + step, None])
        mask[start : start + step] = holds(xs, ys)
    return mask


def _passed(x: Array, y: Array, border: tuple[Array, Array]) -> Array:
    """The blocks that a border passes, and their neighbours: between two points it is nearly straight."""
    across = (
        np.interp(border[0], x, np.arange(len(x)), -1e9, 1e9),
        np.interp(border[1], y, np.arange(len(y)), -1e9, 1e9),
    )
    spacing = (x[-1] - x[0]) / (len(x) - 1), (y[-1] - y[0]) / (len(y) - 1)
    columns, rows = (
        np.where(np.abs(i) < 1e8, i, (b - v[0]) / s) / _BLOCK
        for i, b, v, s in zip(across, border, (x, y), spacing, strict=True)
    )
    shape = -(-len(y) // _BLOCK), -(-len(x) // _BLOCK)
    marked = np.zeros((shape[0] + 2, shape[1] + 2), bool)
    for start, end in zip(*_pieces(columns, rows, shape), strict=True):
        _mark(marked, start, end)
    near = np.zeros(shape, bool)
    for down in range(3):
        for right in range(3):
            near |= marked[down : down + shape[0], right : right + shape[1]]
    return near


def _pieces(columns: Array, rows: Array, shape: tuple[int, int]) -> tuple[list[list[float]], list[list[float]]]:
    """The ends of the pieces of a border that may pass the window, in blocks."""
    starts, ends = np.column_stack([columns[:-1], rows[:-1]]), np.column_stack([columns[1:], rows[1:]])
    low, high = np.minimum(starts, ends), np.maximum(starts, ends)
    near = (
        np.isfinite(low + high).all(axis=1)
        & (high >= -1).all(axis=1)
        & (low <= [shape[1] + 1, shape[0] + 1]).all(axis=1)
    )
    return starts[near].tolist(), ends[near].tolist()


def _mark(marked: Array, start: list[float], end: list[float]) -> None:
    """Marks the blocks along one piece of a border, by points a quarter of a block apart; the rim is outside."""
    count = int(4 * max(abs(end[0] - start[0]), abs(end[1] - start[1]))) + 2
    i, j = (np.floor(np.linspace(a, b, min(count, 200_000))).astype(int) + 1 for a, b in zip(start, end, strict=True))
    there = (i >= 0) & (i < marked.shape[1]) & (j >= 0) & (j < marked.shape[0])
    marked[j[there], i[there]] = True
