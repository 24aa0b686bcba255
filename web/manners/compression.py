"""Bodies in gzip: documents packed once, streams as they run."""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
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


def packed(
    response: Response, told: Mapping[str, str], accept_encoding: str | None, kept: Callable[[str], bytes | None]
) -> None:
    """Packs a response where the client takes that and it is worth it.

    `told` are its headers by their names in lower case; `kept` gives a document's packed bytes by its tag. Files
    whose ranges may be asked go out as they are.
    """
    if response.status_code in (204, 206, 304) or "content-encoding" in told:
        return
    kind = _TEXTS.match(told.get("content-type", "").lower()) is not None
    if kind and "Accept-Encoding" not in told.get("vary", ""):
        response.vary.add("Accept-Encoding")
    worth = kind and "accept-ranges" not in told and int(told.get("content-length", LEAST)) >= LEAST
    if (worth or only_packed(accept_encoding)) and coding(accept_encoding) == "gzip":
        _pack(response, told, kept)


def _pack(response: Response, told: Mapping[str, str], kept: Callable[[str], bytes | None]) -> None:
    """The body in gzip. Its bytes are no others' any more: they have no ranges, and their tag is a weak one."""
    response.headers.add("Content-Encoding", "gzip")
    response.headers.remove("Accept-Ranges")
    entity_tag = told.get("etag", "")
    if entity_tag.startswith('"'):
        response.headers["ETag"] = f"W/{entity_tag}"
    if response.is_sequence:
        response.set_data(kept(entity_tag) or zipped(response.get_data(), PASSING))
        return
    response.headers.remove("Content-Length")
    source = cast(Iterable[bytes], response.response)
    response.response = zipped_stream(source)
    response.call_on_close(getattr(source, "close", lambda: None))


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
