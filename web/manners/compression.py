"""Bodies in gzip: documents packed once, streams as they run."""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import cast

from werkzeug.wrappers import Response

from web.manners.negotiation import coding, only_packed

LEAST = 1024
"""A smaller body goes out as it is: it fits into one packet either way."""
PASSING = 1
"""The level for what is sent once. Measured on GeoJSON, CSV and CoverageJSON: level 1 packs 100 to 280 MB/s into at
most a third more than level 6, which packs 17 to 100 MB/s: slower than the rows are written."""
KEPT = 9
"""The level for what is packed once and sent often."""
_TEXTS = re.compile(r"text/|image/svg|application/(javascript|([\w.+-]*\+)?(json|xml|yaml)(-seq)?)\b")


def packed(response: Response, accept_encoding: str | None, kept: Callable[[str], bytes | None]) -> None:
    """Packs a response where the client takes that and it is worth it. `kept` gives a document's bytes by its tag.

    Files whose ranges may be asked go out as they are.
    """
    if response.status_code in (204, 206, 304) or "Content-Encoding" in response.headers:
        return
    kind = _TEXTS.match(response.headers.get("Content-Type", "").lower()) is not None
    if kind and "Accept-Encoding" not in response.headers.get("Vary", ""):
        response.vary.add("Accept-Encoding")
    worth = (kind and "Accept-Ranges" not in response.headers and not _is_small(response)) or only_packed(
        accept_encoding
    )
    if worth and coding(accept_encoding) == "gzip":
        _pack(response, kept)


def _pack(response: Response, kept: Callable[[str], bytes | None]) -> None:
    """The body in gzip. Its bytes are no others' any more: they have no ranges, and their tag is a weak one."""
    entity_tag = response.headers.get("ETag", "")
    response.headers["Content-Encoding"] = "gzip"
    response.headers.pop("Accept-Ranges", None)
    if entity_tag.startswith('"'):
        response.headers["ETag"] = f"W/{entity_tag}"
    if response.is_sequence:
        response.set_data(kept(entity_tag) or zipped(response.get_data(), PASSING))
        return
    response.headers.pop("Content-Length", None)
    source = cast(Iterable[bytes], response.response)
    response.response = zipped_stream(source)
    response.call_on_close(getattr(source, "close", lambda: None))


def _is_small(response: Response) -> bool:
    length = response.content_length
    return length is not None and length < LEAST


def zipped(body: bytes, level: int) -> bytes:
    """The same bytes in gzip; without a time, so that they are the same in every worker."""
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()


def zipped_stream(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A stream in gzip. An error on the way leaves it without its end, as it leaves the plain stream."""
    packer = zlib.compressobj(PASSING, zlib.DEFLATED, 31)
    for piece in pieces:
        if out := packer.compress(piece):
            yield out
    yield packer.flush()
