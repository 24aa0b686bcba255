"""Geometries as an oracle sees them: shapely for what meets a box, pyproj for another CRS."""

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from pyproj import CRS, Transformer
from shapely import transform
from shapely.geometry import MultiPolygon, Polygon, box, shape
from shapely.geometry.base import BaseGeometry

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CRS84H = "http://www.opengis.net/def/crs/OGC/0/CRS84h"
Box = tuple[float, float, float, float]
EARTH: Box = (-180.0, -90.0, 180.0, 90.0)


def geometries(features: Iterable[dict[str, Any]]) -> dict[str, BaseGeometry]:
    """The geometry of each feature that has one, by its id."""
    return {str(f["id"]): shape(f["geometry"]) for f in features if f.get("geometry")}


def polygon(bounds: Box) -> Polygon | MultiPolygon:
    """The area of a box; one whose west is greater than its east crosses the antimeridian."""
    west, south, east, north = bounds
    if west <= east:
        return box(west, south, east, north)
    return MultiPolygon([box(west, south, 180, north), box(-180, south, east, north)])


def in_crs84(geometry: BaseGeometry) -> bool:
    """Whether all coordinates are degrees of longitude and latitude."""
    west, south, east, north = geometry.bounds
    return west >= -180 and east <= 180 and south >= -90 and north <= 90


@lru_cache(maxsize=128)
def crs(uri: str) -> CRS:
    """A CRS by its URI."""
    return CRS.from_user_input("OGC:CRS84" if uri in (CRS84, CRS84H) else uri)


@lru_cache(maxsize=128)
def _to(uri: str) -> Transformer:
    return Transformer.from_crs(crs(CRS84), crs(uri))


def in_crs(geometry: BaseGeometry, uri: str) -> BaseGeometry:
    """A geometry of CRS84 in another CRS, axes in the order of its authority."""

    def moved(points: Any) -> Any:
        x, y = _to(uri).transform(points[:, 0], points[:, 1])
        return np.column_stack([x, y])

    return transform(geometry, moved)


def box_in(bounds: Box, uri: str) -> Box | None:
    """The box in another CRS that holds a box of CRS84, axes in the order of its authority; None where it has none."""
    found = _to(uri).transform_bounds(*bounds, densify_pts=101)
    return found if all(map(math.isfinite, found)) else None


def corners_in(bounds: Box, uri: str) -> Box | None:
    """The south-west and north-east corners of a box of CRS84 in another CRS, as the suite transforms a box."""
    west, south, east, north = bounds
    xs, ys = _to(uri).transform([west, east], [south, north])
    found = (xs[0], ys[0], xs[1], ys[1])
    return found if all(map(math.isfinite, found)) else None


def covered(bounds: Box, uri: str) -> Box | None:
    """The part of a box of CRS84 that lies within the area of use of a CRS; None where there is none."""
    area = crs(uri).area_of_use
    if area is None:
        return bounds
    west, south, east, north = area.bounds
    if west > east:
        return None
    part = max(bounds[0], west), max(bounds[1], south), min(bounds[2], east), min(bounds[3], north)
    return part if part[0] <= part[2] and part[1] <= part[3] else None


def tolerance(uri: str) -> float:
    """How far apart two reckonings of a transformation may lie, in units of the CRS."""
    return 1e-6 if crs(uri).is_geographic else 0.05
