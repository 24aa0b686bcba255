"""What a stored array is by its attributes and name: a longitude, a time, a level, or none of these."""

import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from poles.cf import units_of, words
from poles.stored import Array, Stored
from poles.times import is_time

Role = Literal["lon", "lat", "x", "y", "t", "z"]

_STANDARD: Mapping[str, Role] = {
    "longitude": "lon", "latitude": "lat", "grid_longitude": "x", "grid_latitude": "y",
    "projection_x_coordinate": "x", "projection_y_coordinate": "y",
    "projection_x_angular_coordinate": "x", "projection_y_angular_coordinate": "y", "time": "t",
    "depth": "z", "height": "z", "altitude": "z", "air_pressure": "z", "sea_water_pressure": "z",
    "model_level_number": "z", "geopotential_height": "z", "depth_below_geoid": "z",
    "height_above_mean_sea_level": "z", "height_above_reference_ellipsoid": "z", "height_above_sea_floor": "z",
    "height_above_geopotential_datum": "z", "sea_water_pressure_due_to_sea_water": "z", "depth_at_layer_midpoint": "z",
}  # fmt: skip
_VERTICAL = re.compile(r"(atmosphere|ocean)_.*coordinate(_g\d)?|.*_sigma.*|ocean_layer|height_above_.*|depth_below_.*")
_APART = {
    "forecast_reference_time", "forecast_period", "realization", "region", "area_type", "sensor_band_identifier",
    "radiation_wavelength", "sensor_zenith_angle", "platform_id",
}  # fmt: skip
"""Standard names of coordinates that are neither a place nor a valid time."""

_EAST = re.compile(r"deg(ree)?s?[ _]?(e|east)", re.IGNORECASE)
_NORTH = re.compile(r"deg(ree)?s?[ _]?(n|north)", re.IGNORECASE)
_WEST = re.compile(r"deg(ree)?s?[ _]?(w|west)", re.IGNORECASE)
_SOUTH = re.compile(r"deg(ree)?s?([ _]?south|[ _]s)", re.IGNORECASE)
_PRESSURE = {
    "pa", "hpa", "kpa", "mb", "mbar", "millibar", "millibars", "bar", "dbar", "decibar", "decibars", "hectopascal",
    "hectopascals", "pascal", "pascals",
}  # fmt: skip
DEGREES = {"degree", "degrees", "deg", "radian", "radians", "rad"}

_AXIS_TYPE: Mapping[str, Role] = {
    "lon": "lon", "lat": "lat", "geox": "x", "geoy": "y", "time": "t", "height": "z", "pressure": "z", "geoz": "z",
}  # fmt: skip
_NAMES: Mapping[str, Role] = {
    **dict.fromkeys(("lon", "longitude", "lons", "long", "longitudes", "nav_lon", "xlong", "xlon", "lon_rho", "lon_u",
                     "lon_v", "glon", "clon", "glamt", "tlong", "tlon", "ulon", "ulong", "geolon", "lon2d", "x_lon",
                     "longitude_2d", "loncell", "grid_center_lon"), "lon"),
    **dict.fromkeys(("lat", "latitude", "lats", "latitudes", "nav_lat", "xlat", "ylat", "lat_rho", "lat_u", "lat_v",
                     "glat", "clat", "gphit", "tlat", "ulat", "geolat", "lat2d", "y_lat", "latitude_2d", "latcell",
                     "grid_center_lat"), "lat"),
    **dict.fromkeys(("x", "xc", "easting", "rlon", "grid_longitude", "projection_x_coordinate", "x_coordinate"), "x"),
    **dict.fromkeys(("y", "yc", "northing", "rlat", "grid_latitude", "projection_y_coordinate", "y_coordinate"), "y"),
    **dict.fromkeys(("time", "time_counter", "time_instant", "time_centered", "valid_time", "t", "ocean_time",
                     "xtime"), "t"),
    **dict.fromkeys(("depth", "height", "altitude", "alt", "level", "lev", "levels", "plev", "z", "zlev", "pressure",
                     "pressure_level", "isobaric", "deptht", "depthu", "depthv", "depthw", "nav_lev", "zt", "z_t",
                     "st_ocean", "hybrid", "sigma", "altitude_above_msl", "isobaricinhpa", "bottom_top"), "z"),
}  # fmt: skip
_AXES: Mapping[str, Role] = {"x": "x", "y": "y", "z": "z", "t": "t"}


def east_and_north(attrs: Mapping[str, Any], values: Array) -> Array:
    """Degrees that are counted to the west or south (COARDS), some with their sign already, to the east and north."""
    unit = units_of(attrs)
    return -np.abs(values) if _WEST.fullmatch(unit) or _SOUTH.fullmatch(unit) else values


def role(stored: Stored) -> Role | None:
    """What the values are, by the first evidence there is.

    The order: standard name, units, `since`, `_CoordinateAxisType`, name, long name, `axis`, `positive`. A time
    counts from a date, or it is none.
    """
    found = _evidence(stored)
    if found != "t":
        return found
    return "t" if is_time(units_of(stored.attrs)) or stored.dtype.kind == "M" else None


def _evidence(stored: Stored) -> Role | None:
    attrs = stored.attrs
    standard = words(attrs, "standard_name").lower()
    if standard in _APART or words(attrs, "_CoordinateAxisType").lower() == "runtime":
        return None
    said = _STANDARD.get(standard) or ("z" if _VERTICAL.fullmatch(standard) else None)
    return said or _by_unit(attrs) or _by_name(stored) or _by_axis(stored)


def _by_unit(attrs: Mapping[str, Any]) -> Role | None:
    unit = units_of(attrs)
    if _EAST.fullmatch(unit) or _WEST.fullmatch(unit):
        return "lon"
    if _NORTH.fullmatch(unit) or _SOUTH.fullmatch(unit):
        return "lat"
    return "t" if is_time(unit) else None


def _by_name(stored: Stored) -> Role | None:
    attrs = stored.attrs
    kind = _AXIS_TYPE.get(words(attrs, "_CoordinateAxisType").lower())
    if kind is not None:
        return kind
    said = _NAMES.get(words(attrs, "long_name").lower().replace(" ", "_"))
    found = _NAMES.get(stored.name.lower(), said)
    return said if found in ("x", "y") and said in ("lon", "lat") else found


def _by_axis(stored: Stored) -> Role | None:
    attrs = stored.attrs
    if len(stored.dims) > 1:
        return None
    if units_of(attrs).lower() in _PRESSURE and stored.dims and stored.key == stored.dims[0]:
        return "z"
    axis = _AXES.get(words(attrs, "axis").lower())
    if axis is not None:
        return axis
    return "z" if words(attrs, "positive").lower() in ("up", "down") else None


def positive(stored: Stored) -> Literal["up", "down"] | None:
    """The direction of a vertical coordinate: as it says, else as its kind has it."""
    said = words(stored.attrs, "positive").lower()
    if said == "up":
        return "up"
    if said == "down":
        return "down"
    named = f"{words(stored.attrs, 'standard_name')} {stored.name}".lower()
    if units_of(stored.attrs).lower() in _PRESSURE or "depth" in named or "pressure" in named:
        return "down"
    return "up" if "height" in named or "altitude" in named else None


def in_degrees_of(stored: Stored, values: Array) -> Array:
    """Longitudes and latitudes as degrees to the east and north; anything else as it is."""
    in_radians = units_of(stored.attrs).lower() in ("rad", "radian", "radians")
    degrees = np.degrees(values) if in_radians and role(stored) in ("lon", "lat") else values
    return east_and_north(stored.attrs, degrees)
