"""Reading a parameter by canonical index: which stored block, turned and transposed, made physical."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from poles.gridded import Reader
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
