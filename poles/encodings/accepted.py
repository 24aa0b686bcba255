"""What a client accepts (RFC 9110, section 12.5.1): media ranges, their parameters and weights."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite

_PART = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')
_PIECE = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*"?)+')


@dataclass(frozen=True, slots=True)
class Range:
    """One media range."""

    media: str
    """`text/csv`, `text/*` or `*/*`, in lower case."""
    parameters: Mapping[str, str]
    weight: float

    def fits(self, media_types: Iterable[str]) -> bool:
        """Whether one of these media types lies in the range.

        A parameter that a type has must be the same; one that it lacks, such as a profile, is a wish.
        """
        return any(self._holds(*_media(t)) for t in media_types)

    def _holds(self, media: str, parameters: Mapping[str, str]) -> bool:
        if self.media not in ("*/*", media) and self.media != f"{media.partition('/')[0]}/*":
            return False
        return all(self.parameters.get(k, v) == v for k, v in parameters.items())

    @property
    def specificity(self) -> tuple[int, int]:
        """More for a range that says more: its type, its subtype, its parameters."""
        return 2 - self.media.count("*"), len(self.parameters)


def ranges(accept: str) -> tuple[Range, ...]:
    """The media ranges of an Accept header, in its order. A weight that is none is 0.

    >>> [(r.media, r.weight) for r in ranges('text/csv;q=0.5, a/b; profile="x,y"')]
    [('text/csv', 0.5), ('a/b', 1.0)]
    """
    return tuple(_range(part) for part in _PART.findall(accept) if part.strip())


def weight(media_types: Iterable[str], of: Iterable[Range]) -> tuple[float, tuple[int, int], int]:
    """How much a client likes what goes by these media types: the weight of the most specific range that holds it.

    With it, for those that it likes alike: how specific that range is, and where it stands, the first the greatest.
    """
    held = [(r.specificity, r.weight, -at) for at, r in enumerate(of) if r.fits(media_types)]
    if not held:
        return 0.0, (0, 0), 0
    specificity, found, at = max(held)
    return found, specificity, at


def _range(part: str) -> Range:
    media, parameters = _media(part)
    return Range(media, {k: v for k, v in parameters.items() if k != "q"}, _number(parameters.get("q", "1")))


def _media(text: str) -> tuple[str, dict[str, str]]:
    media, *details = (p.strip() for p in _PIECE.findall(text))
    pairs = (d.partition("=") for d in details)
    return media.lower(), {k.strip().lower(): v.strip().strip('"').lower() for k, _, v in pairs}


def _number(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return min(max(found, 0.0), 1.0) if isfinite(found) else 0.0
