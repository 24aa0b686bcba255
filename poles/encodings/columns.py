"""Arrow columns as texts: numbers in their shortest form, times as RFC 3339, text as CSV or JSON quotes it."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from poles.encodings.arrays import plain
from poles.encodings.labels import texts
from poles.stored import Array

_IN_CSV = r'[",\r\n]|^\s|\s$|^$'
_IN_JSON = r'["\\\x00-\x1f]'


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
    plain_texts, quoted = _texts(values)
    if not quoted and not _is_json(values.type):
        return plain_texts
    special = pc.match_substring_regex(plain_texts, _IN_CSV)
    if not pc.any(special).as_py():
        return plain_texts
    doubled = pc.replace_substring(plain_texts, '"', '""')
    return pc.if_else(special, joined(['"', doubled, '"'], None), plain_texts)


def as_json(values: pa.Array) -> pa.Array:
    """Texts as JSON writes them; null stays null, and so does a number that is none.

    >>> as_json(pa.array(["<é>", 'say "c"', None])).to_pylist()
    ['"<é>"', '"say \\\\"c\\\\""', None]
    """
    if pa.types.is_floating(values.type):
        values = _finite(values)
    plain_texts, quoted = _texts(values)
    if not quoted:
        return plain_texts
    if pc.any(pc.match_substring_regex(plain_texts, _IN_JSON)).as_py():
        return pa.array([None if t is None else orjson.dumps(t).decode() for t in plain_texts.to_pylist()], pa.string())
    return joined(['"', plain_texts, '"'], None)


def joined(parts: Sequence[pa.Array | str], null: str | None) -> pa.Array:
    """Columns of texts joined row by row; `null` stands for what is missing, None makes the row missing.

    >>> joined([pa.array(["a", None]), ":"], "-").to_pylist()
    ['a:', '-:']
    """
    scalars = [pa.scalar(p) if isinstance(p, str) else p for p in parts]
    handling = (
        {"null_handling": "emit_null"} if null is None else {"null_handling": "replace", "null_replacement": null}
    )
    return pc.binary_join_element_wise(*scalars, "", **handling)


def document(lines: pa.Array, between: str) -> bytes:
    """All texts of a column as one.

    >>> document(pa.array(["a", "b"]), ",")
    b'a,b'
    """
    whole = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines)
    text: bytes = pc.binary_join(whole, between)[0].as_buffer().to_pybytes()
    return text


def _finite(values: pa.Array) -> pa.Array:
    finite = pc.is_finite(values)
    return values if pc.all(finite).as_py() else pc.if_else(finite, values, pa.scalar(None, values.type))


def _texts(values: pa.Array) -> tuple[pa.Array, bool]:
    """The texts of a column, and whether they may need quotes in JSON (which numbers and truth values do not)."""
    kind, is_ = values.type, pa.types
    if is_.is_dictionary(kind):
        return _texts(values.dictionary_decode())
    if is_.is_string(kind):
        return values, True
    if is_.is_timestamp(kind):
        return _iso(values), True
    if is_.is_floating(kind):
        wide = values.cast(pa.float32()) if is_.is_float16(kind) else values
        return _numbers(wide), False
    if is_.is_integer(kind) or is_.is_decimal(kind) or is_.is_boolean(kind) or is_.is_null(kind):
        return values.cast(pa.string()), False
    if isinstance(kind, pa.JsonType):
        return values.cast(pa.string()), False
    if is_.is_nested(kind):
        return pa.array([None if v is None else _json(v) for v in values.to_pylist()], pa.string()), False
    if is_.is_binary(kind) or is_.is_large_binary(kind) or is_.is_fixed_size_binary(kind):
        encoded = (None if v is None else base64.b64encode(v).decode() for v in values.to_pylist())
        return pa.array(list(encoded), pa.string()), True
    if is_.is_duration(kind):
        return values.cast(pa.int64()).cast(pa.string()), False
    return values.cast(pa.string()), True


def _is_json(kind: pa.DataType) -> bool:
    """Whether the texts of a column are lists or objects, with commas in them."""
    return pa.types.is_nested(kind) or isinstance(kind, pa.JsonType)


def _numbers(values: pa.Array) -> pa.Array:
    missing = pc.is_nan(values)
    if pc.any(missing).as_py():
        values = pc.if_else(missing, pa.scalar(None, values.type), values)
    return values.cast(pa.string())


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def _iso(values: pa.Array) -> pa.Array:
    """Timestamps as RFC 3339 in UTC, without a fraction where no row has one."""
    utc = values.cast(pa.timestamp(values.type.unit)) if values.type.tz is not None else values
    try:
        utc = utc.cast(pa.timestamp("s"))
    except pa.ArrowInvalid:
        pass  # some row has a fraction
    return joined([pc.replace_substring(utc.cast(pa.string()), " ", "T"), "Z"], None)
