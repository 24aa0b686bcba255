"""Time in any CF calendar, as whole milliseconds since 1970-01-01 of that calendar.

Calendars are named as CF names them today: `standard`, `proleptic_gregorian`, `julian`, `360_day`, `noleap`,
`all_leap`. Years are astronomical: year 0 is the year before year 1. As `standard` and `julian` units have no year 0,
their year -4713 is 4713 BC (Julian day numbers), and `standard` units that name a year 0 all the same are read as
`proleptic_gregorian`, which is what the climatologies that write it mean.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from poles.errors import Invalid, Unreadable
from poles.query import Interval, Moment
from poles.stored import Array

MISSING = int(np.iinfo(np.int64).min)
"""The time that is none. It is also the bit pattern of numpy's NaT, so that a view as datetime64 keeps it."""

EARLIEST, LATEST = MISSING + 1, int(np.iinfo(np.int64).max)
"""What an open end is bound to."""

DAY = 86_400_000

ISO = "proleptic_gregorian"
"""The calendar of ISO 8601, in which the times of rows are told and asked. `standard` counts the same milliseconds,
but calls the days before 15 October 1582 by other names."""

Milliseconds = NDArray[np.int64]

_CALENDARS = {
    "": "standard", "none": "standard", "standard": "standard", "gregorian": "standard", "utc": "standard",
    "tai": "standard", "proleptic_gregorian": "proleptic_gregorian", "julian": "julian", "360_day": "360_day",
    "noleap": "noleap", "365_day": "noleap", "all_leap": "all_leap", "366_day": "all_leap",
}  # fmt: skip

# Milliseconds in one unit, as a ratio, so that integers stay exact.
_UNITS = {
    name: ratio
    for names, ratio in {
        "nanosecond nanoseconds nsec nsecs ns": (1, 1_000_000),
        "microsecond microseconds microsec microsecs us µs": (1, 1_000),
        "millisecond milliseconds millisec millisecs msec msecs ms": (1, 1),
        "second seconds sec secs s": (1_000, 1),
        "minute minutes min mins": (60_000, 1),
        "hour hours hr hrs h": (3_600_000, 1),
        "day days d": (DAY, 1),
        "week weeks": (7 * DAY, 1),
    }.items()
    for name in names.split()
}
_MONTHS = {"month": 1, "months": 1, "mon": 1, "mons": 1, "year": 12, "years": 12, "yr": 12, "yrs": 12}

_SINCE = re.compile(r"\s*([a-zµ]+)\s+(?:since|after|from|ref)\s+(.*?)\s*", re.IGNORECASE)
_ABSOLUTE = re.compile(r"\s*(?:days?\s+as\s+%y%m%d(?:\.%f)?|yyyymmdd(?:\.f+)?)\s*", re.IGNORECASE)
_REFERENCE = re.compile(
    r"([-+]?\d{1,5})-(\d{1,2})(?:-(\d{1,2}))?(?:(?:\s+|\s*t\s*)(.*))?|(\d{4})(\d\d)(\d\d)(?:t?(\d\d)(\d\d)(\d\d)?)?z?|(\d{4})",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"(\d{1,2})(?::(\d{1,2})(?::(\d{1,2}(?:\.\d*)?))?)?\s*(?:(z|utc|gmt)|(?:utc|gmt)?\s*([-+]?)(\d{1,2}):?(\d\d)?)?",
    re.IGNORECASE,
)

_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_BEFORE = {
    "noleap": np.concatenate([[0], np.cumsum(_LENGTHS)]),
    "all_leap": np.concatenate([[0], np.cumsum((31, 29, *_LENGTHS[2:]))]),
}
_SWITCH = -141_427  # 1582-10-15, in days; the day before it is 1582-10-04 of the Julian calendar


def calendar_of(name: str | None) -> str:
    """The calendar under its present CF name. Raises Unreadable for one that CF does not know."""
    calendar = _CALENDARS.get((name or "").strip().lower())
    if calendar is None:
        raise Unreadable("calendar", f"{name!r} is not a calendar of CF", f"one of {', '.join(sorted(_CALENDARS)[1:])}")
    return calendar


def is_time(units: object) -> bool:
    """Whether the units count from a date: `hours since 2000-01-01`, but neither `hours` nor `days since 0.0`."""
    return isinstance(units, str) and (_ABSOLUTE.fullmatch(units) is not None or _parsed(units) is not None)


def decode(values: Any, units: str = "", calendar: str | None = None) -> tuple[Milliseconds, str]:
    """Times since 1970-01-01 in their own calendar, and the calendar's name.

    `values` are unpacked numbers, NaN where missing, or datetime64 (then the units do not matter); the answer
    has their shape, with `MISSING` where there is no time or none within reach. `months since` and `years since`
    count whole calendar months and years; a fraction is that part of the month or year it falls in.
    Raises Unreadable for units that count from no date.
    """
    raw = np.asarray(values)
    if raw.dtype.kind == "M":
        return raw.astype("datetime64[ms]").view(np.int64), "proleptic_gregorian"
    name = calendar_of(calendar)
    if _ABSOLUTE.fullmatch(units):
        return _packed_dates(raw, name), name
    parsed = _parsed(units)
    if parsed is None:
        raise Unreadable("units", f"{units!r} counts from no date", "write them as 'days since 1950-01-01'")
    unit, reference, clock = parsed
    if reference[0] == 0 and name == "standard":
        name = "proleptic_gregorian"
    if reference[0] < 0 and name in ("standard", "julian"):
        reference = reference[0] + 1, *reference[1:]
    if unit in _MONTHS:
        return _months_later(raw, reference, clock, _MONTHS[unit], name), name
    start = int(_days(*reference, name)) * DAY + clock
    return _scaled(raw, *_UNITS[unit], start), name


@lru_cache(maxsize=1024)
def _parsed(units: str) -> tuple[str, tuple[int, int, int], int] | None:
    """The unit, the date and the milliseconds of the reference after midnight UTC."""
    match = _SINCE.fullmatch(units)
    if match is None or (unit := match[1].lower()) not in _UNITS | _MONTHS:
        return None
    date = _REFERENCE.fullmatch(match[2])
    if date is None:
        return None
    year, month, day, rest, *packed, alone = date.groups()
    if alone:
        return unit, (int(alone), 1, 1), 0
    if year is None:
        year, month, day, *hms = packed
        rest = ":".join(p or "00" for p in hms)
    clock = _clock(rest) if rest else 0
    fields = int(year), int(month), int(day or 1)
    if clock is None or not _known_day(*fields):
        return None
    return unit, fields, clock


def _clock(text: str) -> int | None:
    """Milliseconds after midnight UTC of a time with or without its zone; None where it is no time."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    hour, minute, second, _, sign, ahead, ahead_minutes = match.groups()
    clock = int(hour) * 3_600_000 + int(minute or 0) * 60_000 + round(float(second or 0) * 1000)
    zone = (int(ahead or 0) * 60 + int(ahead_minutes or 0)) * 60_000
    return clock + zone if sign == "-" else clock - zone


def _scaled(raw: Array, times: int, over: int, start: int) -> Milliseconds:
    """`start + raw * times / over` in whole milliseconds, `MISSING` where that is no number or out of reach."""
    if raw.dtype.kind in "iub":
        reach = (LATEST - abs(start)) // times
        outside = (raw > reach) | (raw < -reach)
        whole = np.where(outside, 0, raw).astype(np.int64)
        scaled = whole * times if over == 1 else np.floor_divide(whole + over // 2, over)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            wide = np.rint(raw.astype(np.float64) * times / over)
            outside = ~(np.abs(wide) < LATEST - abs(start) - 1024)
        scaled = np.where(outside, 0, wide).astype(np.int64)
    return np.where(outside, MISSING, scaled + start)


def _packed_dates(raw: Array, calendar: str) -> Milliseconds:
    """Times of `day as %Y%m%d.%f`: 20200131.25 is six in the morning of 31 January 2020."""
    wide = raw.astype(np.float64)
    known = np.isfinite(wide)
    date = np.where(known, np.floor(wide), 19700101).astype(np.int64)
    part = np.where(known, wide - np.floor(wide), 0)
    sign, date = np.sign(date), np.abs(date)
    days = _days(sign * (date // 10000), date // 100 % 100, date % 100, calendar)
    return np.where(known, days * DAY + np.rint(part * 8640).astype(np.int64) * 10_000, MISSING)


def _months_later(raw: Array, reference: tuple[int, int, int], clock: int, months: int, calendar: str) -> Milliseconds:
    """Times a number of months (or years of 12) after a date; the 31st is the last day of a shorter month."""
    wide = raw.astype(np.float64)
    known = np.isfinite(wide) & (np.abs(wide) < 1e6)
    wide = np.where(known, wide, 0)
    whole = np.floor(wide)
    first = _month_start(reference, whole.astype(np.int64) * months, calendar)
    last = _month_start(reference, (whole.astype(np.int64) + 1) * months, calendar)
    part = np.rint((wide - whole) * ((last - first) * DAY).astype(np.float64)).astype(np.int64)
    return np.where(known, first * DAY + part + clock, MISSING)


def _month_start(reference: tuple[int, int, int], months: Milliseconds, calendar: str) -> Milliseconds:
    """Days of the date that many months after the reference."""
    year, month, day = reference
    count = year * 12 + month - 1 + months
    years, month0 = count // 12, count % 12
    days = np.minimum(day, _month_length(years, month0 + 1, calendar))
    return np.asarray(_days(years, month0 + 1, days, calendar), np.int64)


# --- calendars ---------------------------------------------------------------------------------------------


def _days(year: Any, month: Any, day: Any, calendar: str) -> Any:
    """Days since 1970-01-01 of the calendar; works on numbers and on arrays of them."""
    match calendar:
        case "360_day":
            return 360 * (year - 1970) + 30 * (month - 1) + day - 1
        case "noleap" | "all_leap":
            before = _BEFORE[calendar]
            return before[-1] * (year - 1970) + before[month - 1] + day - 1
        case "julian":
            return _julian(year, month, day)
        case "proleptic_gregorian":
            return _gregorian(year, month, day)
        case _:
            modern = (year > 1582) | ((year == 1582) & ((month > 10) | ((month == 10) & (day >= 15))))
            return np.where(modern, _gregorian(year, month, day), _julian(year, month, day) + 13)


def _since_march(year: Any, month: Any, day: Any) -> tuple[Any, Any]:
    """The year that begins in March, and the day in it: leap days then come last."""
    return year - (month <= 2), (153 * ((month + 9) % 12) + 2) // 5 + day - 1


def _gregorian(year: Any, month: Any, day: Any) -> Any:
    y, n = _since_march(year, month, day)
    return 365 * y + y // 4 - y // 100 + y // 400 + n - 719_468


def _julian(year: Any, month: Any, day: Any) -> Any:
    y, n = _since_march(year, month, day)
    return 365 * y + y // 4 + n - 719_483


def _dates(days: Any, calendar: str) -> tuple[Any, Any, Any]:
    """Year, month and day of days since 1970-01-01 of the calendar."""
    match calendar:
        case "360_day":
            return days // 360 + 1970, days % 360 // 30 + 1, days % 30 + 1
        case "noleap" | "all_leap":
            before = _BEFORE[calendar]
            in_year = days % before[-1]
            month = np.searchsorted(before, in_year, side="right")
            return days // before[-1] + 1970, month, in_year - before[month - 1] + 1
        case "julian":
            return _from_julian(days)
        case "proleptic_gregorian":
            return _from_gregorian(days)
        case _:
            modern = days >= _SWITCH
            pairs = zip(_from_gregorian(days), _from_julian(days - 13), strict=True)
            year, month, day = (np.where(modern, new, old) for new, old in pairs)
            return year, month, day


def _from_march(year: Any, in_year: Any) -> tuple[Any, Any, Any]:
    shifted = (5 * in_year + 2) // 153
    month = (shifted + 2) % 12 + 1
    return year + (month <= 2), month, in_year - (153 * shifted + 2) // 5 + 1


def _from_gregorian(days: Any) -> tuple[Any, Any, Any]:
    since = days + 719_468
    era, in_era = since // 146_097, since % 146_097
    y = (in_era - in_era // 1460 + in_era // 36_524 - in_era // 146_096) // 365
    return _from_march(y + era * 400, in_era - (365 * y + y // 4 - y // 100))


def _from_julian(days: Any) -> tuple[Any, Any, Any]:
    since = days + 719_483
    era, in_era = since // 1461, since % 1461
    y = (in_era - in_era // 1460) // 365
    return _from_march(y + era * 4, in_era - 365 * y)


def _month_length(year: Any, month: Any, calendar: str) -> Any:
    """Days in a month, but for October 1582, whose last day is the 31st all the same."""
    month0 = np.asarray(month) - 1
    usual = np.asarray(_LENGTHS)[month0]
    match calendar:
        case "360_day":
            return np.full_like(usual, 30)
        case "noleap":
            return usual
        case "all_leap":
            return usual + (month0 == 1)
    century = (year % 100 != 0) | (year % 400 == 0)
    old = calendar == "julian" or ((calendar == "standard") & (year < 1583))
    return usual + ((month0 == 1) & (year % 4 == 0) & (century | old))


# --- to and from text ---------------------------------------------------------------------------------------


def text(ms: int, calendar: str) -> str:
    """RFC 3339 in the data's own calendar: `2020-02-30T12:00:00Z`; empty for `MISSING`."""
    return texts(np.asarray([ms], np.int64), calendar)[0]


def texts(times: Array | Sequence[int], calendar: str) -> list[str]:
    """RFC 3339 of many times, seconds whole unless a fraction is there; empty for `MISSING`."""
    ms = np.asarray(times, np.int64).ravel()
    if not ms.size:
        return []
    name = calendar_of(calendar)
    known = ms[ms != MISSING]
    earliest = {"standard": _SWITCH * DAY, "proleptic_gregorian": -62_167_219_200_000}.get(name)
    if known.size < ms.size or earliest is None or ms.min() < earliest or ms.max() >= 253_402_300_800_000:
        return _written(ms, name)
    resolution: Literal["s", "ms"] = "s" if not (ms % 1000).any() else "ms"
    found: list[str] = np.datetime_as_string(ms.view("M8[ms]"), unit=resolution, timezone="UTC").tolist()
    return found if resolution == "s" else [t.replace(".000Z", "Z") for t in found]


def _written(ms: Milliseconds, calendar: str) -> list[str]:
    days, clock = ms // DAY, ms % DAY
    dates = zip(*(f.tolist() for f in _dates(days, calendar)), strict=True)
    return [
        "" if t == MISSING else f"{_year(year)}-{month:02d}-{day:02d}T{_clock_text(c)}"
        for t, (year, month, day), c in zip(ms.tolist(), dates, clock.tolist(), strict=True)
    ]


def _year(year: int) -> str:
    return f"{year:04d}" if 0 <= year <= 9999 else f"{year:+05d}"


@lru_cache(maxsize=4096)
def _clock_text(clock: int) -> str:
    seconds, fraction = divmod(clock, 1000)
    tail = f".{fraction:03d}Z" if fraction else "Z"
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{tail}"


_MOMENT = re.compile(
    r"(\d{4}|[-+]\d{4,6})-(\d\d)-(\d\d)"
    r"(?:[Tt ](?:(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s*(?:([Zz])|([-+ ])(\d\d):?(\d\d)?)?)?)?[Zz]?"
)


def moment(text: str) -> Moment:
    """The date or time that RFC 3339 text names, in UTC, not bound to a calendar: 2020-02-30 is a date of one.

    Lenient: seconds and the zone may be left out, a `T` may end the text, a space may stand for `T` and for the
    `+` that a URL lost. Raises Invalid where no calendar has it.
    """
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        raise _no_moment(text)
    year, month, day, hour, minute, second, fraction, _, sign, ahead, ahead_minutes = match.groups()
    date = int(year), int(month), int(day)
    if not _known_day(*date):
        raise _no_moment(text, "no calendar has that day")
    if hour is None:
        return Moment(date)
    milliseconds = int(((fraction or "") + "000")[:3])
    clock = int(hour), int(minute), int(second or 0), milliseconds
    if clock[0] > 23 or clock[1] > 59 or clock[2] > (60 if clock[:2] == (23, 59) else 59):
        raise _no_moment(text, "no clock shows that time")
    zone = int(ahead or 0) * 60 + int(ahead_minutes or 0)
    return _in_utc(text, date, clock, -zone if sign == "-" else zone)


def _known_day(year: int, month: int, day: int) -> bool:
    """Whether any calendar has that day: February 30 is one of 360_day."""
    return 1 <= month <= 12 and 1 <= day <= (30 if month == 2 else _LENGTHS[month - 1])


def _in_utc(text: str, date: tuple[int, int, int], clock: tuple[int, ...], zone: int) -> Moment:
    minutes = clock[0] * 60 + clock[1] - zone
    if not 0 <= minutes < 1440:
        days = _gregorian(*date)
        if _from_gregorian(days) != date:
            raise _no_moment(text, "its day in UTC hangs on the calendar")
        date = _from_gregorian(days + minutes // 1440)
        minutes %= 1440
    return Moment((*date, minutes // 60, minutes % 60, *clock[2:]))


def _no_moment(text: str, why: str = "not a date or time") -> Invalid:
    return Invalid("datetime", f"{text!r}: {why}", "write 2020-01-31 or 2020-01-31T12:00:00Z")


# --- binding ------------------------------------------------------------------------------------------------


def milliseconds(moment: Moment, calendar: str, *, end: bool = False) -> int:
    """A moment as a bound: a whole day is its first millisecond, or its last with `end`.

    A date that the calendar lacks is the last millisecond of its month (31 January in 360_day); one of the ten days
    that the mixed calendar left out in October 1582 is the last millisecond before the gap.
    """
    name = calendar_of(calendar)
    year, month, day = moment.fields[:3]
    if _left_out(moment, name):
        return _SWITCH * DAY - 1
    length = int(_month_length(year, month, name))
    if day > length:
        return int(_days(year, month, length, name)) * DAY + DAY - 1
    first = int(_days(year, month, day, name)) * DAY
    if moment.day:
        return first + DAY - 1 if end else first
    hour, minute, second, millisecond = moment.fields[3:]
    return first + ((hour * 60 + minute) * 60 + second) * 1000 + millisecond


def _left_out(moment: Moment, calendar: str) -> bool:
    """Whether it is one of the ten days that the mixed calendar never had."""
    return calendar == "standard" and moment.fields[:2] == (1582, 10) and 5 <= moment.fields[2] <= 14


def instant(moment: Moment, calendar: str) -> int | None:
    """A moment as itself: its (first) millisecond; None where the calendar lacks it."""
    name = calendar_of(calendar)
    year, month, day = moment.fields[:3]
    if _left_out(moment, name) or day > int(_month_length(year, month, name)):
        return None
    return milliseconds(moment, name)


def bind(interval: Interval, calendar: str) -> tuple[int, int]:
    """Closed bounds in milliseconds of the calendar; nothing lies in them where the first is above the second.

    A bare date is the whole day; an open end is `EARLIEST` or `LATEST`.
    """
    if interval.instant and interval.start is not None and instant(interval.start, calendar) is None:
        return 1, 0
    lo = EARLIEST if interval.start is None else milliseconds(interval.start, calendar)
    hi = LATEST if interval.end is None else milliseconds(interval.end, calendar, end=True)
    return lo, hi
