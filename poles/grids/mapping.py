"""Grid mappings: the attributes of CF, and those of other writers, as a CRS."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pyproj import CRS
from pyproj.exceptions import CRSError

from poles.crs import LONLAT, crs
from poles.errors import Invalid

_TEXTS = ("crs_wkt", "spatial_ref", "esri_pe_string", "proj4", "proj4_params", "proj4text", "proj4_string", "epsg_code",
          "epsg", "EPSG_code", "spatial_epsg", "srid", "crs", "srs")  # fmt: skip
_NUMBERS = (
    "azimuth_of_central_line", "earth_radius", "false_easting", "false_northing", "grid_north_pole_latitude",
    "grid_north_pole_longitude", "inverse_flattening", "latitude_of_projection_origin", "longitude_of_central_meridian",
    "longitude_of_prime_meridian", "longitude_of_projection_origin", "north_pole_grid_longitude",
    "perspective_point_height", "scale_factor_at_central_meridian", "scale_factor_at_projection_origin",
    "semi_major_axis", "semi_minor_axis", "standard_parallel", "straight_vertical_longitude_from_pole",
)  # fmt: skip
_OTHER_NAMES = {
    "rotated_lat_lon": "rotated_latitude_longitude", "rotated_pole": "rotated_latitude_longitude",
    "lambert_conformal": "lambert_conformal_conic", "lambert_conic_conformal": "lambert_conformal_conic",
    "polarstereographic": "polar_stereographic", "polar_stereo": "polar_stereographic",
    "albers_equal_area": "albers_conical_equal_area", "vertical_perspective_view": "vertical_perspective",
    "geostationary_satellite": "geostationary", "universal_transverse_mercator": "transverse_mercator",
    "latlon": "latitude_longitude", "lat_lon": "latitude_longitude",
}  # fmt: skip


def is_mapping(attrs: Mapping[str, Any]) -> bool:
    """Whether attributes are those of a grid mapping."""
    return "grid_mapping_name" in attrs or any(n in attrs for n in ("crs_wkt", "spatial_ref", "affine"))


RADII = (6371229.0, 6371200.0, 6370997.0, 6371000.0, 6370000.0, 6367470.0)
"""Metres of the spheres of weather models: of ECMWF, NCEP, PROJ, WRF and the earlier GRIB."""


def names_figure(attrs: Mapping[str, Any]) -> bool:
    """Whether a grid mapping names the figure of the Earth, or is a text that does."""
    figure = (
        "earth_radius",
        "semi_major_axis",
        "reference_ellipsoid_name",
        "horizontal_datum_name",
        "datum",
        "ellipsoid",
    )
    return any(n in attrs for n in (*figure, *_TEXTS))


def name_of(attrs: Mapping[str, Any]) -> str:
    """The CF name of a grid mapping, whatever its writer called it."""
    said = str(attrs.get("grid_mapping_name", "")).strip().lower().replace(" ", "_")
    return _OTHER_NAMES.get(said, said)


def crs_of(attrs: Mapping[str, Any]) -> CRS | None:
    """The CRS of a grid mapping: its WKT, PROJ string or EPSG code where that is valid, else its CF parameters.

    Longitude and latitude on a sphere, or without a datum, are read as CRS84, as everybody reads them. None where
    nothing usable is said.
    """
    key = repr(sorted(attrs.items(), key=lambda item: item[0]))
    if key not in _made:
        if len(_made) >= _KEPT:
            _made.clear()
        _made[key] = _found(attrs)
    return _made[key]


_made: dict[str, CRS | None] = {}
_KEPT = 256
"""CRSs of attributes are kept: making one from CF parameters takes a tenth of a second."""


def _found(attrs: Mapping[str, Any]) -> CRS | None:
    for how in (_said, _from_cf):
        found = how(attrs)
        if found is not None and not found.is_geocentric:
            plain = _plain(found)
            return plain if plain.is_projected or plain.is_geographic else None
    return None


def _plain(found: CRS) -> CRS:
    if found.is_compound:
        found = next((part for part in found.sub_crs_list if not part.is_vertical), found)
    if found.is_bound and found.source_crs is not None:
        found = found.source_crs
    if found.is_geographic and not found.is_derived:
        return LONLAT if found.to_authority() in (None, ("EPSG", "4326"), ("OGC", "CRS84")) else crs(found)
    return crs(found)


def _said(attrs: Mapping[str, Any]) -> CRS | None:
    for name in _TEXTS:
        text = str(attrs.get(name, "")).strip()
        if not text:
            continue
        if name.lower().endswith(("epsg", "epsg_code")) and text.split(":")[-1].isdigit():
            text = f"EPSG:{text.split(':')[-1]}"
        try:
            found = crs(text)
        except Invalid:
            continue
        # A rotated pole as PROJ writes it for GDAL is no CRS that can be turned back: the parameters say more.
        if not (found.is_geographic and name_of(attrs) == "rotated_latitude_longitude" and not found.is_derived):
            return found
    return None


def _from_cf(attrs: Mapping[str, Any]) -> CRS | None:
    said: dict[str, Any] = {"grid_mapping_name": name_of(attrs)}
    for name in _NUMBERS:
        value = _number(attrs.get(name))
        if value is not None:
            said[name] = value
    for name in ("sweep_angle_axis", "fixed_angle_axis", "reference_ellipsoid_name", "horizontal_datum_name",
                 "prime_meridian_name", "geographic_crs_name"):  # fmt: skip
        if isinstance(attrs.get(name), str):
            said[name] = attrs[name]
    for names in ((), ("reference_ellipsoid_name", "horizontal_datum_name", "prime_meridian_name")):
        try:
            return CRS.from_cf(_completed({k: v for k, v in said.items() if k not in names}))
        except (CRSError, KeyError, ValueError, TypeError, IndexError):
            continue
    return None


def _number(value: Any) -> float | list[float] | None:
    """A number, or several (two standard parallels), also out of text."""
    if value is None:
        return None
    try:
        parts = value.replace(",", " ").split() if isinstance(value, str) else np.ravel(value).tolist()
        found = [float(part) for part in parts]
    except (TypeError, ValueError):
        return None
    if not found or not np.isfinite(found).all():
        return None
    return found[0] if len(found) == 1 else found


_USUAL: Mapping[str, Mapping[str, Any]] = {
    "rotated_latitude_longitude": {"north_pole_grid_longitude": 0.0},
    "transverse_mercator": {"scale_factor_at_central_meridian": 1.0, "latitude_of_projection_origin": 0.0},
    "geostationary": {"latitude_of_projection_origin": 0.0, "longitude_of_projection_origin": 0.0},
    "stereographic": {"scale_factor_at_projection_origin": 1.0},
    "mercator": {"longitude_of_projection_origin": 0.0},
}
"""What writers leave out."""


def _completed(said: dict[str, Any]) -> dict[str, Any]:
    """The parameters with what is left out at its usual value."""
    name = said["grid_mapping_name"]
    usual: dict[str, Any] = {"longitude_of_prime_meridian": 0.0, **_USUAL.get(name, {})}
    if not name.endswith("latitude_longitude"):
        usual |= {"false_easting": 0.0, "false_northing": 0.0}
    if name == "geostationary" and "fixed_angle_axis" not in said:
        usual["sweep_angle_axis"] = "y"
    if name == "polar_stereographic":
        said = _polar(said)
    if name == "mercator" and "standard_parallel" not in said:
        usual["scale_factor_at_projection_origin"] = 1.0
    if name in ("lambert_conformal_conic", "albers_conical_equal_area"):
        usual["latitude_of_projection_origin"] = float(np.mean(said.get("standard_parallel", 0.0)))
    if "semi_major_axis" in said and "semi_minor_axis" not in said and "inverse_flattening" not in said:
        usual["earth_radius"] = said["semi_major_axis"]
    return usual | said


def _polar(said: dict[str, Any]) -> dict[str, Any]:
    """A polar stereographic with the two names that CF had for its central meridian, and its pole."""
    said = dict(said)
    for name in ("straight_vertical_longitude_from_pole", "longitude_of_projection_origin",
                 "longitude_of_central_meridian"):  # fmt: skip
        if name in said:
            said["straight_vertical_longitude_from_pole"] = said[name]
            break
    parallel = said.get("standard_parallel")
    if isinstance(parallel, list):
        said["standard_parallel"] = parallel[0]
    if "latitude_of_projection_origin" not in said:
        said["latitude_of_projection_origin"] = -90.0 if float(said.get("standard_parallel", 90.0)) < 0 else 90.0
    if "standard_parallel" not in said and "scale_factor_at_projection_origin" not in said:
        said["scale_factor_at_projection_origin"] = 1.0
    return said
