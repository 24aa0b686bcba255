"""Columns of dates as people write them, to milliseconds since 1970-01-01 UTC; no loop over rows."""

import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from poles.stored import Array
from poles.times import DAY, MISSING

_CLOCK = (
    r"(?:(?:[T ,;_]+|[-:/.]?T)?(?P<h>\d{1,2})[:hH. ](?P<mi>\d{1,2})(?:[:. mM](?P<s>\d{1,2})(?:[.,](?P<f>\d+))?s?)?)?"
)
_ZONE = r"\s*(?P<z>Z|z|UTC|GMT|UT|[+-]\d{2}:?(?:\d{2})?)?"
_YEAR_FIRST = rf"^(?P<y>\d{{4}})[-/. :](?P<m>\d{{1,2}})[-/. :](?P<d>\d{{1,2}}){_CLOCK}{_ZONE}$"
_YEAR_LAST = rf"^(?P<a>\d{{1,2}})[-/. :](?P<b>\d{{1,2}})[-/. :](?P<y>\d{{4}}){_CLOCK}{_ZONE}$"
_COMPACT = (
    r"^(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})[T ]?"
    r"(?:(?P<h>\d{2})(?::?(?P<mi>\d{2})(?::?(?P<s>\d{2})(?:\.(?P<f>\d+))?)?)?)?" + _ZONE + "$"
)
_NAMED_MONTH = rf"^(?P<d>\d{{1,2}})[-/. ](?P<mn>[A-Za-z]{{3}})[A-Za-z]*[-/. ](?P<y>\d{{4}}){_CLOCK}{_ZONE}$"
_YEAR_MONTH = r"^(?P<y>\d{4})[-/](?P<m>\d{1,2})$"
_MONTHS = {m: i for i, m in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}

_FIRST, _LAST = -719_162, 2_932_896
"""0001-01-01 and 9999-12-31, in days since 1970-01-01."""
_A_DAY = {"s": DAY // 1000, "ms": DAY, "us": DAY * 1000, "ns": DAY * 1_000_000}


class Ambiguous(ValueError):
    """A column of dates such as 03/04/2020 that could be read two ways."""


def parsed(column: pa.ChunkedArray | pa.Array, hint: str = "") -> Array | None:
    """Milliseconds of each text, `MISSING` where it is null; None where any text is no date.

    `hint` is the header, which may say the order (`dd:mm:yyyy`). Raises Ambiguous where neither the header nor any
    value tells day from month.
    """
    texts = pc.utf8_trim_whitespace(column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column)
    for pattern, reader in _FORMS:
        fields = pc.extract_regex(texts, pattern)
        if fields.null_count == texts.null_count and len(texts) > texts.null_count:
            return reader(fields, hint)
    return None


def clock(column: pa.ChunkedArray | pa.Array) -> Array | None:
    """Milliseconds after midnight of each time of day (`17:01:58`); None where any text is none."""
    texts = pc.utf8_trim_whitespace(column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column)
    fields = pc.extract_regex(texts, rf"^(?P<h>\d{{1,2}}):(?P<mi>\d{{2}})(?::(?P<s>\d{{2}})(?:\.(?P<f>\d+))?)?{_ZONE}$")
    if fields.null_count != texts.null_count or len(texts) == texts.null_count:
        return None
    ms = _clock(fields)
    return None if ms is None else np.where(np.asarray(pc.is_null(texts)), MISSING, ms)


def tellable(moments: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Times and dates, null where no ISO 8601 date of four digits tells them: before year 1 and after year 9999.

    So are the infinities that databases write into files, which are the ends of the integers.

    >>> tellable(pa.array([-719_163, -719_162, 2_932_896, 2_932_897], pa.date32())).is_valid().to_pylist()
    [False, True, True, False]
    """
    kind = moments.type
    whole = pa.int32() if kind.bit_width == 32 else pa.int64()
    most = 2 ** (kind.bit_width - 1) - 1
    a_day = 1 if kind == pa.date32() else DAY if kind == pa.date64() else _A_DAY[kind.unit]
    first, last = max(_FIRST * a_day, 1 - most), min((_LAST + 1) * a_day, most) - 1
    numbers = moments.cast(whole)
    beyond = pc.or_(pc.less(numbers, pa.scalar(first, whole)), pc.greater(numbers, pa.scalar(last, whole)))
    return pc.if_else(beyond, pa.scalar(None, kind), moments) if pc.any(beyond).as_py() else moments


def _year_first(fields: pa.StructArray, hint: str) -> Array | None:
    return _milliseconds(fields, _field(fields, "m"), _field(fields, "d"))


def _year_last(fields: pa.StructArray, hint: str) -> Array | None:
    a, b = _field(fields, "a"), _field(fields, "b")
    order = re.search(r"(d{1,2}|m{1,2})\W(d{1,2}|m{1,2})\Wy{2,4}", hint, re.IGNORECASE)
    if order is not None:
        day_first = order[1].lower().startswith("d")
    elif (a > 12).any() != (b > 12).any():
        day_first = bool((a > 12).any())
    else:
        raise Ambiguous("day and month cannot be told apart")
    return _milliseconds(fields, *((b, a) if day_first else (a, b)))


def _month_named(fields: pa.StructArray, hint: str) -> Array | None:
    names = pc.utf8_lower(fields.field("mn"))
    found = pc.index_in(names, pa.array(list(_MONTHS)))
    month = np.nan_to_num(found.to_numpy(zero_copy_only=False), nan=-1).astype(np.int64) + 1
    return _milliseconds(fields, month, _field(fields, "d"))


def _month_alone(fields: pa.StructArray, hint: str) -> Array | None:
    month = _field(fields, "m")
    return _milliseconds(fields, month, np.ones_like(month))


_FORMS: tuple[tuple[str, Callable[[pa.StructArray, str], Array | None]], ...] = (
    (_YEAR_FIRST, _year_first),
    (_COMPACT, _year_first),
    (_YEAR_LAST, _year_last),
    (_NAMED_MONTH, _month_named),
    (_YEAR_MONTH, _month_alone),
)


def _field(fields: pa.StructArray, name: str, absent: int = 0) -> Array:
    """One group of the pattern as integers; `absent` where the group took no part."""
    index = fields.type.get_field_index(name)
    if index < 0:
        return np.full(len(fields), absent, np.int64)
    text = pc.struct_field(fields, [index])
    text = pc.if_else(pc.equal(pc.fill_null(text, ""), ""), str(absent), pc.fill_null(text, str(absent)))
    return np.asarray(pc.cast(text, pa.int64()))


def _milliseconds(fields: pa.StructArray, month: Array, day: Array) -> Array | None:
    """Of date, clock and zone; None where any is no date of the calendar."""
    known = np.asarray(pc.is_valid(fields))
    year = _field(fields, "y")
    month, day = np.where(known, month, 1), np.where(known, day, 1)
    if ((month < 1) | (month > 12) | (day < 1)).any():
        return None
    first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    if (
        day
        > ((first + np.timedelta64(1, "M")).astype("datetime64[D]") - first.astype("datetime64[D]")).astype(np.int64)
    ).any():
        return None
    ms = _clock(fields)
    if ms is None:
        return None
    days = first.astype("datetime64[D]").astype(np.int64) + day - 1
    return np.where(known, days * DAY + ms, MISSING)


def _clock(fields: pa.StructArray) -> Array | None:
    """Milliseconds after midnight UTC; None where no clock shows that time (24:00 is the next midnight)."""
    hour, minute, second = (_field(fields, name) for name in ("h", "mi", "s"))
    if ((hour > 24) | (minute > 59) | (second > 60)).any():
        return None
    seconds = (hour * 60 + minute) * 60 + second
    return seconds * 1000 + _fraction(fields) - _zone(fields)


def _fraction(fields: pa.StructArray) -> Array:
    index = fields.type.get_field_index("f")
    if index < 0:
        return np.zeros(len(fields), np.int64)
    text = pc.fill_null(pc.struct_field(fields, [index]), "")
    padded = pc.utf8_slice_codeunits(pc.binary_join_element_wise(text, "000", ""), 0, 3)
    return np.asarray(pc.cast(padded, pa.int64()))


def _zone(fields: pa.StructArray) -> Array:
    """Milliseconds ahead of UTC."""
    index = fields.type.get_field_index("z")
    if index < 0:
        return np.zeros(len(fields), np.int64)
    text = pc.fill_null(pc.struct_field(fields, [index]), "")
    if not pc.any(pc.match_substring_regex(text, "^[+-]")).as_py():
        return np.zeros(len(fields), np.int64)
    plain = pc.replace_substring_regex(text, r"^(?:Z|z|UTC|GMT|UT)?$", "+0000")
    digits = pc.replace_substring(plain, ":", "")
    hours = np.asarray(pc.cast(pc.utf8_slice_codeunits(digits, 1, 3), pa.int64()))
    minutes_text = pc.utf8_slice_codeunits(digits, 3, 5)
    minutes = np.asarray(pc.cast(pc.if_else(pc.equal(minutes_text, ""), "0", minutes_text), pa.int64()))
    ahead: Array = np.where(np.asarray(pc.starts_with(digits, "-")), -1, 1) * (hours * 60 + minutes) * 60_000
    return ahead
