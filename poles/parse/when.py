"""`datetime`: instants, intervals, lists and recurrences, still as calendar fields."""

import re

from poles import times
from poles.errors import Invalid
from poles.parse.text import shown
from poles.query import Interval, Moment

_REMEDY = "write 2020-01-31, 2020-01-31T12:00:00Z, 2020-01-01/2020-02-01, ../2020-02-01 or R5/2020-01-01T00:00:00Z/PT3H"
_REPEAT = re.compile(r"R([0-9]{1,9})/([^/]+)/(P[^/]+)", re.IGNORECASE)
_DURATION = re.compile(
    r"P(?=.)(?:(?P<years>\d{1,6})Y)?(?:(?P<months>\d{1,6})M)?(?:(?P<weeks>\d{1,6})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=.)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,6}(?:\.\d{1,3})?)S)?)?",
    re.IGNORECASE | re.ASCII,
)
_OPEN = ("", "..")
_MOST = 10_000
_MILLISECONDS = {"weeks": 604_800_000, "days": 86_400_000, "hours": 3_600_000, "minutes": 60_000, "seconds": 1_000}


def intervals(text: str, calendar: str = "standard", name: str = "datetime") -> tuple[Interval, ...]:
    """The times that are asked: any comma list of instants, intervals and recurrences.

    A recurrence is counted in the calendar of the data. Raises Invalid.

    >>> intervals("2020-02-30/..")
    (Interval(start=Moment(fields=(2020, 2, 30)), end=None),)
    """
    found = [i for part in text.split(",") for i in _part(part.strip(), calendar, name)]
    if len(found) > _MOST:
        raise Invalid(name, f"{len(found)} times", f"ask at most {_MOST}")
    return tuple(dict.fromkeys(found))


def moment(text: str, name: str = "datetime") -> Moment:
    """One date or time. Raises Invalid."""
    if len(text) > 64 or not text.isascii():
        raise Invalid(name, f"{shown(text)!r} is no time", _REMEDY)
    try:
        return times.moment(text)
    except Invalid as err:
        raise Invalid(name, err.found, _REMEDY) from err


def between(start: Moment | None, end: Moment | None, text: str, name: str = "datetime") -> Interval:
    """The closed interval. Raises Invalid where it is reversed."""
    if start is not None and end is not None and _first(start) > _last(end):
        raise Invalid(name, f"{shown(text)!r} ends before it begins", "give the earlier time first")
    return Interval(start, end)


def common(a: tuple[Interval, ...], b: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """The times that lie in both; none at all is an empty tuple.

    >>> common(intervals("2020-01-01/2020-03-01"), intervals("2020-02-01/..")) == intervals("2020-02-01/2020-03-01")
    True
    """
    return tuple(dict.fromkeys(m for i in a for j in b if (m := _overlap(i, j)) is not None))


def _overlap(a: Interval, b: Interval) -> Interval | None:
    starts = [i.start for i in (a, b) if i.start is not None]
    ends = [i.end for i in (a, b) if i.end is not None]
    start, end = max(starts, key=_first, default=None), min(ends, key=_last, default=None)
    if start is not None and end is not None and _first(start) > _last(end):
        return None
    return Interval(start, end)


def _first(moment: Moment) -> tuple[int, ...]:
    return (*moment.fields, 0, 0, 0, 0)[:7]


def _last(moment: Moment) -> tuple[int, ...]:
    return (*moment.fields, 23, 59, 60, 999)[:7]


def _part(text: str, calendar: str, name: str) -> tuple[Interval, ...]:
    if text[:1] in ("R", "r"):
        return tuple(Interval(m, m) for m in _repeated(text, calendar, name))
    ends = [e.strip() for e in text.split("/")]
    match ends:
        case [instant] if instant not in _OPEN:
            at = moment(instant, name)
            return (Interval(at, at),)
        case [start, end]:
            first, last = (None if e in _OPEN else moment(e, name) for e in (start, end))
            return (between(first, last, text, name),)
        case _:
            raise Invalid(name, f"{shown(text)!r} is neither a time nor an interval", _REMEDY)


def _repeated(text: str, calendar: str, name: str) -> list[Moment]:
    """`Rn/start/duration`: n instants, the first of them the start."""
    match = _REPEAT.fullmatch(text)
    duration = match and _DURATION.fullmatch(match[3])
    if match is None or duration is None:
        raise Invalid(name, f"{shown(text)!r} is no recurrence", "write R5/2020-01-01T00:00:00Z/PT3H")
    count, start = int(match[1]), moment(match[2], name)
    if not 1 <= count <= _MOST:
        raise Invalid(name, f"{count} repeats", f"ask from 1 to {_MOST}")
    parts = {unit: float(n) for unit, n in duration.groupdict().items() if n}
    months = int(parts.pop("years", 0) * 12 + parts.pop("months", 0))
    step = round(sum(n * _MILLISECONDS[unit] for unit, n in parts.items()))
    if (months == 0) == (step == 0):
        raise Invalid(name, f"{shown(match[3])!r} is no step", "give months and years, or days and less")
    return _monthly(start, months, count, name) if months else _stepped(start, step, count, calendar, name)


def _monthly(start: Moment, months: int, count: int, name: str) -> list[Moment]:
    year, month0 = start.fields[0], start.fields[1] - 1
    found = [divmod(year * 12 + month0 + i * months, 12) for i in range(count)]
    if found[-1][0] > 999_999:
        raise Invalid(name, f"the year {found[-1][0]}", "ask fewer repeats, or a shorter step")
    return [Moment((y, m + 1, *start.fields[2:])) for y, m in found]


def _stepped(start: Moment, step: int, count: int, calendar: str, name: str) -> list[Moment]:
    first = times.instant(start, calendar)
    if first is None:
        raise Invalid(name, f"the calendar {calendar} has no such day", "begin at a day that it has")
    found = [moment(t, name) for t in times.texts([first + i * step for i in range(count)], calendar)]
    whole_days = start.day and step % _MILLISECONDS["days"] == 0
    return [Moment(m.fields[:3]) for m in found] if whole_days else found
