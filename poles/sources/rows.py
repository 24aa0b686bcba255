"""Row sources, opened by content: text tables, .tenv3 and whatever vectors GDAL reads."""

from poles.dataset import Dataset
from poles.sources.table import Rows


def open_rows(href: str, dataset: Dataset) -> Rows:
    """The rows of one source. `Rows.kind` says whether they are observations or features. Raises Unreadable."""
    raise NotImplementedError
