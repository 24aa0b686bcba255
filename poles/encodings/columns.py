"""Arrow columns as texts: numbers in their shortest form, times as RFC 3339, text as CSV or JSON quotes it."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from poles.encodings.arrays import plain
from poles.encodings.kernels import cast, characters, joined, replaced
from poles.encodings.labels import texts
from poles.stored import Array

_IN_CSV = r'[",\r\n]|^\s|\s$|^$'
_ESCAPED = np.isin(np.arange(256), [*range(32), ord('"'), ord("\\")])
"""The bytes that a text in JSON may not hold as they are."""


def column(values: Array) -> pa.Array:
    """Values as an Arrow column, null where NaN."""
    flat = plain(values)
    match flat.dtype.kind:
        case "O":
            return pa.array(flat, pa.string(), from_pandas=True)
        case "M":
            return time_column(flat.astype("datetime64[ms]").view(np.int64), "proleptic_gregorian")
        case _:
            return pa.array(flat, from_pandas=True)


def time_column(values: Array, calendar: str) -> pa.Array:
    """Times in milliseconds as RFC 3339 texts, null where there is none."""
    return pa.array(texts(values, calendar), pa.string())


def as_csv(values: pa.Array) -> pa.Array:
    """Texts as RFC 4180 writes them: an empty text is quoted, so that it is not taken for a missing one.

    >>> as_csv(pa.array(["a,b", "", None, '5" of rain'])).to_pylist()
    ['"a,b"', '""', None, '"5"" of rain"']
    >>> as_csv(pa.array([["a", "b"], None])).to_pylist()
    ['"[""a"",""b""]"', None]
    """
    plain_texts, quoted = as_text(values)
    if not quoted and not _is_json(values.type):
        return plain_texts
    special = pc.match_substring_regex(plain_texts, _IN_CSV)
    if not pc.any(special).as_py():
        return plain_texts
    return pc.if_else(special, joined(['"', replaced(plain_texts, '"', '""'), '"'], None), plain_texts)


def as_json(values: pa.Array) -> pa.Array:
    """Texts as JSON writes them; null stays null, and so does a number that is none.

    >>> as_json(pa.array(["<é>", 'say "c"', None])).to_pylist()
    ['"<é>"', '"say \\\\"c\\\\""', None]
    """
    parts = json_parts(values)
    return parts[0] if len(parts) == 1 else joined(parts, None)


def json_parts(values: pa.Array) -> list[Any]:
    """The same as parts that are yet to be joined row by row, which are several only where no value is missing."""
    if pa.types.is_floating(values.type):
        return [_halves(values) if pa.types.is_float16(values.type) else _json_floats(values)]
    if pa.types.is_timestamp(values.type):
        texts_, end = _clock(values), 'Z"'
    else:
        texts_, quoted = as_text(values)
        if not quoted:
            return [texts_]
        if _ESCAPED[characters(texts_)].any():
            return [_escaped(texts_)]
        end = '"'
    return [joined(['"', texts_, end], None)] if texts_.null_count else ['"', texts_, end]


def instants(values: Sequence[datetime | None]) -> list[str | None]:
    """Times of Python, UTC without a zone, as the columns write them.

    >>> instants([datetime(2024, 5, 1), None]), instants([datetime(2024, 5, 1, microsecond=5000)])
    (['2024-05-01T00:00:00Z', None], ['2024-05-01T00:00:00.005Z'])
    """
    exact = any(v is not None and v.microsecond for v in values)
    return [None if v is None else v.isoformat("T", "milliseconds" if exact else "seconds") + "Z" for v in values]


def as_text(values: pa.Array) -> tuple[pa.Array, bool]:
    """The texts of a column, and whether they may need quotes in JSON (which numbers and truth values do not)."""
    kind, is_ = values.type, pa.types
    if is_.is_dictionary(kind):
        return as_text(values.dictionary_decode())
    if is_.is_string(kind):
        return values, True
    if is_.is_timestamp(kind):
        return joined([_clock(values), "Z"], None), True
    if is_.is_floating(kind):
        return _halves(values) if is_.is_float16(kind) else cast(without_nan(values), pa.string()), False
    if is_.is_integer(kind) or is_.is_decimal(kind) or is_.is_boolean(kind) or is_.is_null(kind):
        return cast(values, pa.string()), False
    if isinstance(kind, pa.JsonType):
        return values.cast(pa.string()), False
    if is_.is_nested(kind):
        return pa.array([None if v is None else _json(v) for v in values.to_pylist()], pa.string()), False
    if is_.is_binary(kind) or is_.is_large_binary(kind) or is_.is_fixed_size_binary(kind):
        encoded = (None if v is None else base64.b64encode(v).decode() for v in values.to_pylist())
        return pa.array(list(encoded), pa.string()), True
    if is_.is_duration(kind):
        return cast(cast(values, pa.int64()), pa.string()), False
    return cast(values, pa.string()), True


def without_nan(values: pa.Array) -> pa.Array:
    """The same column with null where a number is none."""
    if not pa.types.is_floating(values.type):
        return values
    missing = pc.is_nan(values)
    return pc.if_else(missing, pa.scalar(None, values.type), values) if pc.any(missing).as_py() else values


def separators(text: Array) -> Array:
    """Where, in the text of a JSON array of numbers, each number is preceded and the last one followed.

    >>> separators(np.frombuffer(b"[1.0,2.5]", np.uint8)).tolist()
    [0, 4, 8]
    """
    return np.concatenate([[0], np.flatnonzero(text == ord(",")), [len(text) - 1]])


def json_numbers(values: Array) -> Array:
    """The text of a JSON array of numbers, each in its shortest form and none without a point; `null` for NaN."""
    return np.frombuffer(orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY), np.uint8)


def _json_floats(values: pa.Array) -> pa.Array:
    """Whole numbers keep their point: a client takes `1` for an integer, and its column for one of integers."""
    numbers = values.to_numpy(zero_copy_only=False)
    if not len(numbers):
        return pa.array([], pa.string())
    text = json_numbers(numbers)
    at = separators(text)
    ends = (at - np.arange(len(at))).astype(np.int32)
    valid = pa.array(np.isfinite(numbers)).buffers()[1]
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(ends), pa.py_buffer(np.delete(text, at)), valid)


def _halves(values: pa.Array) -> pa.Array:
    """Numbers of 16 bits, of which only numpy knows the shortest form."""
    numbers = values.to_numpy(zero_copy_only=False)
    return pa.array(numbers.astype(str).astype(object), pa.string(), mask=~np.isfinite(numbers))


def _is_json(kind: pa.DataType) -> bool:
    """Whether the texts of a column are lists or objects, with commas in them."""
    return pa.types.is_nested(kind) or isinstance(kind, pa.JsonType)


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def _escaped(texts_: pa.Array) -> pa.Array:
    return pa.array([None if t is None else orjson.dumps(t).decode() for t in texts_.to_pylist()], pa.string())


def _clock(values: pa.Array) -> pa.Array:
    """Timestamps in UTC as RFC 3339 without the Z that ends them, and without a fraction where no row has one."""
    utc = cast(values, pa.timestamp(values.type.unit)) if values.type.tz is not None else values
    try:
        utc = cast(utc, pa.timestamp("s"))
    except pa.ArrowInvalid:
        pass  # some row has a fraction
    return replaced(cast(utc, pa.string()), " ", "T")
