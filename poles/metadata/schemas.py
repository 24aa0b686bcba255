"""Logical schemas of a collection in JSON Schema, as OGC API Features Part 5 (Common Part 3) writes them.

What is returned (`schema`: returnables; nothing is received here), filtered by (`queryables`), and sorted by
(`sortables`). Properties stand in the order and have the types of the data.
"""

from collections.abc import Iterable
from typing import Any

from poles.dataset import Dataset, Described, Text
from poles.metadata import ogc
from poles.parse import known
from poles.parse import properties as filtered_by

Document = dict[str, Any]

MEDIA_TYPE = "application/schema+json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES: dict[str, Document] = {
    "float": {"type": "number"},
    "integer": {"type": "integer"},
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "object": {"type": "object"},
    "array": {"type": "array"},
}
"""JSON Schema of a property, by the type of its values."""
NESTED = ("object", "array")
IDENTIFIER = Text("Identifier", "Identifiant")
GEOMETRY = Text("Geometry", "Géométrie")


def schema(dataset: Dataset, address: str, language: str) -> Document:
    """What an item of the collection holds, or a cell of its coverage. `address` is that of the document."""
    held = {**described(dataset), **_extras(dataset)}
    found = {k: {**_property(p, language), **_role(dataset, k), "readOnly": True} for k, p in held.items()}
    if "feature" in dataset.apis:
        found = {
            "id": {**_identifier(language), "readOnly": True},
            **found,
            "geometry": {**_geometry(dataset, language), "readOnly": True},
        }
    return _document(dataset, address, language, found)


def queryables(dataset: Dataset, address: str, language: str) -> Document:
    """What a filter or a query parameter may name: the properties, and the identifier and geometry of items."""
    simple = _simple(described(dataset).items())
    found = {k: {**_property(p, language), **_role(dataset, k)} for k, p in simple}
    if "feature" in dataset.apis:
        found = {"id": _identifier(language), **found}
        found["geometry"] = _geometry(dataset, language)
    return _document(dataset, address, language, found)


def sortables(dataset: Dataset, address: str, language: str) -> Document:
    """What items can be sorted by: their identifier and their properties that are neither lists nor objects."""
    simple = _simple(described(dataset).items())
    held = {k: {**_property(p, language), **_role(dataset, k)} for k, p in simple}
    found = {"id": _identifier(language), **held}
    return _document(dataset, address, language, found)


def described(dataset: Dataset) -> dict[str, Described]:
    """The properties of items in their order: of observations, platform, time and level come first."""
    if "feature" not in dataset.apis:
        return known(dataset)
    measured, found = known(dataset), filtered_by(dataset)
    return {k: found[k] for k in (*(k for k in found if k not in measured), *measured)}


def _extras(dataset: Dataset) -> dict[str, Described]:
    """What items hold beside that, and are not asked by."""
    return {p.key: p for p in dataset.facts.extras} if dataset.facts is not None and "feature" in dataset.apis else {}


def _document(dataset: Dataset, address: str, language: str, properties: Document) -> Document:
    """The schema; names beyond it are refused, but for data that were never opened."""
    for number, one in enumerate(properties.values(), 1):
        one["x-ogc-propertySeq"] = number
    return {
        "$schema": DIALECT,
        "$id": address,
        "title": dataset.title.in_(language),
        "description": dataset.description.in_(language),
        "type": "object",
        "properties": properties,
        "additionalProperties": dataset.facts is None and not dataset.parameters,
    }


def _simple(properties: Iterable[tuple[str, Described]]) -> list[tuple[str, Described]]:
    return [(k, p) for k, p in properties if p.dtype not in NESTED]


def _identifier(language: str) -> Document:
    return {"title": IDENTIFIER.in_(language), "type": "string", "x-ogc-role": "id"}


def _property(parameter: Described, language: str) -> Document:
    """One property: title, type, categories, UCUM unit, and the URI that defines it."""
    found: Document = {"title": parameter.label.in_(language)}
    if parameter.description is not None:
        found["description"] = parameter.description.in_(language)
    found |= TYPES[parameter.dtype]
    if parameter.categories and parameter.dtype == "integer":
        found["enum"] = [c.value for c in parameter.categories]
    elif parameter.unit:
        found |= {"x-ogc-unit": parameter.unit, "x-ogc-unitLang": "UCUM"}
    if parameter.property:
        found["x-ogc-definition"] = parameter.property
    return found


def _role(dataset: Dataset, key: str) -> Document:
    """The part that a property plays: the instant of an item, or the begin or end of its interval."""
    match times(dataset):
        case (instant,) if instant == key:
            return {"x-ogc-role": "primary-instant"}
        case (begin, _) if begin == key:
            return {"x-ogc-role": "primary-interval-start"}
        case (_, end) if end == key:
            return {"x-ogc-role": "primary-interval-end"}
        case _:
            return {}


def times(dataset: Dataset) -> tuple[str, ...]:
    """The property of items that tells their time, or those of its begin and end."""
    if "feature" not in dataset.apis:
        return ()
    if ogc.kind(dataset) == "observations":
        return ("time",)
    return dataset.facts.times if dataset.facts is not None else ()


def _geometry(dataset: Dataset, language: str) -> Document:
    """The geometry, which has a format and no type."""
    return {"title": GEOMETRY.in_(language), "format": geometry_format(dataset), "x-ogc-role": "primary-geometry"}


def geometry_format(dataset: Dataset) -> str:
    """The format of the geometries of items; the facts call simple and multiple ones of a kind by the multiple."""
    if ogc.kind(dataset) == "observations":
        return "geometry-point"
    named = (dataset.facts.feature_type if dataset.facts is not None else None) or "any"
    name = {"LinearRing": "LineString"}.get(named, named).lower()
    simple = name.removeprefix("multi")
    return f"geometry-{name}" if simple == name else f"geometry-{simple}-or-{name}"
