"""GeoJSON text sequences (RFC 8142): a feature a record, so that a client reads them one by one. Streamed."""

from collections.abc import Iterator

from poles.coverage import Answer, Table
from poles.encodings.features import features
from poles.encodings.format import Context, gathered

_SEPARATOR, _END = "\x1e", "\n"


def carries(answer: Answer) -> str | None:
    """A sequence carries rows."""
    return None if isinstance(answer, Table) else "only rows are written as a sequence"


def write(answer: Answer, context: Context) -> Iterator[bytes]:
    """The records in pieces; memory is bounded by a batch."""
    if not isinstance(answer, Table):
        raise TypeError("a sequence of features is made of rows")
    return gathered(text for text, _ in features(answer, context, _SEPARATOR, _END))
