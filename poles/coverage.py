"""The answer: coverages, or a table. Encodings trust what is checked here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from poles.dataset import Dataset, Described
from poles.stored import Array

Domain = Literal[
    "Grid", "Point", "PointSeries", "VerticalProfile", "MultiPoint", "MultiPointSeries",
    "Trajectory", "Section", "Polygon", "PolygonSeries",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Axis:
    """A 1-D axis in canonical form: increasing, named by meaning, `t` in whole milliseconds.

    `values` is float64, or int64 milliseconds since 1970-01-01 of `calendar` for `t`, or object (text) for labels.
    `bounds` has shape (n, 2). A scalar coordinate is an axis of one.
    """

    name: str
    values: Array
    bounds: Array | None = None
    unit: str = ""
    key: str = ""
    label: str = ""
    standard_name: str | None = None
    positive: Literal["up", "down"] | None = None
    calendar: str | None = None

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Block:
    """The values of one parameter, read as they are written.

    `blocks()` gives consecutive pieces in C order, cut along the first axis longer than 1; each has all of the
    other axes. Values are physical: float32 or float64 with NaN where missing, integers where nothing can be
    missing, or objects (text, None where missing).
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    blocks: Callable[[], Iterator[Array]] = field(repr=False, compare=False)

    def array(self) -> Array:
        """The whole block at once: for small answers and formats that need it."""
        pieces = list(self.blocks())
        if not pieces:
            return np.empty(self.shape, self.dtype)
        if len(pieces) == 1:
            return pieces[0].reshape(self.shape)
        return np.concatenate([p.reshape(-1) for p in pieces]).reshape(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Composite:
    """A composite axis: one tuple of coordinates a cell (`x`, `y`, and `t` or `z` where they vary along)."""

    coordinates: tuple[str, ...]
    values: tuple[Array, ...]
    """One array a coordinate, of equal lengths, in the order of `coordinates`; `t` in milliseconds."""
    calendar: str | None = None
    """Of `t`, where it is one of them."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """One coverage: a domain, and a block a parameter over (some of) its axes.

    `axes` are in canonical order: t, others, z, y, x. With `composite`, the ranges have the dimension
    `composite` in the place of the coordinates that it holds. `crs` is a URI, or WKT where there is none.
    """

    domain: Domain
    axes: tuple[Axis, ...]
    ranges: dict[str, Block]
    parameters: dict[str, Described]
    crs: str
    composite: Composite | None = None
    id: str | None = None
    vertical: str | None = None
    """Units of z and their direction, for people."""
    affine: tuple[float, float, float, float, float, float] | None = None
    """Of a sheared raster, whose x and y axes are pixel centres (column + 0.5, row + 0.5).

    x = a col + b row + c, y = d col + e row + f.
    """

    def __post_init__(self) -> None:
        sizes = {a.name: len(a) for a in self.axes}
        if self.composite is not None:
            sizes["composite"] = len(self.composite.values[0])
        for key, block in self.ranges.items():
            if block.shape != tuple(sizes[d] for d in block.dims):
                raise ValueError(f"{key}: shape {block.shape} does not fit {block.dims} of {sizes}")
            if key not in self.parameters:
                raise ValueError(f"{key}: a range without a parameter")

    def axis(self, name: str) -> Axis | None:
        """The axis of that name."""
        return next((a for a in self.axes if a.name == name), None)


@dataclass(frozen=True, slots=True)
class Coverages:
    """One or more coverages; none at all is an empty answer. Several in one document make a CoverageCollection."""

    dataset: Dataset
    members: tuple[Coverage, ...]
    collection: bool = False
    """Whether even one member is written as a collection."""

    @property
    def empty(self) -> bool:
        return not self.members

    @property
    def size(self) -> int:
        """Number of values."""
        return sum(b.size for c in self.members for b in c.ranges.values())


FEW = 64
"""Rows of a page that is small: a function over a column of them costs more than each of its values by itself."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows: one item each. Columns are `id` (text), the properties, and `geometry` (WKB) where there is one.

    `batches()` streams them and may be called once a reading. Times are Arrow timestamps in UTC; missing is null.
    """

    dataset: Dataset
    schema: pa.Schema
    batches: Callable[[], Iterator[pa.RecordBatch]] = field(repr=False, compare=False)
    few: Callable[[], Mapping[str, Sequence[Any]] | None] = field(default=lambda: None, repr=False, compare=False)
    """The columns of a small page as Python has them, which cost less than a batch; None: `batches` are asked.

    Times are UTC without a zone; the geometry is the place of a point, `(x, y)`.
    """
    geometry: str | None = "geometry"
    crs: str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    matched: int | None = None
    """Rows that match, over all pages; None: not counted."""
    estimated: int | None = None
    """About how many rows match, where they are not counted; it decides nothing."""
    more: Callable[[], bool] | None = field(default=None, repr=False, compare=False)
    """Once the batches are read: whether rows follow the page."""
    offset: int = 0
    limit: int | None = None
    parameters: dict[str, Described] = field(default_factory=dict)
    single: bool = False
    """One row asked by its id: written as a Feature, not as a collection."""
    locations: bool = False
    """A list of EDR locations."""

    @property
    def empty(self) -> bool:
        return self.matched == 0


Answer = Coverages | Table
