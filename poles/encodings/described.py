"""Parameters and reference systems as JSON, each made once."""

from functools import lru_cache
from typing import Any

import numpy as np
import orjson

from poles.coverage import Axis, Coverage
from poles.crs import crs as crs_of
from poles.crs import is_lonlat
from poles.dataset import Category, Dataset, Described, Text
from poles.query import CRS84

UCUM = "http://www.opengis.net/def/uom/UCUM/"
_STANDARD_NAMES = "http://vocab.nerc.ac.uk/standard_name/"
_CALENDARS = "https://cfconventions.org/cf-conventions/cf-conventions.html?calendar={}#calendar"
_GREGORIAN = ("standard", "gregorian", "proleptic_gregorian")


def observed_property(described: Described) -> str | None:
    """The URI of the observed property; that of its CF standard name where nothing else is known."""
    if described.property is not None:
        return described.property
    return None if described.standard_name is None else f"{_STANDARD_NAMES}{described.standard_name}/"


def category_id(described: Described, category: Category) -> str:
    """What a category goes by, within its parameter.

    >>> category_id(Described("mask", Text("Mask", "Masque")), Category(2, Text("land", "terre")))
    'mask/2'
    """
    return f"{described.key}/{category.value}"


@lru_cache(maxsize=8192)
def parameter(described: Described) -> bytes:
    """A parameter of CoverageJSON, its texts in English and French; a classified one has categories and no unit."""
    document: dict[str, Any] = {
        "type": "Parameter",
        "label": _both(described.label, described.key),
        "description": _both(described.description or described.label, described.key),
        "observedProperty": _property(described),
    }
    if described.categories:
        document["categoryEncoding"] = {category_id(described, c): c.value for c in described.categories}
    elif described.unit is not None:
        symbol = {"value": described.unit, "type": UCUM}
        document["unit"] = {"label": {"en": described.unit, "fr": described.unit}, "symbol": symbol}
    return orjson.dumps(document)


def _property(described: Described) -> dict[str, Any]:
    identifier = observed_property(described)
    found: dict[str, Any] = {} if identifier is None else {"id": identifier}
    found["label"] = _both(described.label, described.key)
    if described.categories:
        found["categories"] = [
            {"id": category_id(described, c), "label": _both(c.label, str(c.value))} for c in described.categories
        ]
    return found


def _both(text: Text, otherwise: str) -> dict[str, str]:
    return {"en": text.en or text.fr or otherwise, "fr": text.fr or text.en or otherwise}


@lru_cache(maxsize=1024)
def short_parameter(described: Described, language: str) -> dict[str, Any]:
    """A parameter of EDR GeoJSON, whose texts are in one language."""
    found: dict[str, Any] = {
        "type": "Parameter",
        "id": described.key,
        "label": described.label.in_(language) or described.key,
        "data-type": {"integer": "integer", "float": "float"}.get(described.dtype, "string"),
        "observedProperty": {"label": described.label.in_(language) or described.key},
    }
    identifier = observed_property(described)
    if described.description is not None and described.description.in_(language):
        found["description"] = described.description.in_(language)
    if identifier is not None:
        found["observedProperty"]["id"] = identifier
    if described.categories:
        found["observedProperty"]["categories"] = [
            {"id": category_id(described, c), "label": c.label.in_(language)} for c in described.categories
        ]
        found["categoryEncoding"] = {category_id(described, c): c.value for c in described.categories}
    elif described.unit is not None:
        found["unit"] = {"label": described.unit, "symbol": {"value": described.unit, "type": UCUM}}
    return found


# --- reference systems -----------------------------------------------------------------------------------------------


def referencing(crs: str, names: tuple[str, ...], axes: tuple[Axis, ...], calendar: str | None) -> bytes:
    """The reference systems of the coordinates `names`, as CoverageJSON lists them."""
    told = tuple(
        (a.name, a.label or a.key or a.name, a.unit, a.positive) for a in axes if a.name not in ("x", "y", "t")
    )
    return _referencing(crs, names, told, calendar or "standard")


def level(coverage: Coverage, dataset: Dataset) -> Axis:
    """What z is: as the axis says, as is known of the data set, or as the coverage tells people."""
    axis = coverage.axis("z")
    if axis is not None:
        return axis
    facts = dataset.facts.axes if dataset.facts is not None else ()
    none = np.empty(0)
    for a in facts:
        if a.name == "z":
            return Axis("z", none, None, a.unit, a.key, a.label, a.standard_name, a.positive)
    unit, _, positive = (coverage.vertical or "").rpartition(" ")
    match positive:
        case "up" | "down":
            return Axis("z", none, unit=unit, positive=positive)
        case _:
            return Axis("z", none, unit=coverage.vertical or "")


@lru_cache(maxsize=4096)
def _referencing(
    crs: str, names: tuple[str, ...], others: tuple[tuple[str, str, str, str | None], ...], calendar: str
) -> bytes:
    told = {key[0]: key for key in others}
    systems: list[dict[str, Any]] = []
    if "x" in names and "y" in names:
        systems.append({"coordinates": _horizontal_order(crs), "system": horizontal(crs)})
    for name in names:
        if name == "t":
            systems.append({"coordinates": ["t"], "system": _temporal(calendar)})
        elif name == "z":
            systems.append({"coordinates": ["z"], "system": _vertical(*told.get("z", ("z", "z", "", None))[1:])})
        elif name not in ("x", "y"):
            systems.append({"coordinates": [name], "system": _identifiers(told.get(name, (name, name))[1])})
    return orjson.dumps(systems)


def _horizontal_order(crs: str) -> list[str]:
    """The coordinates in the order of the axes of the CRS."""
    if crs == CRS84:
        return ["x", "y"]
    first = [a.direction for a in crs_of(crs).axis_info[:2]]
    return ["y", "x"] if first == ["north", "east"] and crs.startswith("http") else ["x", "y"]


def horizontal(crs: str) -> dict[str, Any]:
    """The horizontal reference system. One without a URI is given as WKT; a rotated pole counts as projected."""
    found = crs_of(crs)
    kind = "GeographicCRS" if found.is_geographic and not found.is_derived else "ProjectedCRS"
    if crs.startswith(("http:", "https:", "urn:")):
        return {"type": kind, "id": crs}
    if is_lonlat(found):
        return {"type": kind, "id": CRS84}
    return {"type": kind, "description": {"en": found.name, "fr": found.name}, "wkt": found.to_wkt()}


def _temporal(calendar: str) -> dict[str, Any]:
    if calendar in _GREGORIAN:
        return {"type": "TemporalRS", "calendar": "Gregorian"}
    text = {"en": f"CF calendar {calendar}", "fr": f"Calendrier CF {calendar}"}
    return {"type": "TemporalRS", "calendar": _CALENDARS.format(calendar), "description": text}


def _vertical(label: str, unit: str, positive: str | None) -> dict[str, Any]:
    axis: dict[str, Any] = {"name": {"en": label, "fr": label}}
    if positive is not None:
        axis["direction"] = positive
    if unit:
        axis["unit"] = {"symbol": unit}
    return {"type": "VerticalCRS", "cs": {"csAxes": [axis]}}


def _identifiers(label: str) -> dict[str, Any]:
    return {"type": "IdentifierRS", "targetConcept": {"label": {"en": label, "fr": label}}}
