"""Grids in canonical form: a horizontal, axes, and parameters that are read by canonical index."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from poles.coverage import Axis
from poles.dataset import Described
from poles.grids.placing import Horizontal
from poles.stored import Array

Reader = Callable[[Mapping[str, slice]], Array]
"""From slices by axis (absent: all of it) in canonical index space to physical values in canonical order."""


@dataclass(frozen=True, slots=True)
class GridParameter:
    """One parameter of a grid."""

    key: str
    description: Described
    axes: tuple[str, ...]
    """In canonical order: t, others, z, then y and x, or cell."""
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    """Of what `read` gives: float with NaN where missing, integer where nothing can be, or object with None."""
    read: Reader = field(repr=False, compare=False)
    chunks: Mapping[str, int] | None = None
    """Sizes of the stored chunks by axis: reading is best cut there."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Parameters that share a horizontal; each names those of the axes that it has."""

    horizontal: Horizontal
    axes: tuple[Axis, ...]
    """All but the horizontal: t, others, z. Names are unique."""
    parameters: dict[str, GridParameter]
    cell_times: tuple[Callable[[], Array], str] | None = None
    """Of a swath: what gives int64 milliseconds over the horizontal, and their calendar."""
    mended: tuple[str, ...] = ()
    """What was wrong with the file, and how it was read all the same."""
    scalars: tuple[Axis, ...] = ()
    """Scalar coordinates that are no axes (a member, a forecast's start): files may be joined along one."""

    def axis(self, name: str) -> Axis | None:
        """The axis of that name."""
        return next((a for a in self.axes if a.name == name), None)


def ordered(names: Mapping[str, Axis] | dict[str, Axis]) -> tuple[Axis, ...]:
    """Axes in canonical order: t, others, z."""
    return tuple(sorted(names.values(), key=lambda a: {"t": 0, "z": 2}.get(a.name, 1)))
