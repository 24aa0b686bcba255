"""A data set as an index of parts: which files it is made of, and each opened once a process."""

import glob
import hashlib
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import PurePath
from typing import Any

import numpy as np

from poles import times
from poles.dataset import Dataset
from poles.errors import Unreadable
from poles.query import Moment
from poles.sources import Replaced, open_source, version
from poles.stored import Array, Opened, Slices, Stored

CHECKED_S = 2.0
"""How long the versions of a data set's parts are believed."""

_KEPT = 4096
_TRIES = 20
_GRACE_S = 5.0
_BESIDE = (".aux.xml", ".ovr", ".msk", ".tfw", ".md5", ".dbf", ".shx", ".prj", ".cpg", ".qpj", ".idx", ".lock", ".tmp")


@dataclass(frozen=True, slots=True)
class Part:
    """One file or store of a data set."""

    href: str
    version: str
    """Changes whenever the data change."""
    time: int | None = None
    """Milliseconds that its name tells, in the `standard` calendar: a date is midnight UTC, a month its first day."""


@dataclass(slots=True)
class _Index:
    """The parts of one data set as they were found, and when."""

    checked: float
    parts: tuple[Part, ...]
    found: float
    """When all of them were there."""


_INDEX: dict[tuple[Any, ...], _Index] = {}
_CHECKING = threading.Lock()


def parts(dataset: Dataset) -> tuple[Part, ...]:
    """The parts of a data set, by time where their names tell it, else by name; the same object while nothing changes.

    Versions are looked at again after `CHECKED_S` seconds. Raises Unreadable where a path is missing, a glob matches
    nothing, or a name does not fit the time pattern.
    """
    key = dataset.source, dataset.time_pattern
    index = _INDEX.get(key)
    if index is not None and time.monotonic() - index.checked < CHECKED_S:
        return index.parts
    # While one thread looks, the others go on with what was found before.
    if not _CHECKING.acquire(blocking=index is None):
        assert index is not None
        return index.parts
    try:
        return _looked(key, _INDEX.get(key)).parts
    finally:
        _CHECKING.release()


def fingerprint(members: Sequence[Part]) -> str:
    """Changes whenever the data change: a digest of the parts and their versions."""
    listed = "\n".join(f"{p.href} {p.version}" for p in members)
    return hashlib.sha256(listed.encode()).hexdigest()[:16]


def _looked(key: tuple[Any, ...], index: _Index | None) -> _Index:
    now = time.monotonic()
    if index is not None and now - index.checked < CHECKED_S:
        return index
    source, pattern = key
    try:
        found = _versions(source)
    except Unreadable:
        # A folder cannot be replaced at once: between two renames nothing is there.
        if index is None or now - index.found > _GRACE_S:
            raise
        index.checked = now
        return index
    if index is None or found != {p.href: p.version for p in index.parts}:
        index = _INDEX[key] = _Index(now, _dated(found, pattern), now)
    index.checked = index.found = now
    return index


def _versions(source: Sequence[str]) -> dict[str, str]:
    """Every path and its version."""
    if not source:
        raise Unreadable("source", "no path is given", "name a file or a glob")
    found: dict[str, str] = {}
    for entry in source:
        if os.path.exists(entry) or not glob.has_magic(entry):
            found[entry] = version(entry)
            continue
        found |= _globbed(entry)
    return found


def _globbed(entry: str) -> dict[str, str]:
    found = {}
    for href in glob.iglob(entry, recursive=True):
        if href.endswith(_BESIDE):
            continue
        try:
            found[href] = version(href)
        except Unreadable:  # gone since, or about to be replaced: the next look tells
            continue
    if not found:
        raise Unreadable(entry, "nothing matches", "check the folder and the glob")
    return found


def _dated(found: Mapping[str, str], pattern: str | None) -> tuple[Part, ...]:
    hrefs = sorted(found, key=_natural)
    dates: Sequence[int | None] = _by_pattern(hrefs, pattern) if pattern else _by_name(hrefs)
    made = [Part(href, found[href], date) for href, date in zip(hrefs, dates, strict=True)]
    return tuple(sorted(made, key=lambda p: p.time or 0) if None not in dates else made)


def _natural(href: str) -> list[tuple[int, int, str]]:
    """A key that sorts `part-2` before `part-10`."""
    return [(0, int(t), "") if t.isdigit() else (1, 0, t) for t in re.split(r"(\d+)", href) if t]


# --- dates in names ------------------------------------------------------------------------------------------

_YEAR, _MONTH, _DAY = r"(?P<year>1[89]\d\d|20\d\d)", r"(?P<month>0[1-9]|1[0-2])", r"(?P<day>0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d)(?P<second>[0-5]\d)?"
_FORMS = tuple(
    re.compile(rf"(?<!\d){form}(?!\d)")
    for form in (
        f"{_YEAR}{_MONTH}{_DAY}[Tt_-]?{_CLOCK}",
        f"{_YEAR}-{_MONTH}-{_DAY}[Tt_ ]{_CLOCK}",
        f"{_YEAR}-{_MONTH}-{_DAY}[Tt_ ](?P<hour>[01]\\d|2[0-3])[-:](?P<minute>[0-5]\\d)(?:[-:](?P<second>[0-5]\\d))?",
        f"{_YEAR}{_MONTH}{_DAY}(?P<hour>[01]\\d|2[0-3])",
        f"{_YEAR}{_MONTH}{_DAY}",
        f"{_YEAR}([-_.]){_MONTH}\\2{_DAY}",
        f"{_YEAR}(?P<yearday>[0-3]\\d\\d)",
        f"{_YEAR}{_MONTH}",
        f"{_YEAR}-{_MONTH}",
        _YEAR,
    )
)


def _by_name(hrefs: Sequence[str]) -> Sequence[int | None]:
    """The dates that the names tell, or None for all: only where exactly one reading fits every name and differs."""
    nothing = [None] * len(hrefs)
    if len(hrefs) < 2:
        return nothing
    readings = [list(_readings(PurePath(href).name)) for href in hrefs]
    places = [[form for form, _ in r] for r in readings]
    if any(p != places[0] for p in places):
        return nothing
    columns = [column for column in zip(*([t for _, t in r] for r in readings), strict=True) if len(set(column)) > 1]
    return columns[0] if len(columns) == 1 else nothing


def _readings(name: str) -> Iterator[tuple[int, int]]:
    """What can be read as a date in a name, left to right: its form, and its milliseconds."""
    place = 0
    while place < len(name):
        for number, form in enumerate(_FORMS):
            match = form.match(name, place)
            date = _date(match.groupdict()) if match is not None else None
            if match is not None and date is not None:
                yield number, date
                place = match.end()
                break
        else:
            place += 1


def _date(groups: Mapping[str, str | None]) -> int | None:
    """Milliseconds of the groups of a date; None where there is no such day."""
    field = {name: int(text) for name, text in groups.items() if text and name in _FIELDS}
    year = field.get("year")
    if year is None:
        return None
    moment = Moment((year, field.get("month", 1), field.get("day", 1)))
    first = times.instant(moment, "standard") if 1 <= moment.fields[1] <= 12 and moment.fields[2] >= 1 else None
    if first is None:
        return None
    yearday = field.get("yearday", 1)
    if not 1 <= yearday <= 366:
        return None
    clock = (field.get("hour", 0) * 60 + field.get("minute", 0)) * 60 + field.get("second", 0)
    return first + (yearday - 1) * times.DAY + clock * 1000


_FIELDS = ("year", "month", "day", "hour", "minute", "second", "yearday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DIRECTIVES = {
    "%Y": r"(?P<year>\d{4})", "%y": r"(?P<short>\d\d)", "%b": rf"(?P<named>{'|'.join(_MONTHS)})",
    "%m": r"(?P<month>\d\d)", "%d": r"(?P<day>\d\d)", "%H": r"(?P<hour>\d\d)",
    "%M": r"(?P<minute>\d\d)", "%S": r"(?P<second>\d\d)", "%j": r"(?P<yearday>\d{3})", "%%": "%",
}  # fmt: skip


def _by_pattern(hrefs: Sequence[str], pattern: str) -> list[int | None]:
    search = _search(pattern)
    found: list[int | None] = []
    for href in hrefs:
        match = search(PurePath(href).name) or search(href)
        groups = _spelt_out(match.groupdict()) if match is not None else {}
        inner = [t for _, t in _readings(groups.get("date") or "")]
        date = inner[0] if inner else _date(groups)
        if date is None:
            raise Unreadable(href, f"its name does not fit the time pattern {pattern!r}", "mend `time_pattern`")
        found.append(date)
    return found


def _spelt_out(groups: dict[str, str | None]) -> dict[str, str | None]:
    """The groups of a date, with a year of two digits (69 is 1969, as POSIX has it) and a named month as numbers."""
    short, named = groups.pop("short", None), groups.pop("named", None)
    if short is not None:
        groups["year"] = f"{'19' if short >= '69' else '20'}{short}"
    if named is not None:
        groups["month"] = str(_MONTHS.index(named.lower()) + 1)
    return groups


@lru_cache(maxsize=1024)
def _search(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """The search for a `strptime` pattern or a regular expression with named groups (`year` … `second`, or `date`)."""
    try:
        if "(?P<" in pattern:
            return re.compile(pattern).search
        pieces = re.split(r"(%.)", pattern)
        body = "".join(_DIRECTIVES[p] if p.startswith("%") else re.escape(p) for p in pieces)
        before, after = (r"(?<!\d)" if pattern.startswith("%") else ""), (r"(?!\d)" if pieces[-1] == "" else "")
        return re.compile(before + body + after, re.IGNORECASE).search
    except (re.error, KeyError) as error:
        found = f"{pattern!r} is no pattern ({error})"
        raise Unreadable("time_pattern", found, "write %Y%m%d, or a regular expression with (?P<year>…)") from None


# --- opened parts --------------------------------------------------------------------------------------------

_OPENED: OrderedDict[tuple[str, str], Opened] = OrderedDict()
_OPENING: dict[tuple[str, str], threading.Lock] = {}
_KEEPING = threading.Lock()


def opened(part: Part) -> Opened:
    """The arrays of a part, opened once for each version of the file.

    A file that was replaced since the parts were listed is opened as it is. Reading goes on when a file is replaced:
    from the file that was opened, or, where that is closed by then, from its successor if it is of the same shape.
    Raises Unreadable, and `Replaced` where the successor is another.
    """
    key = part.href, part.version
    found = _kept(key)
    if found is not None:
        return found
    with _KEEPING:
        opening = _OPENING.setdefault(key, threading.Lock())
    try:
        with opening:
            return _kept(key) or _keep(key, _open(part.href))
    finally:
        with _KEEPING:
            _OPENING.pop(key, None)


def _kept(key: tuple[str, str]) -> Opened | None:
    with _KEEPING:
        found = _OPENED.get(key)
        if found is not None:
            _OPENED.move_to_end(key)
        return found


def _keep(key: tuple[str, str], found: Opened) -> Opened:
    with _KEEPING:
        for old in [k for k in _OPENED if k[0] == key[0]]:
            del _OPENED[old]
        _OPENED[key] = found
        while len(_OPENED) > _KEPT:
            _OPENED.popitem(last=False)
    return found


def _open(href: str) -> Opened:
    """A source whose arrays read on when the file is replaced."""
    found = _settled(href)
    return Opened({key: _steady(href, stored) for key, stored in found.arrays.items()}, found.attrs)


def _settled(href: str) -> Opened:
    """The source, once it is no longer being replaced; a second is waited at most."""
    for attempt in range(_TRIES):
        try:
            return open_source(href)
        except Replaced:
            continue
        except Unreadable:
            if os.path.exists(href) or attempt == _TRIES - 1:
                raise
            time.sleep(1 / _TRIES)
    raise Replaced(href)


def _steady(href: str, stored: Stored) -> Stored:
    def read(slices: Slices) -> Array:
        try:
            return stored.read(slices)
        except Replaced:
            return _successor(href, stored).read(slices)

    return replace(stored, read=read)


def _successor(href: str, stored: Stored) -> Stored:
    """The same array of the file that took the place."""
    other = _settled(href).arrays.get(stored.key)
    if other is None or not _alike(stored, other):
        _INDEX.clear()
        raise Replaced(href)
    return other


def _alike(one: Stored, other: Stored) -> bool:
    if (one.dims, one.shape, one.dtype) != (other.dims, other.shape, other.dtype) or set(one.attrs) != set(other.attrs):
        return False
    return all(_same(value, other.attrs[name]) for name, value in one.attrs.items())


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return bool(one == other)
    return bool(np.array_equal(np.asarray(one), np.asarray(other), equal_nan=np.asarray(one).dtype.kind == "f"))
