"""`subset`: trims and slices along any axis, `Lat(40:50),Lon(-5),time("2020-01-01":"2020-02-01")`."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from poles.dataset import Dataset
from poles.errors import Invalid
from poles.parse import levels, when, where
from poles.parse.text import choices, is_number, number, shown
from poles.query import CRS84, Box, Interval, Moment, Span

NAMES = {
    "x": ("x", "e", "easting", "lon", "long", "longitude"),
    "y": ("y", "n", "northing", "lat", "latitude"),
    "t": ("t", "time", "datetime", "date", "phenomenontime"),
    "z": ("z", "depth", "level", "lev", "height", "pressure", "altitude", "elevation"),
}
"""Names that an axis goes by in any data set, in any case."""

_DEGREES = ("lon", "long", "longitude", "lat", "latitude")
_QUOTED = r"\"[^\"]*\"|'[^']*'"
_AXIS = re.compile(rf"([^(),\"':]+)\(((?:{_QUOTED}|[^()\"'])*)\)\s*(?:,|$)")
_PARTS = {mark: re.compile(rf"((?:{_QUOTED}|[^\"'{mark}])*)({mark}|$)") for mark in ",:"}
_REMEDY = 'write Lat(40:50),Lon(-5),time("2020-01-01":"2020-02-01"); * is an open end'


@dataclass(frozen=True, slots=True)
class Subset:
    """What `subset` asks of each axis; None: nothing."""

    box: Box | None = None
    crs: str = CRS84
    when: tuple[Interval, ...] | None = None
    levels: tuple[Span, ...] | None = None
    others: tuple[tuple[str, tuple[Span, ...]], ...] = ()


def subset(texts: Iterable[str], crs: str | None, dataset: Dataset, calendar: str) -> Subset:
    """The subset of all `subset` parameters together; `crs` is that of its x and y where it is given. Raises Invalid.

    `Lat` and `Lon` are degrees of CRS84, `x`, `y`, `E` and `N` those of the data.
    """
    asked: dict[str, tuple[str, str]] = {}
    for name, inner in (pair for text in texts for pair in axes(text, "subset", _REMEDY)):
        of = role(name, dataset, "subset")
        if of in asked:
            raise Invalid("subset", f"{shown(name)} is given twice", "give each axis once")
        asked[of] = name, inner
    box, box_crs = _box({r: asked.pop(r) for r in ("x", "y") if r in asked}, crs, dataset)
    time, level = asked.pop("t", None), asked.pop("z", None)
    return Subset(
        box=box,
        crs=box_crs,
        when=_times(time[1], calendar) if time else None,
        levels=_spans(level[0], level[1], words=False) if level else None,
        others=tuple((axis, _spans(name, inner, words=True)) for axis, (name, inner) in asked.items()),
    )


def axes(text: str, subject: str, remedy: str) -> Iterable[tuple[str, str]]:
    """Axis names, each with what stands in its parentheses. Raises Invalid."""
    place = 0
    while place < max(1, len(text)):
        match = _AXIS.match(text, place)
        if match is None or not match[1].strip() or not match[2].strip():
            raise Invalid(subject, f"{shown(text[place:])!r} is not understood", remedy)
        yield match[1].strip(), match[2]
        place = match.end()


def _parts(text: str, mark: str) -> list[str]:
    """The text cut at a mark that stands in no quotes."""
    found, place, cut = [], 0, mark
    while cut == mark:
        match = _PARTS[mark].match(text, place)
        if match is None:
            raise Invalid("subset", f"{shown(text)!r} has a quote that does not end", _REMEDY)
        found.append(match[1].strip())
        place, cut = match.end(), match[2]
    return found


def role(name: str, dataset: Dataset, subject: str) -> str:
    """`x`, `y`, `t`, `z`, or the name of another axis. Raises Invalid where the data are known to lack it."""
    facts, low = dataset.facts, name.casefold()
    known = facts.axes if facts is not None else ()
    own = next((a.name for a in known if low in _called(a.name, a.key, a.standard_name)), None)
    generic = next((meaning for meaning, names in NAMES.items() if low in names), None)
    if own is not None:
        return own
    if facts is None or facts.kind != "grid":
        return generic or name
    if generic in ("x", "y") or generic in [a.name for a in known]:
        return str(generic)
    there = [a.key or a.name for a in known]
    raise Invalid(
        subject, f"there is no axis {shown(name)}", f"give of {choices(dict.fromkeys(['Lat', 'Lon', *there]))}"
    )


def _called(name: str, key: str, standard_name: str | None) -> set[str]:
    return {n.casefold() for n in (name, key, standard_name or name)}


def _box(asked: dict[str, tuple[str, str]], crs: str | None, dataset: Dataset) -> tuple[Box | None, str]:
    """The box along x and y, open where one is not asked, and its CRS."""
    if not asked:
        return None, CRS84
    found = {crs or _own_crs(name, dataset) for name, _ in asked.values()}
    if len(found) > 1:
        raise Invalid("subset", "degrees and metres are mixed", "ask Lat and Lon, or E and N, or give subset-crs")
    west, east = _range(*asked["x"]) if "x" in asked else (-math.inf, math.inf)
    south, north = _range(*asked["y"]) if "y" in asked else (-math.inf, math.inf)
    box_crs = found.pop()
    if box_crs == CRS84:
        south, north = _on_earth(south, dataset), _on_earth(north, dataset)
    return where.checked("subset", Box(west, south, east, north), box_crs), box_crs


def _on_earth(latitude: float, dataset: Dataset) -> float:
    """A latitude; the pole for the edge of a cell whose centre is the pole, as the domain set of a grid tells it."""
    axes = dataset.facts.axes if dataset.facts is not None else ()
    y = next((a for a in axes if a.name == "y" and a.size > 1), None)
    if y is None or abs(latitude) <= 90:
        return latitude
    half = (float(y.highest) - float(y.lowest)) / (y.size - 1) / 2
    return math.copysign(90.0, latitude) if abs(latitude) <= 90 + 1.001 * half else latitude


def _own_crs(name: str, dataset: Dataset) -> str:
    if name.casefold() in _DEGREES or (dataset.facts is not None and dataset.facts.crs == CRS84):
        return CRS84
    return where.NATIVE


def _range(name: str, inner: str) -> tuple[float, float]:
    """Lower and upper end of one spatial axis; one value is both."""
    ends = [e.strip() for e in inner.split(":")]
    match [None if e == "*" else number("subset", _unquoted(e), f"write {name}(40:50)") for e in ends]:
        case [float(value)]:
            return value, value
        case [low, high]:
            return -math.inf if low is None else low, math.inf if high is None else high
        case _:
            raise Invalid("subset", f"{shown(inner)!r} is no interval of {shown(name)}", f"write {name}(40:50)")


def _spans(name: str, inner: str, words: bool) -> tuple[Span, ...]:
    """Values and intervals along an axis that is neither spatial nor time."""
    found = []
    for part in _parts(inner, ","):
        ends = [_end(name, e, words) for e in _parts(part, ":")]
        if len(ends) > 2 or ends == [None]:
            raise Invalid("subset", f"{shown(inner)!r} is no interval of {shown(name)}", _REMEDY)
        found.append(levels.span(ends[0], ends[-1]))
    return tuple(found)


def _end(name: str, text: str, words: bool) -> float | str | None:
    if text in ("*", '"*"'):
        return None
    bare = _unquoted(text)
    if not bare:
        raise Invalid("subset", f"{shown(name)} has an empty end", _REMEDY)
    return bare if words and (bare != text or not is_number(bare)) else number("subset", bare, _REMEDY)


def _times(inner: str, calendar: str) -> tuple[Interval, ...]:
    return tuple(i for part in _parts(inner, ",") for i in _time(part, calendar))


def _time(text: str, calendar: str) -> tuple[Interval, ...]:
    """One time, one interval; quotes may be left out, where a colon parts the two times at the only place it can."""
    bare = _unquoted(text)
    for start, end in _cuts(text) if len(text) <= 160 and not _is_time(bare) else ():
        low, high = _unquoted(start.strip()), _unquoted(end.strip())
        if _is_end(low) and _is_end(high):
            return (when.between(_moment(low), _moment(high), text, "subset"),)
    return when.intervals(bare, calendar, "subset")


def _cuts(text: str) -> list[tuple[str, str]]:
    """The ways to read a text as two times parted by a colon."""
    if '"' not in text and "'" not in text:
        return [(text[:i], text[i + 1 :]) for i, c in enumerate(text) if c == ":"]
    ends = _parts(text, ":")
    return [(ends[0], ends[1])] if len(ends) == 2 else []


def _is_time(text: str) -> bool:
    try:
        when.moment(text)
    except Invalid:
        return False
    return True


def _is_end(text: str) -> bool:
    return text in ("*", "..") or _is_time(text)


def _moment(text: str) -> Moment | None:
    return None if text in ("*", "..") else when.moment(text)


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in text[1:-1]:
        return text[1:-1].strip()
    return text
