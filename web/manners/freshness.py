"""What a client holds already: entity tags, and the 304 that tells it that its copy is good."""

import re
from hashlib import blake2b

from flask import Response

VARY = "Accept, Accept-Language, Accept-Encoding"
REVALIDATED = "public, no-cache"
"""Whoever likes may keep a copy, and asks before showing it: data are published at any moment."""
_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def tag(*parts: bytes | str) -> str:
    """A weak entity tag: the same in every worker and after a restart.

    Weak, as a packed body and the time of an answer are no other version of it.
    """
    digest = blake2b(digest_size=12)
    for part in parts:
        digest.update(part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return f'W/"{digest.hexdigest()}"'


def holds(if_none_match: str | None, entity_tag: str) -> bool:
    """Whether an If-None-Match header names a version, compared weakly.

    >>> holds('"a", W/"b"', 'W/"a"'), holds("*", 'W/"a"'), holds('W/"c"', 'W/"a"'), holds(None, 'W/"a"')
    (True, True, False, False)
    """
    if not if_none_match:
        return False
    return if_none_match.strip() == "*" or entity_tag.removeprefix("W/").strip('"') in _TAG.findall(if_none_match)


def not_modified(entity_tag: str, vary: str = VARY) -> Response:
    """304: the client's copy is good."""
    return Response(status=304, headers=[("ETag", entity_tag), ("Vary", vary), ("Cache-Control", REVALIDATED)])
