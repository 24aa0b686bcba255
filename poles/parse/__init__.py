"""Text becomes a `Query`, once: parameters under the names of the OGC standards, whichever API they came through."""

from collections.abc import Mapping, Sequence
from typing import Any

from poles.crs import OFFERED
from poles.dataset import Dataset, Described, Text
from poles.errors import Invalid
from poles.parse import items, levels, scaling, when, where
from poles.parse.subset import Subset, subset
from poles.parse.text import Asked, choices, listed, named, shown, single, values, whole
from poles.query import CRS84, At, AtLocation, Box, Everywhere, Interval, Page, Query, Span, Where, Within

_WEB = ("f", "lang")
_SAMPLING = ("z", "datetime", "parameter-name", "crs", *_WEB)

DECLARED: dict[str, tuple[str, ...]] = {
    "position": ("coords", *_SAMPLING),
    "area": ("coords", *_SAMPLING),
    "cube": ("bbox", *_SAMPLING),
    "locations": ("bbox", "datetime", "crs", "limit", "offset", *_WEB),
    "location": _SAMPLING,
    "items": (
        "bbox", "bbox-crs", "datetime", "filter", "filter-lang", "filter-crs", "properties", "sortby", "skipGeometry",
        "crs", "limit", "offset", *_WEB,
    ),
    "item": ("properties", "skipGeometry", "crs", *_WEB),
    "coverage": (
        "bbox", "bbox-crs", "subset", "subset-crs", "datetime", "properties", "crs",
        "scale-size", "scale-axes", "scale-factor", *_WEB,
    ),
}  # fmt: skip
"""The query parameters of each verb, in the order in which documents list them."""

LATER = ("radius", "trajectory", "corridor", "instances")
"""Verbs of EDR that are not offered."""

ALIASES = {"parameter_names": "parameter-name", "parameter_name": "parameter-name", "parameterName": "parameter-name"}
ALIASES |= scaling.ALIASES
"""Names that clients send, beside the official ones."""

_PATH = {"location": "locationId", "item": "itemId"}
_SILENT = ("token",)
_REPEATABLE = ("subset",)
_EDR = ("position", "area", "cube", "location")


def query(verb: str, parameters: Mapping[str, Any], dataset: Dataset) -> Query:
    """The question that a request asks of a data set.

    `parameters` are texts, or several texts where one was repeated; those of the path are `locationId` and
    `itemId`. A `filter` of CQL2 JSON is taken as a tree. Raises Invalid, naming the parameter and what would do.
    """
    if verb not in DECLARED:
        raise Invalid(shown(verb), "not offered", f"ask {choices(DECLARED)}")
    asked = _asked(verb, parameters, dataset)
    match verb:
        case "coverage":
            return _coverage(asked, dataset)
        case "items" | "item":
            return _rows(verb, asked, dataset, parameters.get("filter"))
        case "locations":
            return _locations(asked, dataset)
        case _:
            return _sampled(verb, asked, dataset)


def known(dataset: Dataset) -> dict[str, Described]:
    """The parameters of the data set by key; empty where they are not known before the data are opened."""
    described = dataset.parameters or (dataset.facts.parameters if dataset.facts is not None else ())
    return {p.key: p for p in described}


def properties(dataset: Dataset) -> dict[str, Described]:
    """What items can be filtered by: the parameters; of observations also the platform, the time and the level."""
    found = known(dataset)
    if not _is_observed(dataset):
        return found
    axes = dataset.facts.axes if dataset.facts is not None else ()
    levels_ = {a.key: Described(a.key, Text(a.key, a.key)) for a in axes if a.name == "z" and a.key}
    return {**found, **{d.key: d for d in _OBSERVED}, **levels_}


def _is_observed(dataset: Dataset) -> bool:
    kind = dataset.kind or (dataset.facts.kind if dataset.facts is not None else None)
    return kind == "observations"


_OBSERVED = (
    Described("platform", Text("Platform", "Plateforme"), dtype="string"),
    Described("time", Text("Time", "Temps"), dtype="datetime"),
)

# --- what was given ------------------------------------------------------------------------------------------------


def _asked(verb: str, parameters: Mapping[str, str | Sequence[str]], dataset: Dataset) -> Asked:
    """The parameters under their official names. Raises Invalid for one that the verb does not declare."""
    found: dict[str, tuple[str, ...]] = {}
    for given, value in parameters.items():
        name = ALIASES.get(given, given)
        if name in _SILENT or (name == "filter" and isinstance(value, Mapping) and verb == "items"):
            continue
        if name not in DECLARED[verb] and name != _PATH.get(verb) and not _is_own(verb, name, dataset):
            raise Invalid(named(name), f"not a parameter of {verb}", f"give of {choices(DECLARED[verb])}")
        found[name] = found.get(name, ()) + values(name, value)
        if len(found[name]) > 1 and name not in _REPEATABLE:
            raise Invalid(shown(name), f"given {len(found[name])} times", "give it once")
    return found


def _is_own(verb: str, name: str, dataset: Dataset) -> bool:
    """Whether a data set brings the parameter itself: a property of its items, or an axis as member or wavelength."""
    if verb == "items":
        return name == "id" or name in properties(dataset)
    return verb in _EDR and name in _own_axes(dataset)


def _own_axes(dataset: Dataset) -> dict[str, str]:
    """Names of the axes beside x, y, z and t, as they are asked and as they are called."""
    axes = dataset.facts.axes if dataset.facts is not None else ()
    return {asked: a.name for a in axes if a.name not in ("x", "y", "z", "t") for asked in (a.key, a.name) if asked}


def _calendar(dataset: Dataset) -> str:
    axes = dataset.facts.axes if dataset.facts is not None else ()
    return next((a.calendar for a in axes if a.calendar), "standard")


# --- the verbs -----------------------------------------------------------------------------------------------------


def _sampled(verb: str, asked: Asked, dataset: Dataset) -> Query:
    """`position`, `area`, `cube` and `location` of EDR, whose `crs` is that of the question and of the answer."""
    crs = _crs(asked, "crs", dataset)
    place, height = _place(verb, asked, crs or CRS84)
    z = single(asked, "z")
    return Query(
        verb=verb,
        where=place,
        when=_when(asked, dataset),
        levels=levels.spans("z", z) if z is not None else height,
        others=_others(asked, dataset),
        parameters=_parameters(asked, "parameter-name", dataset),
        crs=crs or CRS84,
        crs_out=crs,
    )


def _place(verb: str, asked: Asked, crs: str) -> tuple[Where, tuple[Span, ...] | None]:
    """Where, and the levels that the coordinates themselves name."""
    match verb:
        case "position":
            points, level = where.points(_required(asked, "coords", "as POINT(2.3 48.9)"), crs)
            return At(points), _one_level(level)
        case "area":
            polygon, level = where.polygon(_required(asked, "coords", "as POLYGON((0 40,10 40,10 50,0 40))"), crs)
            return Within(polygon), _one_level(level)
        case "cube":
            return where.box(_required(asked, "bbox", "west,south,east,north"), crs), _of_box(asked)
        case _:
            return AtLocation((_required(asked, "locationId", "the id of a location"),)), None


def _of_box(asked: Asked) -> tuple[Span, ...] | None:
    """The levels of a box of six numbers."""
    bbox = single(asked, "bbox")
    found = None if bbox is None else where.levels(bbox)
    return None if found is None else (levels.span(*found),)


def _locations(asked: Asked, dataset: Dataset) -> Query:
    crs = _crs(asked, "crs", dataset)
    return Query(
        verb="locations",
        where=_box(asked, crs or CRS84) or Everywhere(),
        when=_when(asked, dataset),
        page=_page(asked, dataset, None),
        crs=crs or CRS84,
        crs_out=crs,
    )


def _rows(verb: str, asked: Asked, dataset: Dataset, given: Any) -> Query:
    """`items` and `item` of Features: coordinates of the question are in `bbox-crs`, of the answer in `crs`."""
    bbox_crs = _offered(asked, "bbox-crs", dataset) or CRS84
    filter_crs = _offered(asked, "filter-crs", dataset) or CRS84
    identifier = _required(asked, "itemId", "the id of an item") if verb == "item" else None
    tree = given if isinstance(given, Mapping) else None
    opened = dataset.facts is not None
    return Query(
        verb=verb,
        where=_box(asked, bbox_crs, where.is_northing_first(bbox_crs)) or Everywhere(),
        when=_when(asked, dataset),
        levels=_of_box(asked),
        parameters=_parameters(asked, "properties", dataset),
        filter=items.condition(asked, tree, filter_crs, properties(dataset), DECLARED["items"], opened),
        filter_crs=filter_crs,
        sort=items.order(asked, properties(dataset) if opened else {}),
        page=_page(asked, dataset, dataset.limits.items) if verb == "items" else Page(),
        ids=None if identifier is None else (identifier,),
        crs=bbox_crs,
        crs_out=_offered(asked, "crs", dataset),
        geometry=not _flag(asked, "skipGeometry"),
    )


def _coverage(asked: Asked, dataset: Dataset) -> Query:
    """`coverage`: what lies in both `bbox` and `subset`, in both `datetime` and a subset of time."""
    bbox_crs = _crs(asked, "bbox-crs", dataset) or CRS84
    box = _box(asked, bbox_crs, where.is_northing_first(bbox_crs))
    along = subset(asked.get("subset", ()), _crs(asked, "subset-crs", dataset), dataset, _calendar(dataset))
    crs, place = _both(box, bbox_crs, along)
    datetime = _when(asked, dataset)
    return Query(
        verb="coverage",
        where=place,
        when=when.common(datetime, along.when) if datetime and along.when else datetime or along.when,
        levels=along.levels if along.levels is not None else _of_box(asked),
        others=along.others,
        parameters=_parameters(asked, "properties", dataset),
        scale=scaling.scale(asked, dataset),
        crs=crs,
        crs_out=_crs(asked, "crs", dataset),
    )


def _both(box: Box | None, bbox_crs: str, along: Subset) -> tuple[str, Where]:
    """The CRS of the question, and where; no point at all where box and subset have nothing in common."""
    if box is None or along.box is None:
        return (bbox_crs, box) if box is not None else (along.crs, along.box or Everywhere())
    if bbox_crs != along.crs:
        raise Invalid("subset", "bbox and subset are in different CRS", "give the same bbox-crs and subset-crs")
    return bbox_crs, where.common(box, along.box, where.is_geographic(bbox_crs)) or At(())


# --- single parameters ---------------------------------------------------------------------------------------------


def _required(asked: Asked, name: str, example: str) -> str:
    found = single(asked, name)
    if found is None:
        raise Invalid(name, "it is missing", f"give {example}")
    return found


def _crs(asked: Asked, name: str, dataset: Dataset) -> str | None:
    text = single(asked, name)
    listed_crs = dataset.facts.crs if dataset.facts is not None else dataset.crs
    return None if text is None else where.reference(name, text, listed_crs)


def _offered(asked: Asked, name: str, dataset: Dataset) -> str | None:
    """A CRS of Features Part 2: one of those offered, or that of the data."""
    listed_crs = dataset.facts.crs if dataset.facts is not None else dataset.crs
    return items.offered(name, _crs(asked, name, dataset), listed_crs or CRS84, OFFERED)


def _box(asked: Asked, crs: str, northing_first: bool = False) -> Box | None:
    text = single(asked, "bbox")
    return None if text is None else where.box(text, crs, northing_first)


def _one_level(level: float | None) -> tuple[Span, ...] | None:
    return None if level is None else (Span(level, level),)


def _when(asked: Asked, dataset: Dataset) -> tuple[Interval, ...] | None:
    text = single(asked, "datetime")
    return None if text is None else when.intervals(text, _calendar(dataset))


def _others(asked: Asked, dataset: Dataset) -> tuple[tuple[str, tuple[Span, ...]], ...]:
    axes = _own_axes(dataset)
    return tuple((axes[n], levels.spans(n, str(single(asked, n)), words=True)) for n in asked if n in axes)


def _parameters(asked: Asked, name: str, dataset: Dataset) -> tuple[str, ...] | None:
    text = single(asked, name)
    if text is None:
        return None
    there, names = known(dataset), listed(name, text)
    unsure = name == "properties" and (_is_observed(dataset) or dataset.facts is None)
    for wanted in names if not unsure else ():
        if there and wanted not in there:
            raise Invalid(name, f"{shown(wanted)} is not there", f"give of {choices(there)}")
    return names


def _page(asked: Asked, dataset: Dataset, limit: int | None) -> Page:
    """The page, its limit clamped to the greatest that the data set allows."""
    most, given, offset = dataset.limits.items_max, single(asked, "limit"), single(asked, "offset")
    wanted = limit if given is None else whole("limit", given, 1)
    return Page(None if wanted is None else min(wanted, most), 0 if offset is None else whole("offset", offset, 0))


def _flag(asked: Asked, name: str) -> bool:
    match (single(asked, name) or "false").lower():
        case "true":
            return True
        case "false":
            return False
        case other:
            raise Invalid(name, f"{shown(other)!r} is neither true nor false", "give true or false")
