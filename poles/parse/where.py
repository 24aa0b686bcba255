"""Places: `coords` as WKT, `bbox`, and the CRS that they are in."""

import math
import re
from typing import Literal

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from poles.crs import crs as crs_of
from poles.crs import uri
from poles.errors import Invalid, PolesError
from poles.parse.text import is_number, number, shown
from poles.query import CRS84, Box

NATIVE = "native"
OPEN = Box(-math.inf, -math.inf, math.inf, math.inf)

_KINDS = {"position": ("POINT", "MULTIPOINT"), "area": ("POLYGON", "MULTIPOLYGON")}
_EXAMPLES = {"position": "POINT(2.3 48.9)", "area": "POLYGON((0 40,10 40,10 50,0 50,0 40))"}
_WORD = re.compile(r"\s*([A-Za-z]+?)(\s*Z)?\s*\(", re.IGNORECASE)
_POINT = re.compile(r"\s*POINT\s*\(\s*([0-9.eE+-]+)\s+([0-9.eE+-]+)\s*\)\s*", re.IGNORECASE)
_CRS = re.compile(
    r"https?://www\.opengis\.net/def/crs/[\w.-]+/[\w.-]+/[\w.-]+|urn:ogc:def:crs:[\w.-]+:[\w.-]*:[\w.-]+"
    r"|[A-Za-z]{2,10}:[\w.]{1,20}|CRS84",
    re.ASCII | re.IGNORECASE,
)
_BOX = "give west,south,east,north"


# --- CRS -----------------------------------------------------------------------------------------------------------


def reference(name: str, text: str, listed: str | None = None) -> str:
    """The URI of the CRS that is asked by URI, URN or `EPSG:n`; `listed`, that of the data, also by `native`.

    Raises Invalid.
    """
    if listed is not None and text in (listed, NATIVE):
        return listed
    code = text.removeprefix("[").removesuffix("]")
    if not _CRS.fullmatch(code):
        raise Invalid(name, f"{shown(text)!r} is no CRS", "give a URI, or a code as EPSG:4326")
    try:
        found = crs_of(code)
    except PolesError as err:
        raise Invalid(name, f"{shown(text)!r} is not known", "give a URI, or a code as EPSG:4326") from err
    if not (found.is_geographic or found.is_projected):
        raise Invalid(name, f"{shown(text)!r} is not horizontal", "give a geographic or projected CRS")
    return uri(found)


def is_geographic(crs: str) -> bool:
    """Whether x and y of a CRS are longitude and latitude; of `native` that is not known."""
    if crs in (CRS84, NATIVE):
        return crs == CRS84
    found = crs_of(crs)
    return bool(found.is_geographic) and not found.is_derived


def is_northing_first(crs: str) -> bool:
    """Whether the authority puts north before east, as EPSG:4326 and EPSG:3035 do."""
    if crs in (CRS84, NATIVE):
        return False
    return [a.direction for a in crs_of(crs).axis_info[:2]] == ["north", "east"]


# --- coords --------------------------------------------------------------------------------------------------------


def points(coords: str, crs: str = CRS84) -> tuple[tuple[tuple[float, float], ...], float | None]:
    """The points of `POINT` or `MULTIPOINT`, x before y, and their common z if they have one. Raises Invalid."""
    one = _POINT.fullmatch(coords)
    if one is not None and is_number(one[1]) and is_number(one[2]):  # the usual question, without a geometry library
        x, y = float(one[1]), float(one[2])
        if is_geographic(crs):
            _in_reach("coords", x, y, x, y)
        return ((x, y),), None
    geometry = _geometry("position", coords, crs)
    return tuple(map(tuple, shapely.get_coordinates(geometry).tolist())), _level(geometry)


def polygon(coords: str, crs: str = CRS84) -> tuple[BaseGeometry, float | None]:
    """The `POLYGON` or `MULTIPOLYGON`, and the common z of its vertices if they have one. Raises Invalid."""
    geometry = _geometry("area", coords, crs)
    if not geometry.is_valid:
        raise Invalid(
            "coords", f"no valid polygon: {shapely.is_valid_reason(geometry)}", "give rings that do not cross"
        )
    return shapely.force_2d(geometry), _level(geometry)


def _geometry(verb: Literal["position", "area"], coords: str, crs: str) -> BaseGeometry:
    """The geometry, of a kind that the verb takes, of finite coordinates in reach of the CRS."""
    remedy = f"give {' or '.join(_KINDS[verb])}, as {_EXAMPLES[verb]}"
    word = _WORD.match(coords)
    if word is None or word[1].upper() not in _KINDS[verb]:
        raise Invalid("coords", f"{shown(coords)!r} is no {_KINDS[verb][0]}", remedy)
    try:
        with np.errstate(all="ignore"):
            geometry = shapely.from_wkt(coords)
    except (ShapelyError, ValueError) as err:
        raise Invalid("coords", f"{shown(coords)!r}: {shown(str(err).rpartition(': ')[2])}", remedy) from err
    if geometry.is_empty or shapely.has_m(geometry):
        raise Invalid("coords", f"{shown(coords)!r} is empty or has M", remedy)
    _checked(geometry, crs, remedy)
    return geometry


def _checked(geometry: BaseGeometry, crs: str, remedy: str) -> None:
    xyz = shapely.get_coordinates(geometry, include_z=bool(geometry.has_z))
    if not np.isfinite(xyz).all():
        raise Invalid("coords", "there are coordinates that are no numbers", remedy)
    if is_geographic(crs):
        x, y = xyz[:, 0], xyz[:, 1]
        _in_reach("coords", float(x.min()), float(y.min()), float(x.max()), float(y.max()))


def _in_reach(name: str, west: float, south: float, east: float, north: float) -> None:
    """Longitudes from -360 to 540, latitudes from -90 to 90; infinite ones are open."""
    for latitude in (south, north):
        if math.isfinite(latitude) and abs(latitude) > 90:
            raise Invalid(name, f"latitude {latitude:g} is beyond a pole", "give longitude before latitude, in degrees")
    for longitude in (west, east):
        if math.isfinite(longitude) and not -360 <= longitude <= 540:
            raise Invalid(
                name, f"longitude {longitude:g} is out of reach", "give degrees from -180 to 180, or 0 to 360"
            )


def _level(geometry: BaseGeometry) -> float | None:
    if not geometry.has_z:
        return None
    levels = np.unique(shapely.get_coordinates(geometry, include_z=True)[:, 2])
    if len(levels) > 1:
        raise Invalid("coords", f"{len(levels)} different z", "give the levels as z")
    return float(levels[0])


# --- bbox ----------------------------------------------------------------------------------------------------------


def box(text: str, crs: str = CRS84, northing_first: bool = False) -> Box:
    """The box of 4 numbers, or of 6 with the lower and upper z after each corner. Raises Invalid.

    >>> box("170,-50,0,-170,50,100")
    Box(west=170.0, south=-50.0, east=-170.0, north=50.0)
    """
    (x0, y0, *_), (x1, y1, *_) = _corners(text)
    if northing_first:
        x0, y0, x1, y1 = y0, x0, y1, x1
    return checked("bbox", Box(x0, y0, x1, y1), crs)


def levels(text: str) -> tuple[float, float] | None:
    """The lower and upper z of a box of 6 numbers. Raises Invalid."""
    low, high = _corners(text)
    return (low[2], high[2]) if len(low) == 3 else None


def _corners(text: str) -> tuple[list[float], list[float]]:
    numbers = [number("bbox", n, _BOX) for n in text.split(",")]
    if len(numbers) not in (4, 6):
        raise Invalid("bbox", f"{len(numbers)} numbers", _BOX + ", or with the lower and upper z after south and north")
    half = len(numbers) // 2
    return numbers[:half], numbers[half:]


def checked(name: str, box: Box, crs: str) -> Box:
    """The box, if it is one: south below north, in reach, and west of east unless it crosses the antimeridian.

    A west from 0 to 360 with an east from -180 to 180 may be more than a circle apart.

    >>> checked("bbox", Box(292, 0, -70, 9), CRS84)
    Box(west=292, south=0, east=290, north=9)
    """
    if box.south > box.north:
        raise Invalid(name, f"south {box.south:g} is north of north {box.north:g}", _BOX)
    if is_geographic(crs):
        _in_reach(name, box.west, box.south, box.east, box.north)
        if math.isfinite(box.west) and box.west - box.east > 360:
            return Box(box.west, box.south, box.east + 360, box.north)
    elif crs != NATIVE and box.west > box.east:
        raise Invalid(
            name, f"west {box.west:g} is east of east {box.east:g}", _BOX + ": only degrees go round the globe"
        )
    return box


def common(a: Box, b: Box, geographic: bool) -> Box | None:
    """What lies in both boxes; None where nothing does. Raises Invalid where that is two boxes.

    >>> common(Box(170, -50, -170, 50), Box(-175, 0, 0, 90), geographic=True)
    Box(west=-175, south=0, east=-170, north=50)
    """
    south, north = max(a.south, b.south), min(a.north, b.north)
    pieces = _meridians(_unwrapped(a), _unwrapped(b), geographic)
    if south > north or not pieces:
        return None
    if len(pieces) > 1:
        raise Invalid("subset", "bbox and subset meet in two places", "ask one of them")
    return Box(pieces[0][0], south, pieces[0][1], north)


def _unwrapped(box: Box) -> tuple[float, float]:
    return (box.west, box.east) if box.west <= box.east else (box.west, box.east + 360)


def _meridians(a: tuple[float, float], b: tuple[float, float], geographic: bool) -> list[tuple[float, float]]:
    """The stretches common to two stretches of longitude, the second also seen from one turn east and west."""
    finite = all(map(math.isfinite, (*a, *b)))
    turns = (0, -360, 360) if geographic and finite else (0,)
    found = [(max(a[0], b[0] + t), min(a[1], b[1] + t)) for t in turns]
    pieces = sorted((w, e) for w, e in found if w <= e)
    wide = [p for p in pieces if p[0] < p[1]] or pieces[:1]
    if len(wide) == 2 and wide[0][0] + 360 == wide[1][1]:
        return [_turned(wide[1][0], wide[0][1] + 360)]
    return [_turned(*p) for p in dict.fromkeys(wide)]


def _turned(west: float, east: float) -> tuple[float, float]:
    """The same stretch with its west in [-180, 180)."""
    turn = 360 if math.isfinite(west) and west < -180 else -360 if math.isfinite(west) and west >= 180 else 0
    return west + turn, east + turn
