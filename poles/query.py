"""The question: frozen, the same for EDR, Coverages, Features, maps and processes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shapely.geometry.base import BaseGeometry

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


@dataclass(frozen=True, slots=True)
class Moment:
    """Calendar fields, not bound to a calendar: 2020-02-30 is a date of a 360-day calendar.

    `fields` is (year, month, day), a whole day; or those and (hour, minute, second, millisecond), UTC.
    """

    fields: tuple[int, ...]

    @property
    def day(self) -> bool:
        """Whether this is a whole day."""
        return len(self.fields) == 3


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval of times; None is an open end. Start equal to end is an instant (or one whole day)."""

    start: Moment | None
    end: Moment | None

    @property
    def instant(self) -> bool:
        """Whether one moment was asked."""
        return self.start is not None and self.start == self.end


@dataclass(frozen=True, slots=True)
class Span:
    """A closed interval of numbers or texts along an axis that is not time; equal ends are one value."""

    start: float | str | None
    end: float | str | None


@dataclass(frozen=True, slots=True)
class Everywhere:
    """No spatial condition."""


@dataclass(frozen=True, slots=True)
class At:
    """Points, x before y, in the CRS of the question."""

    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Along:
    """A line with z and t per vertex: (x, y, z | None, epoch milliseconds | None)."""

    vertices: tuple[tuple[float, float, float | None, int | None], ...]


@dataclass(frozen=True, slots=True)
class Within:
    """A polygon or multipolygon; membership by cell centre."""

    polygon: BaseGeometry


@dataclass(frozen=True, slots=True)
class Box:
    """West, south, east, north; west > east crosses the antimeridian; infinite sides are open."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Near:
    """All within a radius of a point."""

    point: tuple[float, float]
    radius_m: float


@dataclass(frozen=True, slots=True)
class Corridor:
    """All within half a width of a line."""

    along: Along
    width_m: float
    height: float | None = None


@dataclass(frozen=True, slots=True)
class AtLocation:
    """Named platforms or sites."""

    ids: tuple[str, ...]


Where = Everywhere | At | Along | Within | Box | Near | Corridor | AtLocation


@dataclass(frozen=True, slots=True)
class Cells:
    """Exactly so many cells or steps along an axis."""

    count: int


@dataclass(frozen=True, slots=True)
class Divided:
    """The cells or steps that an axis has, divided by a factor; 2 leaves every other one."""

    factor: float


@dataclass(frozen=True, slots=True)
class Page:
    """A page of rows."""

    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """One question to one data set."""

    verb: str = "cube"
    """`position`, `area`, `cube`, `locations` (the list), `location` (data of one), `items`, `item`, `coverage`."""
    where: Where = Everywhere()
    when: tuple[Interval, ...] | None = None
    levels: tuple[Span, ...] | None = None
    others: tuple[tuple[str, tuple[Span, ...]], ...] = ()
    """Other axes by the name that was asked (any case): member, percentile, wavelength."""
    parameters: tuple[str, ...] | None = None
    filter: Mapping[str, Any] | None = None
    """A CQL2 JSON tree, its names and types checked."""
    filter_crs: str = CRS84
    """Of the geometries in the filter, which stand x before y."""
    sort: tuple[tuple[str, bool], ...] = ()
    """Name and whether it ascends."""
    page: Page = Page()
    ids: tuple[str, ...] | None = None
    """Items by id."""
    instance: str | None = None
    interpolation: str | None = None
    resolution: tuple[tuple[str, int], ...] = ()
    scale: tuple[tuple[str, Cells | Divided], ...] = ()
    """How finely a coverage is wanted along an axis, by the name of the axis; others stay as they are."""
    crs: str = CRS84
    """Of the coordinates in the question; `native` means that of the data."""
    crs_out: str | None = None
    """Of the answer; None: the rule of the kind of question."""
    geometry: bool = True
    """False leaves geometries out of a table (`skipGeometry`)."""
