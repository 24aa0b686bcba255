"""Reading a parameter by canonical index: which stored block, turned and transposed, made physical."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poles.grids.gridded import Reader
from poles.physical import Physical
from poles.stored import Array, Stored


@dataclass(frozen=True, slots=True)
class Dim:
    """A stored dimension: the axis that runs along it (None: dropped), its sizes, and whether it is turned round."""

    axis: str | None
    stored: int
    size: int
    """In canonical index space; less than stored where a repeated column is left out."""
    flip: bool = False


def reader(stored: Stored, dims: Sequence[Dim], axes: Sequence[str], physical: Physical) -> Reader:
    """What reads an array: `dims` in stored order, `axes` in canonical order, scalars among them of one."""
    plan = [(d.axis, d.stored, d.size, d.flip) for d in dims]
    whole = {d.axis: slice(0, d.size) for d in dims if d.axis is not None}
    turn = _turn(dims)
    there = [d.axis for d in dims if d.axis is not None]
    order = [there.index(a) for a in axes if a in there]
    dropped = tuple(i for i, d in enumerate(dims) if d.axis is None)
    order = order if order != sorted(order) else []
    added = tuple(i for i, a in enumerate(axes) if a not in there)
    read, of = stored.read, physical.of

    def block(index: Mapping[str, slice]) -> Array:
        slices = []
        for axis, n, size, flip in plan:
            if axis is None:
                slices.append(slice(0, 1))
                continue
            part = index.get(axis) or whole[axis]
            start, stop = part.start or 0, size if part.stop is None else part.stop
            slices.append(slice(n - stop, n - start) if flip else slice(start, stop))
        raw = read(tuple(slices))
        if turn is not None:
            raw = raw[turn]
        if dropped:
            raw = raw.reshape([m for i, m in enumerate(raw.shape) if i not in dropped])
        if order:
            raw = raw.transpose(order)
        values = of(raw)
        return np.expand_dims(values, added) if added else values

    return block


def _turn(dims: Sequence[Dim]) -> tuple[slice, ...] | None:
    if not any(d.flip for d in dims):
        return None
    return tuple(slice(None, None, -1) if d.flip else slice(None) for d in dims)


def stepwise(
    reads: Sequence[Reader], steps: Sequence[tuple[int, int]], name: str, at: int, dtype: np.dtype[Any]
) -> Reader:
    """What reads an axis, dimension `at`, whose steps lie here and there: each is a reader and the index in it."""
    starts = [
        n for n, (member, i) in enumerate(steps) if n == 0 or steps[n - 1] != (member, i - 1)
    ]  # where another file begins, or the same one is taken up at another place
    total = len(steps)

    def read(index: Mapping[str, slice]) -> Array:
        part = index.get(name) or slice(0, total)
        start, stop = part.start or 0, total if part.stop is None else part.stop
        blocks = []
        while start < stop:
            run = bisect_right(starts, start)
            end = min(stop, starts[run] if run < len(starts) else total)
            member, local = steps[start]
            blocks.append(reads[member]({**index, name: slice(local, local + end - start)}))
            start = end
        if not blocks:
            return reads[0]({**index, name: slice(0, 0)}).astype(dtype, copy=False)
        whole = blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=at)
        return whole.astype(dtype, copy=False)

    return read
