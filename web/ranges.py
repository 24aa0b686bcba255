"""Bytes that lie in a file, sent whole or by the range that is asked (RFC 9110, section 14)."""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import BinaryIO

from flask import Request, Response
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.http import parse_range_header

Headers = list[tuple[str, str]]

_PIECE = 1 << 18
_FILES = 8
_BYTES = 512 * 1024 * 1024


def sent(request: Request, file: BinaryIO, headers: Headers, entity_tag: str) -> Response:
    """The bytes of an open file, or those of the one range that is asked; several ranges are answered by the whole.

    The file is read by place, so that several requests may share it. Raises 416 for a range beyond its end.
    """
    size = os.fstat(file.fileno()).st_size
    start, stop = 0, size
    headers = [*headers, ("Accept-Ranges", "bytes")]
    asked = _asked(request, size, entity_tag)
    if asked is not None:
        start, stop = asked
        headers.append(("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
    body = iter(()) if request.method == "HEAD" else _pieces(file, start, stop)
    headers.append(("Content-Length", str(stop - start)))
    return Response(body, status=200 if asked is None else 206, headers=headers)


def _asked(request: Request, size: int, entity_tag: str) -> tuple[int, int] | None:
    """First byte and the one behind the last; None: all of them."""
    header = request.environ.get("HTTP_RANGE") if request.method == "GET" else None
    condition = request.environ.get("HTTP_IF_RANGE")
    if header is None or (condition is not None and (condition.startswith("W/") or condition != entity_tag)):
        return None
    asked = parse_range_header(header)
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return None
    found = _within(*asked.ranges[0], size)
    if found is None:
        raise RequestedRangeNotSatisfiable(size, "bytes", f"the answer has {size} bytes")
    return found


def _within(start: int, stop: int | None, size: int) -> tuple[int, int] | None:
    """The bytes of a range that are there: of a suffix longer than the file, all; None: no byte of it."""
    start, stop = max(start + size, 0) if start < 0 else start, size if stop is None else min(stop, size)
    return (start, stop) if start < stop else None


def _pieces(file: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    while start < stop:
        piece = os.pread(file.fileno(), min(_PIECE, stop - start), start)
        if not piece:
            raise OSError("a file ended before its end")  # it was cut while it was sent: the connection breaks
        start += len(piece)
        yield piece


# --- answers that are asked range by range -------------------------------------------------------------------------

_kept: OrderedDict[str, tuple[BinaryIO, Headers]] = OrderedDict()
_lock = threading.Lock()


def again(request: Request, entity_tag: str) -> Response | None:
    """A range of an answer that was made for another range of it; None where it is to be made."""
    if "HTTP_RANGE" not in request.environ:
        return None
    with _lock:
        found = _kept.get(entity_tag)
        if found is not None:
            _kept.move_to_end(entity_tag)
    return None if found is None else sent(request, *found, entity_tag)


def made(request: Request, file: BinaryIO, headers: Headers, entity_tag: str) -> Response:
    """An answer that was just made, kept for the next range where one was asked."""
    if "HTTP_RANGE" in request.environ and os.fstat(file.fileno()).st_size <= _BYTES:
        with _lock:
            _kept[entity_tag] = file, headers
            while len(_kept) > _FILES or sum(os.fstat(f.fileno()).st_size for f, _ in _kept.values()) > _BYTES:
                _kept.popitem(last=False)  # closed when the last request is done with it
    return sent(request, file, headers, entity_tag)
