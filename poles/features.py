"""Features: vector rows with an id and a geometry."""

from dataclasses import dataclass

import pyarrow as pa

from poles.coverage import Table
from poles.dataset import BBox, Dataset, Described, Facts
from poles.query import Query


@dataclass(frozen=True)
class Features:
    """All features of a data set, in stored order."""

    dataset: Dataset
    version: str
    table: pa.Table
    """`id` (text, unique), the properties, `geometry` (WKB in `crs`, null where there is none)."""
    crs: str
    bbox: BBox | None
    """In CRS84."""
    interval: tuple[str | None, str | None] | None
    times: tuple[str, ...]
    """The property that holds the time, or the two that hold begin and end."""
    parameters: dict[str, Described]
    geometry_type: str | None
    mended: tuple[str, ...] = ()


def features(dataset: Dataset) -> Features:
    """The features of the data set, kept until its source changes. Raises Unreadable."""
    raise NotImplementedError


def facts(dataset: Dataset) -> Facts:
    """What metadata tell of the data set: kind, extents, properties, count."""
    raise NotImplementedError


def select(features: Features, query: Query) -> Table:
    """The rows of `items` and `item`: where, when, filter, ids, sorted, one page. An unknown single id raises NotFound."""
    raise NotImplementedError
