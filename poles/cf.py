"""What the attributes of a stored array say in CF terms: its texts, units, flags, description."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from poles.dataset import Category, Described, Text
from poles.stored import Stored
from poles.units import ucum


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
