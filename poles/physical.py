"""From stored to physical values: missing codes become NaN, packed numbers are unpacked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from poles.stored import Array, Stored

_DEFAULT_FILL: Mapping[str, float | int] = {
    "i2": -32767, "i4": -2147483647, "i8": -9223372036854775806,
    "u2": 65535, "u4": 4294967295, "u8": 18446744073709551614,
    "f4": 9.969209968386869e36, "f8": 9.969209968386869e36,
}  # fmt: skip
"""What the NetCDF library leaves where nothing was written; a byte has no such value."""


@dataclass(frozen=True, slots=True)
class Physical:
    """How raw blocks of one array become physical ones of `dtype`.

    Packed numbers are float32 up to 16 bits, else float64. Integers that are not packed stay integers where nothing
    can be missing, and are the float that holds each of them (float32 up to 16 bits, else float64) where something
    can. `valid_range` is not applied.
    """

    dtype: np.dtype[Any]
    of: Callable[[Array], Array] = field(repr=False)


def physical(stored: Stored, *, default_fill: bool = False) -> Physical:
    """The way from raw to physical of an array. `default_fill`: integers never written hold NetCDF's default."""
    if stored.dtype.kind in "SUO":
        return Physical(np.dtype(object), _texts(stored.attrs))
    if stored.dtype.kind not in "iuf":
        return Physical(stored.dtype, lambda raw: raw)
    signed = _signed(stored.dtype, stored.attrs)
    codes = missing_codes(signed, stored.attrs, default_fill=default_fill)
    scale = number(stored.attrs.get("scale_factor"), 1.0)
    offset = number(stored.attrs.get("add_offset"), 0.0)
    packed = scale != 1.0 or offset != 0.0
    dtype = _physical_type(signed, packed, bool(codes))
    if packed:
        return Physical(dtype, _unpacking(signed, codes, scale, offset, dtype))
    if not codes:
        return Physical(dtype, _as_is(signed, dtype))
    return Physical(dtype, _masking(signed, codes, dtype))


def numbers(stored: Stored, raw: Array | None = None, attrs: Mapping[str, Any] | None = None) -> Array:
    """All of a coordinate as float64, NaN where missing. `attrs`: those of its parent, where it has none."""
    own = stored if attrs is None else Stored(stored.key, stored.dims, stored.shape, stored.dtype, attrs, stored.read)
    found = physical(own, default_fill=True).of(stored.whole() if raw is None else raw)
    return found.astype(np.float64)


def number(value: Any, absent: float) -> float:
    """The number of an attribute, be it a text or an array of one; `absent` where there is none."""
    try:
        array = np.asarray(value).ravel()
        found = float(array[0]) if array.size else absent
    except (TypeError, ValueError):
        return absent
    return found if np.isfinite(found) else absent


def missing_codes(dtype: np.dtype[Any], attrs: Mapping[str, Any], *, default_fill: bool = False) -> list[Any]:
    """The values of that type that mean missing: `_FillValue` and `missing_value`, one or several, in any type."""
    said = [v for name in ("_FillValue", "missing_value") for v in np.ravel(attrs.get(name, ())).tolist()]
    if "_FillValue" not in attrs and (default_fill or dtype.kind == "f"):
        said += [_DEFAULT_FILL[dtype.str[1:]]] if dtype.str[1:] in _DEFAULT_FILL else []
    codes = {}
    for value in said:
        code = _in_type(value, dtype)
        if code is not None:
            codes[code.item()] = code
    return list(codes.values())


def _in_type(value: Any, dtype: np.dtype[Any]) -> Any:
    """A code in the type of the data; None where it is NaN, no number, or nothing that type can hold."""
    try:
        exact = value if isinstance(value, int) else float(value)
    except (TypeError, ValueError):
        return None
    if exact != exact:  # NaN is missing without a code
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return dtype.type(exact)
    if exact in (np.inf, -np.inf) or exact != int(exact):
        return None
    limits, whole = np.iinfo(dtype), int(exact)
    if dtype.kind == "u" and -int(limits.max) <= whole < 0:
        whole += int(limits.max) + 1  # the same bits, written as a signed number
    return dtype.type(whole) if limits.min <= whole <= limits.max else None


def _signed(dtype: np.dtype[Any], attrs: Mapping[str, Any]) -> np.dtype[Any]:
    """The type as `_Unsigned` says it is to be read."""
    said = str(attrs.get("_Unsigned", "")).lower()
    if said == "true" and dtype.kind == "i":
        return np.dtype(f"u{dtype.itemsize}")
    if said == "false" and dtype.kind == "u":
        return np.dtype(f"i{dtype.itemsize}")
    return dtype


def _physical_type(dtype: np.dtype[Any], packed: bool, missing: bool) -> np.dtype[Any]:
    small = np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)
    if dtype.kind == "f":
        return small if packed or dtype.itemsize == 2 else dtype
    return small if packed or missing else dtype


def _found(raw: Array, codes: list[Any]) -> Array:
    mask: Array = raw == codes[0]
    for code in codes[1:]:
        mask |= raw == code
    return mask


def _as_is(signed: np.dtype[Any], dtype: np.dtype[Any]) -> Callable[[Array], Array]:
    def of(raw: Array) -> Array:
        raw = raw if raw.dtype == signed else raw.view(signed)
        return raw if raw.dtype == dtype else raw.astype(dtype)

    return of


def _masking(signed: np.dtype[Any], codes: list[Any], dtype: np.dtype[Any]) -> Callable[[Array], Array]:
    def of(raw: Array) -> Array:
        raw = raw if raw.dtype == signed else raw.view(signed)
        mask = _found(raw, codes)
        if raw.dtype == dtype and not mask.any():
            return raw
        values = raw.astype(dtype)
        values[mask] = np.nan
        return values

    return of


def _unpacking(
    signed: np.dtype[Any], codes: list[Any], scale: float, offset: float, dtype: np.dtype[Any]
) -> Callable[[Array], Array]:
    def of(raw: Array) -> Array:
        raw = raw if raw.dtype == signed else raw.view(signed)
        wide = raw.astype(np.float64)
        wide *= scale
        wide += offset
        if codes:
            wide[_found(raw, codes)] = np.nan
        return wide if dtype == wide.dtype else wide.astype(dtype)

    return of


def _texts(attrs: Mapping[str, Any]) -> Callable[[Array], Array]:
    absent = {""} | {str(v) for n in ("_FillValue", "missing_value") for v in np.ravel(attrs.get(n, ())).tolist()}

    def of(raw: Array) -> Array:
        texts = [_text(v) for v in raw.ravel().tolist()]
        values = np.empty(len(texts), object)
        values[:] = [None if t in absent else t for t in texts]
        return values.reshape(raw.shape)

    return of


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.replace("\x00", "").strip()
