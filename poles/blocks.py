"""The values of an answer, read piece by piece as they are written."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from poles.coverage import Axis, Block
from poles.grids.grid import GridParameter
from poles.grids.horizontal import Selection
from poles.steps import Runs, length
from poles.stored import Array

_PIECE = 1 << 20
"""Values read at once."""


def cell_block(
    parameter: GridParameter, axes: Sequence[Axis], window: tuple[slice, ...], runs: Mapping[str, Runs]
) -> Block:
    """The block of one cell: the axes, then y and x of one (a cell of a mesh is written at its place)."""
    dims = (*(a.name for a in axes), "y", "x")
    shape = (*(len(a) for a in axes), 1, 1)

    def blocks() -> Iterator[Array]:
        return (piece.reshape(_led(piece, shape)) for piece, _ in _pieces(parameter, (window,), runs))

    return Block(dims, shape, parameter.dtype, blocks)


def _led(piece: Array, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a piece that was cut along the first long axis of `shape`."""
    lead = next((i for i, n in enumerate(shape) if n > 1), 0)
    rest = int(np.prod(shape[lead + 1 :], dtype=np.int64))
    return (*shape[:lead], piece.size // rest, *shape[lead + 1 :])


def area_block(parameter: GridParameter, axes: Sequence[Axis], selection: Selection, runs: Mapping[str, Runs]) -> Block:
    """The block of a window, NaN outside the area."""
    dims = (*(a.name for a in axes), "y", "x")
    shape = (*(len(a) for a in axes), len(selection.y), len(selection.x))
    dtype = parameter.dtype if selection.keep is None else _with_missing(parameter.dtype)

    def blocks() -> Iterator[Array]:
        for piece, rows in _pieces(parameter, selection.windows, runs, len(selection.y)):
            yield piece if selection.keep is None else _masked(piece, selection.keep[rows], dtype)

    return Block(dims, shape, dtype, blocks)


def _masked(piece: Array, keep: Array, dtype: np.dtype[Any]) -> Array:
    missing: Any = None if dtype.kind == "O" else np.nan
    return np.where(keep, piece.astype(dtype, copy=False), missing).astype(dtype, copy=False)


def _with_missing(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type that holds these values and NaN."""
    if dtype.kind in "fO":
        return dtype
    return np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)


def cells_block(
    parameter: GridParameter, axes: Sequence[Axis], tuples: int, selection: Selection, runs: Mapping[str, Runs]
) -> Block:
    """The kept cells, a row an index of the other axes; levels lie one after the other."""
    dims = (*(a.name for a in axes), "composite")
    shape = (*(len(a) for a in axes), tuples)

    def blocks() -> Iterator[Array]:
        for piece, _ in _pieces(parameter, selection.windows, runs):
            kept = piece if selection.keep is None else piece[..., selection.keep]
            yield kept.reshape(_led(kept, shape))

    return Block(dims, shape, parameter.dtype, blocks)


def _gathered(parameter: GridParameter, names: Sequence[str], runs: Mapping[str, Runs]) -> Array:
    """One array over all runs of every axis."""

    def over(done: dict[str, slice], depth: int) -> Array:
        if depth == len(names):
            return parameter.read(done)
        parts = [over({**done, names[depth]: run}, depth + 1) for run in runs[names[depth]]]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=depth)

    return over({}, 0)


def _pieces(
    parameter: GridParameter, windows: Sequence[tuple[slice, ...]], runs: Mapping[str, Runs], rows: int = 1
) -> Iterator[tuple[Array, slice]]:
    """Blocks of the joined windows, cut along the first long axis; each with the rows of the window that it holds.

    `rows`: the rows of a window that may be cut along y where no other axis is long; 1 keeps the window whole.
    """
    leading = [n for n in parameter.axes if n in runs]
    cut = next((n for n in leading if length(runs[n]) > 1), None)
    size = _window_size(windows) * int(np.prod([length(runs[n]) for n in leading if n != cut], dtype=np.int64))
    if cut is not None:
        for part in _cut(runs[cut], max(1, _PIECE // max(1, size)), (parameter.chunks or {}).get(cut)):
            yield _read(parameter, leading, {**runs, cut: (part,)}, windows), slice(None)
        return
    for part in _cut((slice(0, rows),), max(1, _PIECE * rows // max(1, size)), None):
        yield _read(parameter, leading, runs, windows if rows == 1 else [_rows(w, part) for w in windows]), part


def _rows(window: tuple[slice, ...], part: slice) -> tuple[slice, ...]:
    return (slice(window[0].start + part.start, window[0].start + part.stop), *window[1:])


def _window_size(windows: Sequence[tuple[slice, ...]]) -> int:
    return sum(int(np.prod([s.stop - s.start for s in w], dtype=np.int64)) for w in windows)


def _cut(runs: Runs, most: int, chunk: int | None) -> Iterator[slice]:
    """Runs in pieces of at most `most` steps, ending at chunks where one fits."""
    for run in runs:
        start = run.start
        while start < run.stop:
            stop = min(run.stop, start + most)
            if chunk is not None and stop < run.stop and stop // chunk * chunk > start:
                stop = stop // chunk * chunk
            yield slice(start, stop)
            start = stop


def _read(
    parameter: GridParameter, leading: Sequence[str], runs: Mapping[str, Runs], windows: Sequence[tuple[slice, ...]]
) -> Array:
    """One block over the runs of the leading axes and the windows, joined along the last dimension."""
    horizontal = [n for n in parameter.axes if n not in runs]
    pieces = []
    for window in windows:
        place = {n: (s,) for n, s in zip(horizontal, window, strict=True)}
        pieces.append(_gathered(parameter, [*leading, *horizontal], {**{n: runs[n] for n in leading}, **place}))
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=-1)
