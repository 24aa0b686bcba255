"""Axis values as ready JSON, kept as long as the axis lives: times of a whole series are written once."""

import atexit
import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from poles import times
from poles.encodings.kernels import cast, characters
from poles.stored import Array

_BUDGET = 32 << 20
_FEWEST, _MOST = 16, 50_000
_WIDTH = len('"2020-01-01T00:00:00Z",')
_GREGORIAN = -12_212_553_600_000, 253_402_300_800_000
"""Milliseconds of the years 1583 and 10000."""
_lock = threading.Lock()
_kept: OrderedDict[tuple[int, str], "_Kept"] = OrderedDict()
atexit.register(_kept.clear)
_size = 0


@dataclass(frozen=True, slots=True)
class _Kept:
    """The labels of one array of times, each as wide as the others (quotes and comma included), or all as one text."""

    of: "weakref.ref[Array]"
    cells: Array


def json_times(values: Array, calendar: str) -> bytes:
    """Times in milliseconds as a JSON array of RFC 3339 texts.

    >>> json_times(np.array([0, 3_600_000]), "standard")
    b'["1970-01-01T00:00:00Z","1970-01-01T01:00:00Z"]'
    """
    whole, start = _owner(values)
    cells = _labelled(whole, calendar) if len(values) >= _FEWEST and len(whole) <= _MOST else None
    if cells is None:
        return orjson.dumps(texts(values, calendar))
    return b"[" + cells[start : start + len(values)].tobytes()[:-1] + b"]"


def texts(values: Array, calendar: str) -> list[str | None]:
    """Times in milliseconds as RFC 3339 texts, None where there is no time."""
    found: list[Any] = times.texts(values, calendar)
    return [t or None for t in found] if "" in found else found


def _owner(values: Array) -> tuple[Array, int]:
    """The array that a slice was cut from, and where; the array itself where that cannot be told."""
    base = values.base
    if not isinstance(base, np.ndarray) or base.dtype != values.dtype or base.ndim != 1 or values.ndim != 1:
        return values, 0
    if base.strides != (base.itemsize,) or values.strides != (values.itemsize,):
        return values, 0
    offset = values.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return base, offset // base.itemsize


def _labelled(whole: Array, calendar: str) -> Array | None:
    """The labels of a whole array; None where they differ in width."""
    key = (id(whole), calendar)
    with _lock:
        kept = _kept.get(key)
        if kept is not None and kept.of() is whole:
            _kept.move_to_end(key)
            return kept.cells
    cells = _seconds(whole, calendar)
    if cells is None:
        written = [f'"{t}",'.encode() for t in times.texts(whole, calendar)]
        if len({len(w) for w in written}) > 1 or written[0] == b'"",':
            return None
        cells = np.array(written)
    _keep(key, whole, cells)
    return cells


def _seconds(whole: Array, calendar: str) -> Array | None:
    """Labels of whole seconds of the Gregorian calendar from 1583 to 9999, column by column; None for any others."""
    if times.calendar_of(calendar) not in ("standard", "proleptic_gregorian") or (whole % 1000).any():
        return None
    if not _GREGORIAN[0] <= whole.min() <= whole.max() < _GREGORIAN[1]:
        return None
    texts_ = characters(cast(pa.array(whole // 1000).view(pa.timestamp("s")), pa.string()))
    found = np.empty((len(whole), _WIDTH), np.uint8)
    found[:, :] = np.frombuffer(b'"....-..-..T..:..:..Z",', np.uint8)
    found[:, 1:11], found[:, 12:20] = (texts_.reshape(-1, 19)[:, part] for part in (slice(10), slice(11, 19)))
    return found.view(f"S{_WIDTH}").ravel()


def _keep(key: tuple[int, str], whole: Array, cells: Array) -> None:
    global _size
    with _lock:
        if key in _kept:
            _size -= _kept.pop(key).cells.nbytes
        _kept[key] = _Kept(weakref.ref(whole, lambda _: _forget(key)), cells)
        _size += cells.nbytes
        while _size > _BUDGET and len(_kept) > 1:
            _size -= _kept.popitem(last=False)[1].cells.nbytes


def _forget(key: tuple[int, str]) -> None:
    """Drops the labels of an array that is gone; an array in its place has its own."""
    global _size
    kept = _kept.get(key)
    if kept is not None and kept.of() is None:
        _kept.pop(key, None)
        _size -= kept.cells.nbytes
