"""A file that is written, sent and gone: for formats that cannot be streamed."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from poles.errors import Unreadable
from poles.settings import settings

_PIECE = 1 << 20
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG)
"""What a folder says that takes nothing more; any other error is of the data that were read meanwhile."""


class Spooled(Iterator[bytes]):
    """The bytes of a file that has no name any more: it is gone once it is closed."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def __next__(self) -> bytes:
        piece = b"" if self.file.closed else self.file.read(_PIECE)
        if not piece:
            self.file.close()
            raise StopIteration
        return piece

    def close(self) -> None:
        """Gives the file up."""
        self.file.close()


def spooled(fill: Callable[[Path], None], suffix: str) -> Spooled:
    """The bytes of the file that `fill` writes, before the first of them is given.

    The file stands in the state folder, and has no name any more when it is written. Raises Unreadable where that
    folder cannot be written.
    """
    try:
        return _spooled(fill, suffix)
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        found = f"the answer cannot be written to the state folder ({error.strerror})"
        raise Unreadable("answer", found, "ask less, or a format that is streamed, such as CSV") from error


def _spooled(fill: Callable[[Path], None], suffix: str) -> Spooled:
    folder = settings().state / "spool"
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix, "answer-", folder)
    os.close(handle)
    path = Path(name)
    try:
        fill(path)
        return Spooled(path.open("rb"))
    finally:
        path.unlink(missing_ok=True)
