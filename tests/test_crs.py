"""Coordinate reference systems: every name of one finds it, and places are where independent formulas put them."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from poles.crs import LONLAT, crs, densified, is_lonlat, listed, transform, uri
from poles.errors import Invalid

LAMBERT = "http://www.opengis.net/def/crs/EPSG/0/2154"
lons = st.floats(-179, 179)
lats = st.floats(-85, 85)
quick = settings(max_examples=40, deadline=None)


@pytest.mark.parametrize(
    "name",
    ["EPSG:2154", "epsg:2154", "[EPSG:2154]", "2154", "urn:ogc:def:crs:EPSG::2154", LAMBERT, CRS(2154).to_wkt()],
)
def test_every_name_of_a_crs_finds_it(name: str) -> None:
    assert uri(crs(name)) == LAMBERT


def test_the_same_name_gives_the_same_object() -> None:
    assert crs("EPSG:3035") is crs("EPSG:3035")
    assert crs("CRS84") is LONLAT


def test_longitude_and_latitude_have_their_ogc_uri() -> None:
    assert uri(LONLAT) == "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    assert is_lonlat(crs("EPSG:4326"))
    assert not is_lonlat(crs("EPSG:4258"))


@pytest.mark.parametrize("name", ["", "EPSG:999999", "nonsense", "x" * 100_000])
def test_an_unknown_crs_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match=r"crs: .*; give"):
        crs(name)


def test_an_unregistered_crs_is_written_as_wkt() -> None:
    sphere = CRS.from_cf({"grid_mapping_name": "latitude_longitude", "earth_radius": 6371229.0})
    assert uri(crs(sphere)).startswith("GEOGCRS[")


@quick
@given(lons, lats)
def test_epsg_4326_is_read_longitude_first(lon: float, lat: float) -> None:
    assert transform(lon, lat, crs("EPSG:4326"), LONLAT) == (lon, lat)


@quick
@given(lons, lats)
def test_there_and_back_is_the_same_place(lon: float, lat: float) -> None:
    x, y = transform(lon, lat, LONLAT, crs("EPSG:3857"))
    assert transform(x, y, crs("EPSG:3857"), LONLAT) == pytest.approx((lon, lat), abs=1e-8)


@cache
def _rotated(radius: float | None) -> CRS:
    mapping = {"grid_mapping_name": "rotated_latitude_longitude", "grid_north_pole_latitude": 37.5,
               "grid_north_pole_longitude": 177.5}  # fmt: skip
    return crs(CRS.from_cf(mapping | ({"earth_radius": radius} if radius else {})))


@pytest.mark.parametrize("radius", [None, 6371229.0])
@quick
@given(x=st.floats(-20, 20), y=st.floats(-20, 20))
def test_a_rotated_pole_is_turned_and_not_shifted(radius: float | None, x: float, y: float) -> None:
    rx, ry, pole_lat, pole_lon = np.radians([x, y, 37.5, 177.5])
    lat = np.arcsin(np.sin(ry) * np.sin(pole_lat) + np.cos(ry) * np.cos(rx) * np.cos(pole_lat))
    lon = pole_lon + np.pi + np.arctan2(
        np.cos(ry) * np.sin(rx), np.cos(ry) * np.cos(rx) * np.sin(pole_lat) - np.sin(ry) * np.cos(pole_lat)
    )  # fmt: skip
    found = transform(x, y, _rotated(radius), LONLAT)
    assert (found[0] - np.degrees(lon) + 180) % 360 - 180 == pytest.approx(0, abs=1e-7)
    assert found[1] == pytest.approx(np.degrees(lat), abs=1e-7)
    assert transform(*found, LONLAT, _rotated(radius)) == pytest.approx((x, y), abs=1e-7)


def test_a_rotated_pole_reaches_a_projected_crs() -> None:
    place = transform(1.0, 2.0, _rotated(6371229.0), LONLAT)
    assert transform(1.0, 2.0, _rotated(6371229.0), crs("EPSG:3035")) == pytest.approx(
        transform(*place, LONLAT, crs("EPSG:3035"))
    )


def test_a_sphere_is_not_shifted_to_the_ellipsoid() -> None:
    mapping = {"grid_mapping_name": "stereographic", "earth_radius": 6378169.0, "latitude_of_projection_origin": 90.0,
               "longitude_of_projection_origin": -35.0, "scale_factor_at_projection_origin": 1.0}  # fmt: skip
    lon, lat = transform(2260004.5, -3821720.5, crs(CRS.from_cf(mapping)), LONLAT)
    rho = np.hypot(2260004.5, 3821720.5)
    assert lat == pytest.approx(90 - np.degrees(2 * np.arctan(rho / (2 * 6378169.0))), abs=1e-9)
    assert lon == pytest.approx(-35 + np.degrees(np.arctan2(2260004.5, 3821720.5)), abs=1e-9)


def test_arrays_give_arrays_and_what_is_beyond_is_infinite() -> None:
    x, _ = transform(np.array([0.0, 180.0]), np.array([0.0, 0.0]), LONLAT, crs("ESRI:54009"))
    assert x.shape == (2,)
    beyond, _ = transform(100.0, 0.0, LONLAT, crs("+proj=ortho +lon_0=0"))
    assert np.isinf(beyond)


def test_a_densified_edge_goes_around_the_box() -> None:
    x, y = densified(-10, 40, 20, 50, 8)
    assert (x.min(), x.max(), y.min(), y.max()) == (-10, 20, 40, 50)
    assert np.all((x == -10) | (x == 20) | (y == 40) | (y == 50))


def test_zones_are_offered_where_they_have_a_place_for_all() -> None:
    zone, conic = (f"http://www.opengis.net/def/crs/EPSG/0/{n}" for n in (32631, 2154))
    assert {zone, conic} <= set(listed(-5, 41, 10, 51))
    assert zone in listed(-25, 30, 45, 72)
    assert zone not in listed(-180, -56, 179, 83.6)  # Peru lies a quarter of the globe away
    assert conic in listed(-180, -56, 179, 83.6)
