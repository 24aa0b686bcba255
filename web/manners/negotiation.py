"""What a client would rather have: media type, language and coding, weighed as section 12 of RFC 9110 says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

LANGUAGES = ("en", "fr")
"""The languages that are spoken; the first, where the client speaks neither."""
Coding = Literal["gzip", "identity"]
Offer = tuple[str, ...]
"""A media type, and further ones by which it may be asked."""

_ELEMENT = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*"?)+')
_PIECE = re.compile(r'(?:[^;"]|"(?:\\.|[^"\\])*"?)+')
_WEIGHT = re.compile(r"\d+(\.\d*)?|\.\d+")
_EXACT = 3


@dataclass(frozen=True, slots=True)
class Range:
    """One element of a header: its name and parameters in lower case, and its weight from 0 to 1."""

    name: str
    parameters: tuple[tuple[str, str], ...] = ()
    weight: float = 1.0


@lru_cache(512)
def ranges(header: str) -> tuple[Range, ...]:
    """The elements of an Accept, Accept-Language or Accept-Encoding header; one whose weight is no number is dropped.

    >>> ranges('text/*;q=.3, text/html; level="1"')[1]
    Range(name='text/html', parameters=(('level', '1'),), weight=1.0)
    """
    return tuple(r for element in _ELEMENT.findall(header) if (r := _range(element)) is not None)


def _range(element: str) -> Range | None:
    name, *details = (piece.strip().lower() for piece in _PIECE.findall(f" {element}"))
    pairs = [(key.strip(), value.strip().strip('"')) for key, _, value in (d.partition("=") for d in details)]
    weight = next((value for key, value in pairs if key == "q"), "1")
    if not name or not _WEIGHT.fullmatch(weight):
        return None
    return Range(name, tuple(p for p in pairs if p[0] not in ("q", "")), min(float(weight), 1.0))


# --- media types ---------------------------------------------------------------------------------------------------


def preferred(accept: str | None, offered: tuple[str, ...]) -> str | None:
    """The media type of those offered that a client likes best, by weight, then by our order; None: none.

    >>> preferred("text/*;q=0.5, application/json;q=0.4", ("application/json", "text/html"))
    'text/html'
    >>> preferred("text/html;q=0, */*", ("text/html", "application/json"))
    'application/json'
    """
    found = best(accept, tuple((o,) for o in offered))
    return None if found is None else offered[found]


@lru_cache(1024)
def best(accept: str | None, offers: tuple[Offer, ...]) -> int | None:
    """Which offer a client likes best: by weight, then by how closely it was named, then by our order.

    A header that only says what is not wanted leaves the rest.
    """
    asked = ranges(accept or "")
    if not any(r.weight > 0 for r in asked):
        asked += (Range("*/*"),)
    liked = [_liking(offer, asked) for offer in offers]
    most = max(liked, default=(0.0, 0))
    return liked.index(most) if most[0] > 0 else None


def _liking(offer: Offer, asked: Sequence[Range]) -> tuple[float, int]:
    """Weight and closeness of the closest range that holds an offer; another name of it only adds."""
    weight, closeness = _of_type(offer[0], asked)
    if weight == 0 and closeness >= _EXACT:
        return 0.0, closeness
    others = [_of_type(name, asked) for name in offer[1:]]
    return max([(weight, closeness), *(o for o in others if o[1] >= _EXACT - 1)])


def _of_type(media_type: str, asked: Sequence[Range]) -> tuple[float, int]:
    own = ranges(media_type)[0]
    fitting = [(closeness, r.weight) for r in asked if (closeness := _closeness(own, r)) is not None]
    if not fitting:
        return 0.0, -1
    closest = max(closeness for closeness, _ in fitting)
    return next(weight for closeness, weight in fitting if closeness == closest), closest


def _closeness(own: Range, asked: Range) -> int | None:
    """How closely a range names a media type; None: it does not.

    A parameter that the type does not tell (`charset`, `profile`) is no reason to refuse it, and none to exclude it.
    """
    if asked.name in ("*/*", "*"):
        return 0
    if asked.name == f"{own.name.split('/')[0]}/*":
        return 1
    if asked.name != own.name:
        return None
    told = dict(own.parameters)
    if any(told.get(key, value) != value for key, value in asked.parameters):
        return None
    if all(key in told for key, _ in asked.parameters):
        return _EXACT + len(asked.parameters)
    return _EXACT - 1 if asked.weight > 0 else None


# --- languages -----------------------------------------------------------------------------------------------------


@lru_cache(512)
def spoken(accept_language: str | None) -> str:
    """The language of those spoken that a client likes best; English where it speaks neither.

    >>> spoken("fr-CA, en;q=0.9"), spoken("de, *;q=0"), spoken("en;q=0"), spoken("de;q=0.9, fr;q=0.1")
    ('fr', 'en', 'fr', 'fr')
    """
    asked = ranges(accept_language or "")
    named = {n: found for n in LANGUAGES if (found := _fluency(n, asked)) is not None}
    if wanted := {n: found for n, found in named.items() if found[0] > 0}:
        return max(wanted, key=lambda n: wanted[n])
    return next((n for n in LANGUAGES if n not in named), LANGUAGES[0])


def _fluency(language: str, asked: Sequence[Range]) -> tuple[float, bool, int] | None:
    """The weight of a language, whether it was named rather than `*`, and how early; None: it was not.

    A regional range (`fr-CA`) is met by its language, and excludes none.
    """
    regions = (f"{language}-", f"{language}_")
    exact = [(r.weight, True, -n) for n, r in enumerate(asked) if r.name == language]
    if exact and exact[0][0] == 0:
        return exact[0]
    regional = [(r.weight, True, -n) for n, r in enumerate(asked) if r.name.startswith(regions) and r.weight > 0]
    others = [(r.weight, False, -n) for n, r in enumerate(asked) if r.name == "*"]
    return max([*exact, *regional] or others, default=None)


# --- codings -------------------------------------------------------------------------------------------------------


@lru_cache(512)
def coding(accept_encoding: str | None) -> Coding | None:
    """`gzip` where a client takes it as gladly as the plain body, else `identity`; None: it takes neither.

    >>> coding("gzip, br"), coding("gzip;q=0.5, identity"), coding("*;q=0"), coding(None)
    ('gzip', 'identity', None, 'identity')
    """
    asked = _codings(accept_encoding)
    packed = asked.get("gzip", asked.get("*", 0.0))
    plain = asked.get("identity", asked.get("*"))
    if plain == 0 and not {"gzip", "*"} & set(asked):  # refuses the plain body, and names no other
        return "gzip"
    if packed > 0 and packed >= (plain or 0.0):
        return "gzip"
    return None if plain == 0 else "identity"


@lru_cache(512)
def only_packed(accept_encoding: str | None) -> bool:
    """Whether a client refuses the plain body."""
    asked = _codings(accept_encoding)
    return asked.get("identity", asked.get("*")) == 0


def _codings(accept_encoding: str | None) -> dict[str, float]:
    return {r.name.removeprefix("x-"): r.weight for r in reversed(ranges(accept_encoding or ""))}
