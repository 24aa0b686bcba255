"""Values as they are written: native numbers, contiguous, in pieces of bounded size."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from poles.coverage import Block, Composite, Coverage
from poles.stored import Array

PIECE = 1 << 17
"""Values written at once."""


def plain(values: Array) -> Array:
    """The values one after the other, in native byte order and of a type that JSON, CSV and NetCDF know."""
    flat = np.ascontiguousarray(values).reshape(-1)
    match flat.dtype.kind:
        case "b":
            return flat.view(np.int8)
        case "f" if flat.dtype.itemsize not in (4, 8):
            return flat.astype(np.float32 if flat.dtype.itemsize < 4 else np.float64)
        case "m":
            return np.where(np.isnat(flat), np.nan, flat.astype(np.int64))
        case "S":
            return np.char.decode(flat, "utf-8", "replace").astype(object)
        case "U":
            return flat.astype(object)
        case _:
            return flat if flat.dtype.isnative else flat.astype(flat.dtype.newbyteorder("="))


def plain_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type that `plain` gives."""
    return plain(np.empty(0, dtype)).dtype


def pieces(block: Block) -> Iterator[Array]:
    """The values of a block in C order, as flat arrays of at most `PIECE` values."""
    done = 0
    for found in block.blocks():
        flat = plain(found)
        done += len(flat)
        for start in range(0, len(flat), PIECE):
            yield flat[start : start + PIECE]
    if done != block.size:
        raise ValueError(f"a block of {block.size} values gave {done}")


def lead(shape: tuple[int, ...]) -> int:
    """The first axis longer than one, along which a block is cut; the first where none is.

    >>> lead((1, 3, 5)), lead((1, 1))
    (1, 0)
    """
    return next((i for i, n in enumerate(shape) if n > 1), 0)


def scattered(coverage: Coverage) -> Coverage:
    """A sheared raster as cells, each at its own centre; any other coverage as it is.

    Only a format with an affine transformation can say where the pixels of a sheared raster lie.
    """
    if coverage.affine is None:
        return coverage
    x, y = coverage.axis("x"), coverage.axis("y")
    if x is None or y is None:
        raise ValueError("an affine transformation without x and y")
    a, b, c, d, e, f = coverage.affine
    columns, rows = np.meshgrid(x.values, y.values)
    places = Composite(("x", "y"), tuple((p[0] * columns + p[1] * rows + p[2]).ravel() for p in ((a, b, c), (d, e, f))))
    time = coverage.axis("t")
    return replace(
        coverage,
        domain="MultiPoint" if time is None or len(time) == 1 else "MultiPointSeries",
        axes=tuple(axis for axis in coverage.axes if axis.name not in ("x", "y")),
        ranges={key: _of_cells(block, len(places.values[0])) for key, block in coverage.ranges.items()},
        composite=places,
        affine=None,
    )


def _of_cells(block: Block, cells: int) -> Block:
    """A block over y and x as one over cells: the same values in the same order."""
    if block.dims[-2:] != ("y", "x"):
        return block
    dims, shape = (*block.dims[:-2], "composite"), (*block.shape[:-2], cells)
    at = lead(shape)
    rest = int(np.prod(shape[at + 1 :], dtype=np.int64))

    def blocks() -> Iterator[Array]:
        for piece in block.blocks():
            yield piece.reshape(*shape[:at], piece.size // rest, *shape[at + 1 :])

    return Block(dims, shape, block.dtype, blocks)
