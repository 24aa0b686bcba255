"""What an array is for, by the evidence of its attributes and name: weights, so that the best of several wins."""

from collections.abc import Callable, Mapping
from typing import Literal

from poles import times
from poles.cf import units_of, words
from poles.rows.layout import Variable

Role = Literal["x", "y", "z", "t"]

_NORTH = {"degrees_north", "degree_north", "degree_n", "degrees_n", "degreen", "degreesn", "deg_n"}
_EAST = {"degrees_east", "degree_east", "degree_e", "degrees_e", "degreee", "degreese", "deg_e"}
_LATITUDES = {"lat", "latitude", "lats", "latitudes", "nav_lat", "gps_lat"}
_LONGITUDES = {"lon", "longitude", "lons", "longitudes", "long", "nav_lon", "gps_lon"}
_TIMES = {"time", "juld", "date", "datetime", "date_time", "obs_time", "time_utc", "timestamp", "times"}
_VERTICALS = {
    "depth", "deph", "height", "altitude", "alt", "z", "range", "level", "lev", "levels", "pres", "pressure",
    "bindist", "plev",
}  # fmt: skip
_VERTICAL_STANDARD = {
    "depth", "height", "altitude", "sea_water_pressure", "sea_water_pressure_due_to_sea_water", "air_pressure",
    "height_above_mean_sea_level", "height_above_sea_floor", "height_above_geopotential_datum",
    "height_above_reference_ellipsoid", "model_level_number", "geopotential_height", "projection_range_coordinate",
    "depth_below_geoid",
}  # fmt: skip
_VERTICAL_AXES = {"height", "pressure", "geoz"}

IDENTITIES = (
    "platform_number", "platform_code", "platform_id", "wmo_platform_code", "wmo_id", "station_id", "station_code",
    "station_number", "stationid", "station_name", "station", "stationname", "site_id", "site_code", "site",
    "trajectory_id", "trajectory", "traj", "track_id", "track", "drifter_id", "drifter", "buoy_id", "buoy", "float_id",
    "glider", "ship", "ship_name", "vessel", "callsign", "call_sign", "mmsi", "timeseries_id", "timeseries",
    "instrument_id", "id", "name", "wmo", "platform",
)  # fmt: skip
"""Names of what identifies a platform, the surest first."""

NAMES = ("station_name", "stationname", "platform_name", "site_name", "ship_name", "name", "station_long_name")
"""Names of what a platform is called."""


def latitude(v: Variable) -> float:
    """The evidence that an array holds latitudes."""
    if v.name.lower() in _LONGITUDES:
        return 0.0
    return _horizontal(v, "latitude", _NORTH, "lat", _LATITUDES, "Y")


def longitude(v: Variable) -> float:
    """The evidence that an array holds longitudes."""
    if v.name.lower() in _LATITUDES:
        return 0.0
    return _horizontal(v, "longitude", _EAST, "lon", _LONGITUDES, "X")


def _horizontal(v: Variable, standard: str, units: set[str], kind: str, names: set[str], axis: str) -> float:
    said = words(v.attrs, "standard_name").lower()
    if v.is_text or "flag_values" in v.attrs or (said and said != standard):
        return 0.0
    weight = 8.0 * (said == standard) + 6.0 * (v.name.lower() in names)
    weight += 6.0 * (units_of(v.attrs).lower().replace(" ", "_") in units)
    weight += 4.0 * (words(v.attrs, "_CoordinateAxisType").lower() == kind)
    return weight + (words(v.attrs, "axis").upper() == axis) if weight else 0.0


def time(v: Variable) -> float:
    """The evidence that an array holds the times of samples; texts count by their name."""
    said = words(v.attrs, "standard_name").lower()
    named = v.name.lower() in _TIMES
    if v.is_text:
        return 4.0 if named else 0.0
    counted = times.is_time(units_of(v.attrs)) or v.stored.dtype.kind == "M"
    if not counted or "flag_values" in v.attrs or said == "forecast_reference_time":
        return 0.0
    weight = 2.0 + 8.0 * (said == "time") + 4.0 * named + 4.0 * v.is_namesake
    return weight + 2.0 * (words(v.attrs, "axis").upper() == "T")


def vertical(v: Variable) -> float:
    """The evidence that an array holds heights, depths, pressures or levels."""
    said = words(v.attrs, "standard_name").lower()
    if v.is_text or "flag_values" in v.attrs or " " in said:
        return 0.0
    weight = 6.0 * (said in _VERTICAL_STANDARD) + 4.0 * (v.name.lower() in _VERTICALS)
    weight += 8.0 * (words(v.attrs, "axis").upper() == "Z")
    weight += 4.0 * (words(v.attrs, "_CoordinateAxisType").lower() in _VERTICAL_AXES)
    weight += 3.0 * (words(v.attrs, "positive").lower() in {"up", "down"})
    return weight + 4.0 * v.is_namesake if weight else 0.0


WEIGH: Mapping[Role, Callable[[Variable], float]] = {"x": longitude, "y": latitude, "z": vertical, "t": time}


def identifies(v: Variable) -> bool:
    """Whether an array can hold names of platforms: texts or whole numbers."""
    return v.is_text or (v.stored.dtype.kind in "iu" and "flag_values" not in v.attrs and "scale_factor" not in v.attrs)
