"""What the attributes of a stored array say in CF terms: missing codes, packing, description."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from poles.dataset import Category, Described, Text
from poles.stored import Array, Stored
from poles.units import ucum

_DEFAULT_FILL: Mapping[str, float | int] = {
    "i2": -32767, "i4": -2147483647, "i8": -9223372036854775806,
    "u2": 65535, "u4": 4294967295, "u8": 18446744073709551614,
    "f4": 9.969209968386869e36, "f8": 9.969209968386869e36,
}  # fmt: skip
"""What the NetCDF library writes where nothing was written; one byte has none that is safe."""


def words(attrs: Mapping[str, Any], *names: str) -> str:
    """The first attribute of these names that is a text, stripped; else empty."""
    for name in names:
        value = attrs.get(name)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def units_of(attrs: Mapping[str, Any]) -> str:
    """The unit as the file writes it, under any of the names that files give the attribute."""
    return words(attrs, "units", "unit", "Units", "UNITS")


def unpacked(raw: Array, attrs: Mapping[str, Any]) -> tuple[Array, Array | None]:
    """Physical values, and where they are missing (None: nowhere).

    Numbers that are not packed keep their type; packed ones are float32 up to 16 bits, else float64.
    Text gives objects, None where empty or missing.
    """
    if raw.dtype.kind in "SUO":
        return _texts(raw, attrs), None
    if raw.dtype.kind in "Mmb":
        return raw, None
    raw = _signed(raw, attrs)
    missing = _missing(raw, attrs)
    scale, offset = _number(attrs.get("scale_factor")), _number(attrs.get("add_offset"))
    if scale is None and offset is None:
        return raw, missing
    kind = raw.dtype if raw.dtype.kind == "f" else np.dtype("f4" if raw.dtype.itemsize <= 2 else "f8")
    wide = raw.astype(np.float64) * (1.0 if scale is None else scale) + (0.0 if offset is None else offset)
    return wide.astype(kind), missing


def numbers(raw: Array, attrs: Mapping[str, Any]) -> Array:
    """Physical values as float64, NaN where missing: for coordinates."""
    values, missing = unpacked(raw, attrs)
    wide = values.astype(np.float64)
    if missing is not None:
        wide[missing] = np.nan
    return wide


def _signed(raw: Array, attrs: Mapping[str, Any]) -> Array:
    """Integers read the other way where `_Unsigned` says so."""
    said = words(attrs, "_Unsigned").lower()
    if said == "true" and raw.dtype.kind == "i":
        return raw.view(raw.dtype.str.replace("i", "u"))
    if said == "false" and raw.dtype.kind == "u":
        return raw.view(raw.dtype.str.replace("u", "i"))
    return raw


def _missing(raw: Array, attrs: Mapping[str, Any]) -> Array | None:
    found = np.isnan(raw) if raw.dtype.kind == "f" else np.zeros(raw.shape, bool)
    for code in _codes(raw.dtype, attrs):
        found |= raw == code
    return found if found.any() else None


def _codes(dtype: np.dtype[Any], attrs: Mapping[str, Any]) -> list[Any]:
    """The missing codes, of the type of the data."""
    said = [v for name in ("_FillValue", "missing_value") for v in np.atleast_1d(attrs.get(name, ())).tolist()]
    if "_FillValue" not in attrs and (default := _DEFAULT_FILL.get(dtype.str[1:])) is not None:
        said.append(default)
    codes = []
    for value in said:
        number = _number(value)
        if number is None or np.isnan(number):
            continue
        if dtype.kind == "f":
            codes.append(np.asarray(number).astype(dtype))
            continue
        exact = value if isinstance(value, int) else number
        if exact == int(exact):
            codes.append(_in_range(int(exact), dtype))
    return [c for c in codes if c is not None]


def _in_range(code: int, dtype: np.dtype[Any]) -> Any:
    """An integer code in that type; a negative one of an unsigned type is its bit pattern."""
    info = np.iinfo(dtype)
    if dtype.kind == "u" and code < 0:
        code += int(info.max) + 1
    return dtype.type(code) if info.min <= code <= info.max else None


def _number(value: Any) -> float | None:
    """One number out of an attribute; None where it is none."""
    try:
        array = np.asarray(value).ravel()
        return float(array[0]) if len(array) else None
    except (TypeError, ValueError):
        return None


def _texts(raw: Array, attrs: Mapping[str, Any]) -> Array:
    fill = {"", words(attrs, "_FillValue"), words(attrs, "missing_value")}
    out = np.empty(raw.shape, object)
    flat = [_text(v) for v in raw.ravel().tolist()]
    out.ravel()[:] = [None if t in fill else t for t in flat]
    return out


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.replace("\x00", "").strip()


def described(stored: Stored, key: str | None = None) -> Described:
    """A parameter as its attributes tell it: label, UCUM unit, standard name, categories."""
    attrs = stored.attrs
    standard = words(attrs, "standard_name")
    label = words(attrs, "long_name", "title", "Title") or standard.replace("_", " ") or stored.name
    named = key or stored.name
    categories = flags(attrs)
    return Described(
        key=named,
        label=Text(label, label),
        unit=None if categories else ucum(units_of(attrs)),
        standard_name=standard or None,
        categories=categories,
        dtype=dtype_of(stored.dtype, packed="scale_factor" in attrs or "add_offset" in attrs),
        cell_methods=words(attrs, "cell_methods") or None,
    )


def flags(attrs: Mapping[str, Any]) -> tuple[Category, ...]:
    """`flag_values` with their meanings; none where the two do not agree or the values are no integers."""
    meanings = words(attrs, "flag_meanings").replace(",", " ").split()
    values = attrs.get("flag_values")
    if isinstance(values, str):
        values = [v.strip().rstrip("bBsSlL") for v in values.split(",")]
    try:
        whole = [int(v) for v in np.atleast_1d([] if values is None else values).tolist()]
    except (TypeError, ValueError):
        return ()
    if not whole or len(whole) != len(meanings):
        return ()
    shown = [m.replace("_", " ") for m in meanings]
    return tuple(Category(v, Text(m, m)) for v, m in zip(whole, shown, strict=True))


def dtype_of(
    dtype: np.dtype[Any], *, packed: bool = False
) -> Literal["float", "integer", "string", "datetime", "boolean"]:
    """The kind of values, in the words of `Described`."""
    match dtype.kind:
        case "i" | "u":
            return "float" if packed else "integer"
        case "b":
            return "boolean"
        case "M":
            return "datetime"
        case "S" | "U" | "O":
            return "string"
        case _:
            return "float"
