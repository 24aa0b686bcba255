"""Row sources, opened by content: text tables, .tenv3, GeoParquet and whatever vectors GDAL reads."""

from typing import Literal

from poles.dataset import Dataset
from poles.sources import tenv3
from poles.sources.geoparquet import geoparquet_rows, is_parquet
from poles.sources.table import Rows, table_rows
from poles.sources.vector import is_vector, vector_rows


def open_rows(href: str, dataset: Dataset) -> Rows:
    """The rows of one source. `Rows.kind` says whether they are observations or features. Raises Unreadable."""
    names = dict(dataset.names)
    if tenv3.is_tenv3(href):
        return tenv3.rows(href, names)
    if is_parquet(href):
        return geoparquet_rows(href, names, dataset.crs)
    if is_vector(href):
        return vector_rows(href, names, dataset.crs)
    return table_rows(href, names, dataset.crs)


def kind_of_rows(href: str, dataset: Dataset) -> Literal["observations", "features"]:
    """Whether the rows of a source are observations, as those of places and times are. Raises Unreadable."""
    if tenv3.is_tenv3(href):
        return "observations"
    return (
        "features" if is_parquet(href) or is_vector(href) else table_rows(href, dict(dataset.names), dataset.crs).kind
    )
