"""Row sources, opened by content: text tables, .tenv3 and whatever vectors GDAL reads."""

from poles.dataset import Dataset
from poles.sources import tenv3
from poles.sources.table import Rows, table_rows
from poles.sources.vector import is_vector, vector_rows


def open_rows(href: str, dataset: Dataset) -> Rows:
    """The rows of one source. `Rows.kind` says whether they are observations or features. Raises Unreadable."""
    if tenv3.is_tenv3(href):
        return tenv3.rows(href)
    if is_vector(href):
        return vector_rows(href, dataset)
    return table_rows(href, dataset)
