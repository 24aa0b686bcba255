"""The entry of the catalogue: frozen, cheap, made without opening data."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["grid", "observations", "features"]
Shape = Literal["rectilinear", "curvilinear", "cells", "sheared", "none"]
"""How the cells of a grid lie."""
Pole = Literal["theia", "aeris", "formater", "odatis"]
POLES: tuple[Pole, ...] = ("theia", "aeris", "formater", "odatis")
BBox = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Text:
    """A text in English and French."""

    en: str
    fr: str

    def in_(self, language: str) -> str:
        """The text in `fr` or, for any other language, English."""
        return self.fr if language == "fr" else self.en


@dataclass(frozen=True, slots=True)
class Contact:
    """A party and its role (ISO 19115 `CI_RoleCode`)."""

    name: str
    role: str = "pointOfContact"
    email: str | None = None
    organisation: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Category:
    """One value of a classified parameter (CF `flag_values`)."""

    value: int
    label: Text


@dataclass(frozen=True, slots=True)
class Described:
    """A parameter as users see it: observed property, unit, categories."""

    key: str
    label: Text
    unit: str | None = None
    """UCUM; None: none is known (or the parameter is classified). "1" is dimensionless."""
    property: str | None = None
    """URI of the observed property."""
    standard_name: str | None = None
    description: Text | None = None
    categories: tuple[Category, ...] = ()
    dtype: Literal["float", "integer", "string", "datetime", "date", "boolean", "array", "object"] = "float"
    """Lists and objects (`array`, `object`) are answered, and neither filtered nor sorted by."""
    cell_methods: str | None = None


@dataclass(frozen=True, slots=True)
class AxisFacts:
    """One axis, as metadata tell it: `x`, `y`, `z`, `t` or another by its CF name."""

    name: str
    key: str
    """The file's own name."""
    size: int
    lowest: float | str
    highest: float | str
    """For `t`: RFC 3339 texts in the data's own calendar."""
    values: tuple[float | str, ...] = ()
    """All values where there are at most 1,000, in canonical order; else empty."""
    step: float | None = None
    """Of a regular axis; milliseconds for `t`."""
    unit: str = ""
    """As the file writes it (`m`, `hPa`)."""
    label: str = ""
    standard_name: str | None = None
    positive: Literal["up", "down"] | None = None
    calendar: str | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """A file of a data set that is offered as it is."""

    name: str
    size: int
    """Bytes."""
    optimized: bool
    """Whether it is a cloud-optimized GeoTIFF."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What opening the data tells; kept in the state folder so that a listing opens nothing."""

    version: str
    """Changes whenever the data change."""
    kind: Kind
    parameters: tuple[Described, ...]
    bbox: BBox | None
    """West, south, east, north in CRS84; west > east crosses 180 degrees."""
    interval: tuple[str | None, str | None] | None
    """RFC 3339; None where there is no time."""
    axes: tuple[AxisFacts, ...] = ()
    crs: str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    """URI where there is one, else WKT."""
    horizontal: Shape = "none"
    feature_type: str | None = None
    """CF discrete sampling geometry, or the geometry type of features."""
    count: int | None = None
    """Rows, for observations and features."""
    extras: tuple[Described, ...] = ()
    """Of observations: what items hold beside platform, time, level and parameters (a second time, say)."""
    times: tuple[str, ...] = ()
    """Of features: the property that tells the time, or those of its begin and end."""
    mended: tuple[str, ...] = ()
    """What was wrong with the files and how it was read all the same."""
    originals: tuple[Original, ...] = ()
    """The files of a grid, where they are offered as they are."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one answer."""

    values: int = 5_000_000
    items: int = 100
    items_max: int = 10_000
    counts: Literal["exact", "estimated", "none"] = "exact"
    """How `numberMatched` of items is found: counted, as the engine estimates it, or left out."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One data set: a description that feeds every API and every export, and where its data lie.

    What the block says wins over what the data tell; `parameters`, `bbox` and the like are merged by
    the catalogue from the block and, where they are known, the facts.
    """

    id: str
    title: Text
    description: Text
    keywords: tuple[Text, ...] = ()
    pole: Pole | None = None
    source: tuple[str, ...] = ()
    """Absolute paths, globs or URLs."""
    kind: Kind | None = None
    apis: tuple[str, ...] = ()
    """Provider types named in the block: `edr`, `coverage`, `feature`. No block, no API."""
    parameters: tuple[Described, ...] = ()
    bbox: BBox | None = None
    interval: tuple[str | None, str | None] | None = None
    facts: Facts | None = None
    crs: str | None = None
    """Overrides a missing or wrong CRS of the files."""
    store: str | None = None
    """URL of the PostgreSQL database that holds the rows; None: a file in the state folder."""
    time_pattern: str | None = None
    """`strptime` pattern or regular expression with named groups, of dates in file names."""
    version: str | None = None
    processing_level: str | None = None
    licence: str | None = None
    access_rights: str | None = None
    doi: str | None = None
    citation: str | None = None
    contacts: tuple[Contact, ...] = ()
    lineage: Text | None = None
    update_frequency: str | None = None
    quality: str | None = None
    limits: Limits = field(default_factory=Limits)
    names: tuple[tuple[str, str], ...] = ()
    """Columns and axes that need naming: `(("x", "Longitude"), ("time", "date"))`."""

    def parameter(self, key: str) -> Described | None:
        """The description of one parameter."""
        return next((p for p in self.parameters if p.key == key), None)
