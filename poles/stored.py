"""An array as it is stored: what every source gives, whatever the format."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Slices = tuple[slice, ...]
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored array, raw: packed, with its missing codes, in the order of the file.

    `dims` are full paths (`group/dim`), so that two groups never share a dimension by accident.
    `read` takes one slice a dimension (step 1, `0 <= start <= stop <= size`) and gives the raw block
    in native byte order; it is safe to call from any thread and passes through the chunk cache.
    """

    key: str
    """Path inside the source, groups parted by `/`: `sst`, `PRODUCT/methane_mixing_ratio`."""
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    attrs: Mapping[str, Any]
    read: Callable[[Slices], Array] = field(repr=False, compare=False)
    chunks: tuple[int, ...] | None = None

    def whole(self) -> Array:
        """The whole array: for coordinates, never for data."""
        return self.read(tuple(slice(0, n) for n in self.shape))

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Opened:
    """A source, opened: its arrays by key and its global attributes. Groups' attributes stand under `group/name`."""

    arrays: Mapping[str, Stored]
    attrs: Mapping[str, Any]
