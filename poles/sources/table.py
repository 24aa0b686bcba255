"""Rows of text: delimited tables whose columns are known by their names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

from poles.dataset import Dataset, Described
from poles.query import CRS84

Role = Literal["x", "y", "z", "time", "platform", "id", "name"]


@dataclass(frozen=True, slots=True)
class Rows:
    """What a row source gives: one Arrow table, and what its columns are.

    Columns of coordinates are typed (float64 degrees, `timestamp[ms, UTC]`), missing codes are null.
    """

    table: pa.Table
    roles: Mapping[Role, str]
    """The column of each role; roles that the source lacks are absent."""
    described: Mapping[str, Described] = field(default_factory=dict)
    """Columns that are parameters or properties, by key."""
    kind: Literal["observations", "features"] = "features"
    crs: str = CRS84
    geometry: str | None = None
    """The WKB column of vector sources."""
    attrs: Mapping[str, Any] = field(default_factory=dict)
    mended: tuple[str, ...] = ()


def table_rows(href: str, dataset: Dataset) -> Rows:
    """A delimited text table; `dataset.names` names columns or gives constants (`("x", "=2.35")`).

    Raises Unreadable where a row does not fit the header, naming its line.
    """
    raise NotImplementedError
