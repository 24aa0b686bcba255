"""`z` and the other axes that are not time: values, intervals, lists, repeats."""

import re

from poles.errors import Invalid
from poles.parse.text import is_number, number, shown
from poles.query import Span

_REPEAT = re.compile(r"R([0-9]{1,9})/([^/]+)/([^/]+)", re.IGNORECASE)
_REMEDY = "give 850, 100/550, 10,80,200 or R20/100/50"
_OPEN = ("", "..", "*")
_MOST = 10_000


def spans(name: str, text: str, words: bool = False) -> tuple[Span, ...]:
    """What is asked along an axis; the ends of an interval may stand in any order. With `words`, labels are taken too.

    >>> spans("z", "550/100,R2/5/5")
    (Span(start=100.0, end=550.0), Span(start=5.0, end=5.0), Span(start=10.0, end=10.0))
    """
    found = [s for part in text.split(",") for s in _part(name, part.strip(), words)]
    if len(found) > _MOST:
        raise Invalid(name, f"{len(found)} values", f"ask at most {_MOST}")
    return tuple(dict.fromkeys(found))


def span(start: float | str | None, end: float | str | None) -> Span:
    """The closed interval between two ends in any order.

    >>> span(3.0, 1.0)
    Span(start=1.0, end=3.0)
    """
    match start, end:
        case (float(), float()) | (str(), str()):
            return Span(*sorted((start, end)))  # type: ignore[type-var]
        case _:
            return Span(start, end)


def end(name: str, text: str, words: bool) -> float | str | None:
    """One end of an interval; None is open. Raises Invalid."""
    if text in _OPEN:
        return None
    return text if words and not is_number(text) else number(name, text, _REMEDY)


def _part(name: str, text: str, words: bool) -> tuple[Span, ...]:
    repeat = _REPEAT.fullmatch(text)
    if repeat is not None:
        return _repeated(name, *repeat.groups())
    match [e.strip() for e in text.split("/")]:
        case [one] if one not in _OPEN:
            value = end(name, one, words)
            return (Span(value, value),)
        case [low, high]:
            return (span(end(name, low, words), end(name, high, words)),)
        case _:
            raise Invalid(name, f"{shown(text)!r} is neither a value nor an interval", _REMEDY)


def _repeated(name: str, count: str, start: str, step: str) -> tuple[Span, ...]:
    """`Rn/start/step`: n values."""
    n, first, by = int(count), number(name, start, _REMEDY), number(name, step, _REMEDY)
    if not 1 <= n <= _MOST:
        raise Invalid(name, f"{n} repeats", f"ask from 1 to {_MOST}")
    found = (first + i * by for i in range(n))
    return tuple(Span(v, v) for v in found)
