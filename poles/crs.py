"""Coordinate reference systems: found by any of their names, made once, transformed always x before y."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from poles.errors import Invalid

_LONGEST = 20_000
"""Characters of a definition; the longest WKT of the EPSG registry is shorter."""

Pipeline = Callable[[Any, Any], tuple[Any, Any]]


def crs(definition: str | CRS) -> CRS:
    """The CRS of a URI, URN, CURIE (`EPSG:2154`, also in brackets), `CRS84`, code, PROJ string or WKT.

    The same definition gives the same object, so that comparing by identity is enough in quick paths.
    Raises Invalid where PROJ does not know it.

    >>> crs("http://www.opengis.net/def/crs/OGC/1.3/CRS84") is crs("http://www.opengis.net/def/crs/OGC/1.3/CRS84")
    True
    >>> crs("[EPSG:2154]").name
    'RGF93 v1 / Lambert-93'
    """
    return _of_object(definition) if isinstance(definition, CRS) else _of_text(definition.strip())


@lru_cache(maxsize=256)
def _of_object(found: CRS) -> CRS:
    return found


@lru_cache(maxsize=256)
def _of_text(text: str) -> CRS:
    plain = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if plain.upper() in ("CRS84", "CRS:84"):
        plain = "OGC:CRS84"
    remedy = "give a URI such as http://www.opengis.net/def/crs/EPSG/0/2154, EPSG:2154 or WKT"
    if not plain or len(plain) > _LONGEST:
        raise Invalid("crs", f"a definition of {len(plain)} characters", remedy)
    try:
        return _of_object(CRS.from_user_input(plain))
    except CRSError as error:
        raise Invalid("crs", f"{plain[:80]} is unknown", remedy) from error


LONLAT: CRS = crs("OGC:CRS84")
"""Longitude and latitude in degrees, WGS 84: the CRS of a question that names none."""


@lru_cache(maxsize=256)
def uri(of: CRS) -> str:
    """The URI of a CRS that an authority registers, else its WKT.

    >>> uri(crs("EPSG:32631"))
    'http://www.opengis.net/def/crs/EPSG/0/32631'
    """
    named = of.to_authority()
    if named is None:
        return of.to_wkt()
    authority, code = named
    authority, _, version = authority.partition("_")
    version = version or ("1.3" if (authority, code) in (("OGC", "CRS84"), ("OGC", "CRS83"), ("OGC", "CRS27")) else "0")
    return f"http://www.opengis.net/def/crs/{authority}/{version}/{code}"


_EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
_WORLD = ("http://www.opengis.net/def/crs/OGC/1.3/CRS84", f"{_EPSG}4326", f"{_EPSG}3857")
_EUROPE = tuple(
    f"{_EPSG}{code}"
    for code in (
        4258, 3035, 3034,  # ETRS89 and its projections of INSPIRE
        2154, 32630, 32631, 32632, 25830, 25831, 25832,  # mainland France
    )
)  # fmt: skip
_OVERSEAS = tuple(
    f"{_EPSG}{code}"
    for code in (
        5490, 32620,  # Guadeloupe, Martinique
        2972, 32622,  # Guyane
        2975, 32740,  # La Réunion
        4471, 32738,  # Mayotte
        4467, 32621,  # Saint-Pierre-et-Miquelon
    )
)  # fmt: skip


_NARROW = 60.0
"""Degrees of longitude of a box that is expressed in any CRS whose area of use it meets."""
OFFERED = (*_WORLD, *_EUROPE, *_OVERSEAS)
"""CRS in which rows may be asked and answered (Features Part 2), beside that of the data; the first is the default."""


@lru_cache(maxsize=4096)
def listed(west: float, south: float, east: float, north: float) -> tuple[str, ...]:
    """Those of the CRS offered that are of use for rows within a box of degrees: what their collection lists.

    Those of Europe and mainland France where they meet the rows and have a place for each, those of a territory
    overseas where they hold them all: far from the area of its use a projection gives no places.
    """
    box = west, south, east, north
    meets = [u for u in _EUROPE if _reach(u, *box) > 0 and _places_all(u, *box)]
    holds = [u for u in _OVERSEAS if _reach(u, *box) == 1]
    return (*_WORLD, *meets, *holds)


def _reach(name: str, west: float, south: float, east: float, north: float) -> float:
    """1 where the area of use of a CRS holds a box, 0 where it does not meet it, else between."""
    area = crs(name).area_of_use
    if area is None or east < west:
        return 0.5
    if area.west <= west and east <= area.east and area.south <= south and north <= area.north:
        return 1
    return 0.5 if west <= area.east and area.west <= east and south <= area.north and area.south <= north else 0


def _places_all(name: str, west: float, south: float, east: float, north: float) -> bool:
    """Whether a CRS has a place for whatever lies in a box: zones end a quarter of the globe from their meridian."""
    if east - west < _NARROW:
        return True
    steps = (np.arange(64) + 0.5) / 64
    lon, lat = np.meshgrid(west + (east - west) * steps, south + (north - south) * steps)
    return bool(np.isfinite(transform(lon.ravel(), lat.ravel(), LONLAT, crs(name))).all())


@lru_cache(maxsize=256)
def is_lonlat(of: CRS) -> bool:
    """Whether coordinates are degrees of WGS 84 longitude and latitude, in whichever order an authority writes them."""
    return of.to_authority() in (("OGC", "CRS84"), ("EPSG", "4326"))


def in_degrees(of: CRS) -> bool:
    """Whether x is a longitude of some kind, of a rotated pole too: it comes back after 360."""
    return bool(of.is_geographic)


def transform(x: Any, y: Any, source: CRS, target: CRS) -> tuple[Any, Any]:
    """Coordinates of one CRS in another, x (or longitude) before y whatever the authority says.

    Numbers give numbers, arrays arrays. What the target cannot hold is infinite.
    """
    if source is target:
        return x, y
    return pipeline(source, target)(x, y)


_pipelines: dict[tuple[int, int], tuple[CRS, CRS, Pipeline]] = {}
_KEPT = 512


def pipeline(source: CRS, target: CRS) -> Pipeline:
    """The transformation between two CRSs, made once: that takes milliseconds, using it a microsecond."""
    key = (id(source), id(target))
    known = _pipelines.get(key)
    if known is None:
        if len(_pipelines) >= _KEPT:
            _pipelines.clear()
        known = _pipelines[key] = (source, target, _made(source, target))  # the CRSs are held, so that ids stay theirs
    return known[2]


def _made(source: CRS, target: CRS) -> Pipeline:
    if source == target or (is_lonlat(source) and is_lonlat(target)):
        return lambda x, y: (x, y)
    steps = _steps(source, target)
    if len(steps) == 1:
        return steps[0]

    def chained(x: Any, y: Any) -> tuple[Any, Any]:
        for step in steps:
            x, y = step(x, y)
        return x, y

    return chained


def _steps(source: CRS, target: CRS) -> list[Pipeline]:
    """One transformation; on their way to or from other CRSs, rotated poles pass by the base that they turn.

    A rotated pole is a pole of the sphere of its model. Its base names no datum, and is read as longitude and
    latitude without a datum shift, as every model's coordinates are.
    """
    start, end = _turned_base(source), _turned_base(target)
    steps = []
    if start is not None:
        steps.append(_between(source, start))
        source = LONLAT
    last = None if end is None else _between(end, target)
    target = LONLAT if end is not None else target
    if source != target and not (is_lonlat(source) and is_lonlat(target)):
        steps.append(_between(source, target))
    return steps if last is None else [*steps, last]


def _turned_base(of: CRS) -> CRS | None:
    """The base of a rotated pole, where it names no datum of a registry."""
    if not (of.is_derived and of.is_geographic):
        return None
    base = of.source_crs
    if base is None or (base.to_authority() is not None and not is_lonlat(base)):
        return None
    return base


def _between(source: CRS, target: CRS) -> Pipeline:
    try:
        transformer = Transformer.from_crs(source, target, always_xy=True)
    except ProjError as error:
        found = f"nothing leads from {source.name} to {target.name}"
        raise Invalid("crs", found, "give a CRS of places on the Earth") from error

    def step(x: Any, y: Any) -> tuple[Any, Any]:
        found: tuple[Any, Any] = transformer.transform(x, y)
        return found

    return step


def densified(west: float, south: float, east: float, north: float, pieces: int = 64) -> tuple[Any, Any]:
    """Points around the edge of a box: what a curved transformation makes of it is no longer given by its corners."""
    x, y = np.linspace(west, east, pieces + 1), np.linspace(south, north, pieces + 1)
    full = np.full(pieces + 1, 1.0)
    xs = np.concatenate([x, east * full, x[::-1], west * full])
    ys = np.concatenate([south * full, y, north * full, y[::-1]])
    return xs, ys
