"""A file that is written, sent and gone: for formats that cannot be streamed."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from poles.settings import settings

_PIECE = 1 << 20


def spooled(fill: Callable[[Path], None], suffix: str) -> Iterator[bytes]:
    """The bytes of the file that `fill` writes, which has no name any more when the first of them is given.

    The file stands in the state folder. An error of `fill` is raised before anything is given.
    """
    folder = settings().state / "spool"
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix, "answer-", folder)
    os.close(handle)
    path = Path(name)
    try:
        fill(path)
        file = path.open("rb")
    finally:
        path.unlink(missing_ok=True)
    with file:
        while piece := file.read(_PIECE):
            yield piece
