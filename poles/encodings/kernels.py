"""Functions over columns of texts, called at a tenth of what finding them and their options each time would cost."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from poles.stored import Array

_JOIN, _CAST, _REPLACE = (pc.get_function(n) for n in ("binary_join_element_wise", "cast", "replace_substring"))


def joined(parts: Sequence[pa.Array | str], null: str | None) -> pa.Array:
    """Columns of texts joined row by row; `null` stands for what is missing, None makes the row missing.

    >>> joined([pa.array(["a", None]), ":"], "-").to_pylist()
    ['a:', '-:']
    """
    return _JOIN.call([*(_scalar(p) if isinstance(p, str) else p for p in parts), _scalar("")], _missing(null))


def cast(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """The values in another type. Raises ArrowInvalid where one has no place in it."""
    return _CAST.call([values], _casting(kind))


def replaced(texts: pa.Array, old: str, by: str) -> pa.Array:
    """The texts with one text in the place of another."""
    return _REPLACE.call([texts], _replacing(old, by))


def characters(texts: pa.Array) -> Array:
    """All bytes of a column of texts, without a copy."""
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return np.empty(0, np.uint8)
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]


def document(texts: pa.Array) -> memoryview:
    """All texts of a column one after the other, without a copy; none may be missing.

    >>> bytes(document(pa.array(["a,", "b"])))
    b'a,b'
    """
    return characters(texts).data


@lru_cache(256)
def _scalar(text: str) -> pa.Scalar:
    return pa.scalar(text)


@lru_cache(16)
def _missing(null: str | None) -> Any:
    if null is None:
        return pc.JoinOptions(null_handling="emit_null")
    return pc.JoinOptions(null_handling="replace", null_replacement=null)


@lru_cache(16)
def _casting(kind: pa.DataType) -> Any:
    return pc.CastOptions.safe(kind)


@lru_cache(16)
def _replacing(old: str, by: str) -> Any:
    return pc.ReplaceSubstringOptions(old, by)
