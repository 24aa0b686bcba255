"""Parameters as they arrive: checked text, numbers and lists."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from poles.errors import Invalid

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SHOWN = 60

Asked = Mapping[str, tuple[str, ...]]
"""The parameters of one request under their official names, each with all its values."""


def shown(text: str) -> str:
    """A value as an error message may repeat it: short, and without control characters.

    >>> shown("a" * 100)[-4:]
    'aaa…'
    """
    clean = _UNPRINTABLE.sub("�", text)
    return clean if len(clean) <= _SHOWN else clean[: _SHOWN - 1] + "…"


def named(name: str) -> str:
    """The name of a parameter as the subject of an error, which one without a name has too.

    >>> named(" ")
    "''"
    """
    return shown(name).strip() or "''"


def printable(name: str, text: str) -> str:
    """The text. Raises Invalid for NUL bytes, control characters and broken Unicode."""
    if _UNPRINTABLE.search(text):
        raise Invalid(named(name), "there are control characters in it", "give plain text, percent-encoded as UTF-8")
    return text


def values(name: str, given: str | Sequence[str]) -> tuple[str, ...]:
    """All values of one parameter."""
    texts = (given,) if isinstance(given, str) else tuple(given)
    return tuple(printable(name, t) for t in texts)


def single(asked: Asked, name: str) -> str | None:
    """The one value of a parameter, None where it is absent. Raises Invalid where it is empty or given twice."""
    given = asked.get(name, ())
    if len(given) > 1:
        raise Invalid(name, f"given {len(given)} times", "give it once")
    if not given:
        return None
    if not given[0].strip():
        raise Invalid(name, "it is empty", "give a value, or leave it out")
    return given[0].strip()


def is_number(text: str) -> bool:
    """Whether the text is a finite decimal number.

    >>> [is_number(t) for t in ("-1.5e3", ".5", "1_000", "nan", "1e999", "٣")]
    [True, True, False, False, False, False]
    """
    return _NUMBER.fullmatch(text) is not None and math.isfinite(float(text))


def number(name: str, text: str, remedy: str = "give finite numbers, as 12.5") -> float:
    """A finite number. Raises Invalid."""
    stripped = text.strip()
    if not is_number(stripped):
        raise Invalid(name, f"{shown(text)!r} is no number", remedy)
    return float(stripped)


def whole(name: str, text: str, lowest: int) -> int:
    """A whole number not below `lowest`; beyond 10^15 it is 10^15. Raises Invalid."""
    if not re.fullmatch(r"\+?[0-9]+", text) or int(text[:16]) < lowest:
        raise Invalid(name, f"{shown(text)!r} is no whole number from {lowest}", f"give {lowest} or more")
    return min(int(text[:16]), 10**15)


def listed(name: str, text: str) -> tuple[str, ...]:
    """The words of a comma list, in order, each once. Raises Invalid where one is empty.

    >>> listed("parameter-name", "sst, ice,sst")
    ('sst', 'ice')
    """
    words = [w.strip() for w in text.split(",")]
    if not all(words):
        raise Invalid(name, f"{shown(text)!r} has an empty name in it", "give names parted by commas")
    return tuple(dict.fromkeys(words))


def choices(names: Iterable[str], most: int = 20) -> str:
    """Names for the end of an error message."""
    all_ = list(names)
    rest = f" and {len(all_) - most} more" if len(all_) > most else ""
    return ", ".join(all_[:most]) + rest
