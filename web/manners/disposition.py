"""Under which name an answer is kept as a file (RFC 6266)."""

import re
from urllib.parse import quote

_UNSAFE = re.compile(r"[^\w .()+-]", re.ASCII)


def kept_as(name: str) -> str:
    """The Content-Disposition of a file: its name, in ASCII alone where it holds more, and then the whole beside it.

    >>> kept_as("data.csv")
    'attachment; filename="data.csv"'
    >>> kept_as("été.tif")
    'attachment; filename="_t_.tif"; filename*=UTF-8\\'\\'%C3%A9t%C3%A9.tif'
    """
    plain = _UNSAFE.sub("_", name)
    exact = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{exact}'
