"""Layouts that files come in, on cells one can see: whatever the names, orders, units and codes, the same grid."""

from typing import Any

import numpy as np
import pytest
from pyproj import CRS

from poles.crs import LONLAT, crs, transform
from poles.errors import Unreadable
from poles.grids.grid import Grid, grids, is_sampling
from poles.grids.horizontal import Rectilinear
from poles.grids.scattered import Cells
from poles.query import Box
from poles.stored import Opened, Stored

LON, LAT = [10.0, 11.0, 12.0], [40.0, 41.0]
VALUES = np.arange(6.0).reshape(2, 3)
"""v(y, x), rows northwards and columns eastwards."""
DAYS = {"units": "days since 2000-01-01"}
DAY = 86_400_000


def array(key: str, dims: str, values: Any, **attrs: Any) -> Stored:
    values = np.asarray(values)
    return Stored(
        key, tuple(dims.split()), values.shape, values.dtype, attrs,
        lambda slices: values[slices] if slices else values,
    )  # fmt: skip


def source(*arrays: Stored, **attrs: Any) -> Opened:
    return Opened({a.key: a for a in arrays}, attrs)


def lonlat(lon: Any = LON, lat: Any = LAT) -> list[Stored]:
    return [array("lon", "lon", lon, units="degrees_east"), array("lat", "lat", lat, units="degrees_north")]


def only(*arrays: Stored, **attrs: Any) -> Grid:
    (found,) = grids(source(*arrays, **attrs))
    return found


def read(grid: Grid, key: str = "v", **index: slice) -> np.ndarray:
    return grid.parameters[key].read(index)


def is_whole(grid: Grid) -> bool:
    """Whether a grid is that of `VALUES`."""
    assert isinstance(grid.horizontal, Rectilinear)
    assert grid.horizontal.x.tolist() == LON
    assert grid.horizontal.y.tolist() == LAT
    return bool((read(grid) == VALUES).all())


# --- order and names ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("flip", [1, -1])
@pytest.mark.parametrize("dims", ["lat lon", "lon lat"])
def test_neither_order_nor_direction_changes_a_grid(dims: str, flip: int, turn: int) -> None:
    values = VALUES[::flip, ::turn]
    v = array("v", dims, values if dims == "lat lon" else values.T)
    grid = only(*lonlat(LON[::turn], LAT[::flip]), v)
    assert is_whole(grid)
    assert read(grid, y=slice(1, 2), x=slice(0, 2)).tolist() == [[3, 4]]


NAMED = {
    "standard names": ({"standard_name": "longitude"}, {"standard_name": "latitude"}),
    "units": ({"units": "degree_E"}, {"units": "degreesN"}),
    "axis types": ({"_CoordinateAxisType": "Lon"}, {"_CoordinateAxisType": "Lat"}),
    "long names": ({"long_name": "Longitude"}, {"long_name": "latitude"}),
}


@pytest.mark.parametrize("said", NAMED)
def test_any_evidence_tells_longitude_and_latitude(said: str) -> None:
    a, b = NAMED[said]
    assert is_whole(only(array("p", "p", LON, **a), array("q", "q", LAT, **b), array("v", "q p", VALUES)))


@pytest.mark.parametrize("names", [(("lon", "p"), ("lat", "q")), (("x", "p"), ("y", "q"))])
def test_a_name_given_by_hand_wins(names: tuple[tuple[str, str], ...]) -> None:
    assert is_whole(
        grids(source(array("p", "p", LON), array("q", "q", LAT), array("v", "q p", VALUES)), names=names)[0]
    )


def test_auxiliary_axes_of_dimensions_without_namesakes_are_found() -> None:
    a, b = array("east", "i", LON, units="degrees_east"), array("north", "j", LAT, units="degrees_north")
    assert is_whole(only(a, b, array("v", "j i", VALUES, coordinates="east, north")))


def test_the_namesake_of_a_dimension_comes_before_an_auxiliary() -> None:
    other = array("release_lon", "time", [1.0, 2.0], units="degrees_east")
    time = array("time", "time", [0, 1], **DAYS)
    grid = only(*lonlat(), time, other, array("v", "time lat lon", np.stack([VALUES, VALUES])))
    assert grid.horizontal.shape == (2, 3)
    assert list(grid.parameters) == ["v"]


def test_two_places_for_one_array_are_refused() -> None:
    found = [array(n, "j i", np.ones((2, 3)) * 3, units=u) for n, u in
             (("a", "degrees_east"), ("b", "degrees_north"), ("c", "degrees_east"))]  # fmt: skip
    with pytest.raises(Unreadable, match="a, b or c, b"):
        grids(source(*found, array("v", "j i", VALUES)))
    assert grids(source(*found, array("v", "j i", VALUES, coordinates="a b")))


def test_groups_have_their_own_dimensions_and_dotted_keys() -> None:
    arrays = []
    for group, east in (("A", 10.0), ("B", 50.0)):
        arrays += [
            array(f"{group}/lon", f"{group}/lon", np.array(LON) + east - 10, units="degrees_east"),
            array(f"{group}/lat", f"{group}/lat", LAT, units="degrees_north"),
            array(f"{group}/data/v", f"{group}/lat {group}/lon", VALUES),
        ]
    one, other = grids(source(*arrays, array("A/data/w", "A/lat A/lon", VALUES)))
    assert list(one.parameters) == ["A.data.v", "w"]
    assert list(other.parameters) == ["B.data.v"]
    assert isinstance(other.horizontal, Rectilinear)
    assert other.horizontal.x.tolist() == [50, 51, 52]


# --- longitudes --------------------------------------------------------------------------------------------------


def test_a_column_that_comes_again_is_dropped() -> None:
    lon = np.arange(0.0, 361.0, 90.0)
    values = np.arange(10.0).reshape(2, 5)
    for turn in (1, -1):
        grid = only(*lonlat(lon[::turn]), array("v", "lat lon", values[:, ::turn]))
        assert grid.horizontal.shape == (2, 4)
        assert read(grid).tolist() == values[:, :4].tolist()
        assert grid.horizontal.nearest([(359.0, 40.0), (-1.0, 40.0), (90.0, 41.0)], LONLAT) == [(0, 0), (0, 0), (1, 1)]


def test_longitudes_that_jump_run_on() -> None:
    grid = only(*lonlat([359.5, 0.5, 1.5]), array("v", "lat lon", VALUES))
    assert isinstance(grid.horizontal, Rectilinear)
    assert grid.horizontal.x.tolist() == [359.5, 360.5, 361.5]
    assert grid.horizontal.window(None, LONLAT).x.tolist() == [-0.5, 0.5, 1.5]


def test_two_longitudes_on_both_sides_of_greenwich_are_neighbours() -> None:
    grid = only(*lonlat([359.0, 1.0]), array("v", "lat lon", VALUES[:, :2]))
    assert grid.horizontal.nearest([(0.5, 40.0), (-0.5, 40.0)], LONLAT) == [(0, 1), (0, 0)]


def test_what_is_monotonic_is_not_unwrapped() -> None:
    grid = only(*lonlat([0.5, 340.5, 350.5]), array("v", "lat lon", VALUES))
    assert isinstance(grid.horizontal, Rectilinear)
    assert grid.horizontal.x.tolist() == [0.5, 340.5, 350.5]


def test_short_decimals_of_float32_stay_short() -> None:
    grid = only(*lonlat(np.array([3.1, 3.2, 3.3], np.float32)), array("v", "lat lon", VALUES))
    assert grid.horizontal.place((0, 0)) == (3.1, 40.0)
    west = float(np.float32(3.1))
    assert grid.horizontal.window(Box(west, 40.0, float(np.float32(3.3)), 41.0), LONLAT).x.tolist() == [3.1, 3.2, 3.3]


def test_radians_become_degrees() -> None:
    lon = array("lon", "lon", np.radians(LON), units="radian", standard_name="longitude")
    lat = array("lat", "lat", np.radians(LAT), units="radian", standard_name="latitude")
    grid = only(lon, lat, array("v", "lat lon", VALUES))
    assert isinstance(grid.horizontal, Rectilinear)
    assert grid.horizontal.x.tolist() == pytest.approx(LON)


def test_a_rotated_pole_in_radians_is_turned_once() -> None:
    said = {"grid_mapping_name": "rotated_latitude_longitude", "grid_north_pole_latitude": 39.25,
            "grid_north_pole_longitude": -162.0}  # fmt: skip
    axes = [array(n, n, np.radians(v), units="radians", standard_name=s)
            for n, v, s in (("rlon", LON, "grid_longitude"), ("rlat", LAT, "grid_latitude"))]  # fmt: skip
    grid = only(*axes, array("crs", "", 0, **said), array("v", "rlat rlon", VALUES, grid_mapping="crs"))
    assert isinstance(grid.horizontal, Rectilinear)
    assert grid.horizontal.x.tolist() == pytest.approx(LON)


@pytest.mark.parametrize("lat", [[40.0, np.nan], [40.0, 40.0]])
def test_an_axis_that_cannot_be_ordered_is_refused(lat: list[float]) -> None:
    with pytest.raises(Unreadable, match="lat: "):
        grids(source(*lonlat(lat=lat), array("v", "lat lon", VALUES)))


# --- projections -------------------------------------------------------------------------------------------------

LAMBERT = CRS("EPSG:2154")
X, Y = 600_000 + 1000.0 * np.arange(3), 6_200_000 + 1000.0 * np.arange(2)


def flat(scale: float = 1.0, **attrs: Any) -> list[Stored]:
    return [array("x", "x", X * scale, **attrs), array("y", "y", Y * scale, **attrs)]


def mapping(**attrs: Any) -> Stored:
    return array("crs", "", 0, **attrs)


def is_lambert(grid: Grid) -> bool:
    lon, lat = transform(X[1], Y[0], LAMBERT, LONLAT)
    return grid.horizontal.nearest([(lon, lat)], LONLAT) == [(0, 1)] and grid.horizontal.lonlat(
        (0, 1)
    ) == pytest.approx((lon, lat), abs=1e-8)


@pytest.mark.parametrize("attrs", [
    {"units": "m", "standard_name": "projection_x_coordinate"}, {"units": "metres"}, {},
])  # fmt: skip
def test_a_projection_is_found_by_its_mapping(attrs: dict[str, Any]) -> None:
    axes = [array("x", "x", X, **attrs), array("y", "y", Y, **{k: v.replace("_x_", "_y_") for k, v in attrs.items()})]
    v = array("v", "y x", VALUES, grid_mapping="crs")
    for said in (LAMBERT.to_cf(), {"spatial_ref": LAMBERT.to_wkt()}, {"crs_wkt": LAMBERT.to_wkt()}):
        assert is_lambert(only(*axes, mapping(**said), v))


def test_a_variable_that_names_no_mapping_has_the_only_one_of_the_file() -> None:
    assert is_lambert(only(*flat(units="m"), mapping(**LAMBERT.to_cf()), array("v", "y x", VALUES)))
    assert is_lambert(
        only(*flat(units="m"), mapping(**LAMBERT.to_cf()), array("v", "y x", VALUES, grid_mapping="gone"))
    )


def test_kilometres_become_metres() -> None:
    assert is_lambert(only(*flat(0.001, units="km"), mapping(**LAMBERT.to_cf()), array("v", "y x", VALUES)))


def test_the_long_form_of_grid_mapping_names_one_for_these_axes() -> None:
    other = array("other", "", 0, **CRS(4326).to_cf())
    v = array("v", "y x", VALUES, grid_mapping="other: lat lon crs: x y")
    assert is_lambert(only(*flat(units="m"), mapping(**LAMBERT.to_cf()), other, v))


def test_metres_without_a_crs_are_refused_unless_one_is_given() -> None:
    opened = source(*flat(units="m"), array("v", "y x", VALUES))
    with pytest.raises(Unreadable, match="give --crs"):
        grids(opened)
    assert not is_sampling(opened)
    assert is_lambert(grids(opened, "EPSG:2154")[0])
    assert is_lambert(grids(source(*flat(), array("v", "y x", VALUES)), "EPSG:2154")[0])


def test_a_crs_that_is_given_wins() -> None:
    wrong = mapping(**CRS(32631).to_cf())
    assert is_lambert(grids(source(*flat(units="m"), wrong, array("v", "y x", VALUES)), "EPSG:2154")[0])


def field(shift: float = 0.0) -> list[Stored]:
    lon, lat = transform(*np.meshgrid(X, Y), LAMBERT, LONLAT)
    return [
        array("lon", "y x", lon + shift, units="degrees_east"),
        array("lat", "y x", lat, units="degrees_north"),
    ]


def test_a_projection_that_leads_to_the_coordinates_of_cells_is_taken() -> None:
    grid = only(
        *flat(units="m"), *field(), mapping(**LAMBERT.to_cf()), array("v", "y x", VALUES, coordinates="lon lat")
    )
    assert isinstance(grid.horizontal, Rectilinear)
    assert grid.mended == ()
    assert is_lambert(grid)


def test_a_projection_that_leads_elsewhere_is_not_taken_and_that_is_said() -> None:
    grid = only(*flat(units="m"), *field(0.05), mapping(**LAMBERT.to_cf()), array("v", "y x", VALUES))
    assert not isinstance(grid.horizontal, Rectilinear)
    assert "does not lead to lon and lat" in grid.mended[0]
    lon, lat = transform(X[1], Y[0], LAMBERT, LONLAT)
    assert grid.horizontal.lonlat((0, 1)) == pytest.approx((lon + 0.05, lat), abs=1e-8)


def test_coordinates_of_cells_place_what_has_no_mapping() -> None:
    grid = only(*flat(units="m"), *field(), array("v", "y x", VALUES))
    assert not isinstance(grid.horizontal, Rectilinear)
    assert read(grid, y=slice(1, 2), x=slice(2, 3)).tolist() == [[5]]


@pytest.mark.parametrize("packed", [False, True])
def test_a_geostationary_scan_is_scaled_by_the_height(packed: bool) -> None:
    height = 35786023.0
    said = {
        "grid_mapping_name": "geostationary", "perspective_point_height": height, "semi_major_axis": 6378137.0,
        "semi_minor_axis": 6356752.31414, "longitude_of_projection_origin": -75.0, "sweep_angle_axis": "x",
    }  # fmt: skip
    x, y = np.array([-1, 0, 1]) * 5.6e-5, np.array([1, 0]) * 5.6e-5
    packing = {"scale_factor": 5.6e-5, "add_offset": 0.0} if packed else {}
    axes = [
        array(n, n, np.rint(v / 5.6e-5).astype(np.int16) if packed else v, units="rad", **packing,
              standard_name=f"projection_{n}_coordinate")
        for n, v in (("x", x), ("y", y))
    ]  # fmt: skip
    grid = only(*axes, mapping(**said), array("v", "y x", VALUES, grid_mapping="crs"))
    lon, lat = grid.horizontal.lonlat((0, 1))
    assert (lon, lat) == pytest.approx((-75, 0), abs=1e-9)
    east = grid.horizontal.lonlat((0, 2))[0]
    assert east + 75 == pytest.approx(np.degrees(5.6e-5 * (height) / 6378137.0), rel=1e-3)
    assert read(grid).tolist() == VALUES[::-1].tolist()


def test_axes_of_a_raster_library_without_attributes_are_those_of_its_mapping() -> None:
    geographic = mapping(crs_wkt=CRS(4326).to_wkt(), grid_mapping_name="latitude_longitude")
    grid = only(array("x", "x", LON), array("y", "y", LAT), geographic, array("v", "y x", VALUES))
    assert is_whole(grid)
    assert grid.horizontal.crs is LONLAT


def test_another_datum_stays_another_datum() -> None:
    v = array("v", "lat lon", VALUES, grid_mapping="crs")
    grid = only(*lonlat(), mapping(crs_wkt=CRS(4267).to_wkt()), v)
    assert grid.horizontal.crs == CRS(4267)
    assert grid.horizontal.lonlat((0, 0)) != (10.0, 40.0) or grid.horizontal.place((0, 0)) == (10.0, 40.0)


def test_a_sphere_is_read_as_longitude_and_latitude() -> None:
    v = array("v", "lat lon", VALUES, grid_mapping="crs")
    said = {"grid_mapping_name": "latitude_longitude", "earth_radius": 6371229.0}
    assert only(*lonlat(), mapping(**said), v).horizontal.crs is LONLAT


def test_a_sheared_raster_has_pixels_and_an_affine() -> None:
    affine = (900.0, 200.0, 600_000.0, 150.0, -950.0, 6_220_000.0)
    grid = only(mapping(crs_wkt=LAMBERT.to_wkt(), affine=affine), array("v", "y x", VALUES, grid_mapping="crs"))
    assert isinstance(grid.horizontal, Rectilinear)
    assert grid.horizontal.affine == affine
    x, y = grid.horizontal.place((1, 2))
    assert (x, y) == (900 * 2.5 + 200 * 1.5 + 600_000, 150 * 2.5 - 950 * 1.5 + 6_220_000)
    assert grid.horizontal.nearest([(x, y)], crs("EPSG:2154")) == [(1, 2)]


# --- curvilinear and cells ---------------------------------------------------------------------------------------


def test_coordinates_transposed_against_the_data_are_read_by_their_dimensions() -> None:
    lon, lat = np.meshgrid(LON, LAT)
    a = array("lon", "x y", lon.T, units="degrees_east")
    b = array("lat", "x y", lat.T, units="degrees_north")
    grid = only(a, b, array("v", "y x", VALUES), array("w", "x y", VALUES.T))
    assert grid.horizontal.nearest([(12.0, 41.0)], LONLAT) == [(1, 2)]
    for key in "vw":
        assert read(grid, key, y=slice(1, 2), x=slice(2, 3)).tolist() == [[5]]


def test_coordinates_repeated_at_every_time_are_those_of_the_first() -> None:
    lon, lat = (np.stack([a, a]) for a in np.meshgrid(LON, LAT))
    arrays = [
        array("Time", "Time", [0, 1], **DAYS), array("XLONG", "Time south_north west_east", lon, units="degree_east"),
        array("XLAT", "Time south_north west_east", lat, units="degree_north"),
    ]  # fmt: skip
    v = array("T2", "Time south_north west_east", np.stack([VALUES, VALUES + 6]), coordinates="XLONG XLAT XTIME")
    grid = only(*arrays, v)
    assert grid.horizontal.nearest([(11.0, 41.0)], LONLAT) == [(1, 1)]
    assert grid.parameters["T2"].axes == ("t", "y", "x")
    moving = array("XLONG", "Time south_north west_east", lon + np.arange(2)[:, None, None], units="degree_east")
    with pytest.raises(Unreadable, match="move with time"):
        grids(source(arrays[0], moving, arrays[2], v))


def test_staggered_points_are_grids_of_their_own() -> None:
    lon, lat = np.meshgrid(LON, LAT)
    arrays = []
    for k, (n, shift) in {"rho": (3, 0.0), "u": (2, 0.5)}.items():
        arrays += [
            array(f"lon_{k}", f"eta_{k} xi_{k}", lon[:, :n] + shift, units="degrees_east"),
            array(f"lat_{k}", f"eta_{k} xi_{k}", lat[:, :n], units="degrees_north"),
            array({"rho": "zeta", "u": "u"}[k], f"eta_{k} xi_{k}", VALUES[:, :n], coordinates=f"lon_{k} lat_{k}"),
        ]
    one, other = grids(source(*arrays))
    assert (list(one.parameters), list(other.parameters)) == (["zeta"], ["u"])
    assert other.horizontal.lonlat((0, 0)) == (10.5, 40.0)


def test_a_swath_has_a_time_a_cell() -> None:
    lon, lat = np.meshgrid(LON, LAT)
    place = [array("lon", "row cell", lon, units="degrees_east"), array("lat", "row cell", lat, units="degrees_north")]
    for dims, days in (("row cell", np.arange(6).reshape(2, 3)), ("row", np.arange(2))):
        grid = only(*place, array("time", dims, days, **DAYS), array("v", "row cell", VALUES))
        assert grid.axes == ()
        assert list(grid.parameters) == ["v"]
        assert grid.cell_times is not None
        times, calendar = grid.cell_times[0](), grid.cell_times[1]
        expected = days if days.ndim == 2 else np.repeat(days[:, None], 3, axis=1)
        assert ((times - times[0, 0]) // DAY).tolist() == expected.tolist()
        assert calendar == "standard"


def test_cells_along_one_dimension_are_cells_where_times_run_along_another() -> None:
    lon, lat = array("lon", "n", LON, units="degrees_east"), array("lat", "n", [40.0, 40, 40], units="degrees_north")
    time, v = array("time", "time", [0, 1], **DAYS), array("v", "time n", VALUES)
    grid = only(lon, lat, time, v)
    assert isinstance(grid.horizontal, Cells)
    assert grid.parameters["v"].axes == ("t", "cell")
    assert read(grid, t=slice(1, 2), cell=slice(2, 3)).tolist() == [[5]]
    along = source(lon, lat, array("time", "n", [0, 1, 2], **DAYS), array("v", "n", LON))
    assert is_sampling(along)
    with pytest.raises(Unreadable):
        grids(along)


def test_cells_in_radians_with_corners_are_polygons() -> None:
    corners = np.radians([[9.5, 10.5, 10.0], [10.5, 11.5, 11.0], [11.5, 12.5, 12.0]])
    heights = np.radians([[39.5, 39.5, 40.5]] * 3)
    said = {"standard_name": "longitude", "units": "radian"}, {"standard_name": "latitude", "units": "radian"}
    arrays = [
        array("clon", "ncells", np.radians(LON), bounds="clon_vertices", **said[0]),
        array("clat", "ncells", np.radians([39.8] * 3), bounds="clat_vertices", **said[1]),
        array("clon_vertices", "ncells nv", corners), array("clat_vertices", "ncells nv", heights),
    ]  # fmt: skip
    grid = only(*arrays, array("v", "ncells", LON, coordinates="clon clat", CDI_grid_type="unstructured"))
    assert grid.horizontal.nearest([(10.0, 40.4), (10.4, 39.6), (10.45, 40.4)], LONLAT) == [(0,), (0,), None]


def test_the_faces_of_a_mesh_reach_to_their_nodes() -> None:
    arrays = [
        array("mesh", "", 0, cf_role="mesh_topology", topology_dimension=2, node_coordinates="nx ny",
              face_node_connectivity="faces", face_coordinates="fx fy"),
        array("nx", "node", [0.0, 1, 1, 0, 2], units="degrees_east"),
        array("ny", "node", [0.0, 0, 1, 1, 0], units="degrees_north"),
        array("fx", "face", [0.5, 1.3], units="degrees_east"), array("fy", "face", [0.5, 0.3], units="degrees_north"),
        array("faces", "face corner", np.array([[1, 2, 3, 4], [2, 5, 3, -1]]), cf_role="face_node_connectivity",
              start_index=1, _FillValue=-1),
        array("v", "face", [7.0, 8.0], mesh="mesh", location="face"),
        array("w", "node", [1.0, 2, 3, 4, 5], mesh="mesh", location="node"),
    ]  # fmt: skip
    faces, nodes = sorted(grids(source(*arrays)), key=lambda g: g.horizontal.shape)
    assert faces.horizontal.nearest([(0.9, 0.9), (1.9, 0.05), (3.0, 3.0)], LONLAT) == [(0,), (1,), None]
    assert (list(faces.parameters), list(nodes.parameters)) == (["v"], ["w"])


# --- other axes --------------------------------------------------------------------------------------------------


def cube(*more: Stored, dims: str = "a lat lon", n: int = 2, **attrs: Any) -> Grid:
    values = np.arange(n)[:, None, None] * 100 + VALUES
    return only(*lonlat(), *more, array("v", dims, values, **attrs))


def test_levels_are_increasing_and_keep_their_direction() -> None:
    z = array("a", "a", [1000.0, 500.0], units="hPa", bounds="b")
    grid = cube(z, array("b", "a nv", [[1100.0, 900], [600, 400]]))
    (axis,) = grid.axes
    assert (axis.name, axis.key, axis.unit, axis.positive) == ("z", "a", "hPa", "down")
    assert axis.values.tolist() == [500, 1000]
    assert axis.bounds is not None
    assert axis.bounds.tolist() == [[400, 600], [900, 1100]]
    assert read(grid, z=slice(0, 1)).ravel()[0] == 100


@pytest.mark.parametrize(("attrs", "way"), [
    ({"standard_name": "depth", "units": "m"}, "down"), ({"standard_name": "height", "units": "m"}, "up"),
    ({"units": "m", "positive": "down"}, "down"), ({"axis": "Z"}, None),
    ({"standard_name": "model_level_number"}, None), ({"units": "millibars"}, "down"),
])  # fmt: skip
def test_levels_of_any_kind_are_z(attrs: dict[str, str], way: str | None) -> None:
    (axis,) = cube(array("a", "a", [1.0, 2.0], **attrs)).axes
    assert (axis.name, axis.positive) == ("z", way)


def test_edges_are_the_bounds_of_the_cells_between_them() -> None:
    z = array("a", "a", [1.0, 3.0], positive="down", edges="e")
    (axis,) = cube(z, array("e", "e", [0.0, 2.0, 4.0])).axes
    assert axis.bounds is not None
    assert axis.bounds.tolist() == [[0, 2], [2, 4]]


def test_packed_bounds_are_unpacked_as_their_axis() -> None:
    packed = {"scale_factor": 0.5, "add_offset": 1.0}
    z = array("a", "a", np.array([0, 2], np.int16), positive="down", bounds="b", **packed)
    (axis,) = cube(z, array("b", "a nv", np.array([[-1, 1], [1, 3]], np.int16))).axes
    assert axis.values.tolist() == [1, 2]
    assert axis.bounds is not None
    assert axis.bounds.tolist() == [[0.5, 1.5], [1.5, 2.5]]


def test_times_are_whole_milliseconds_and_turned_to_run_forwards() -> None:
    time = array("a", "a", [1, 0], standard_name="time", bounds="b", **DAYS)
    grid = cube(time, array("b", "a nv", [[1.0, 2.0], [0.0, 1.0]]))
    (axis,) = grid.axes
    assert (axis.name, axis.calendar, axis.values.dtype) == ("t", "standard", np.int64)
    assert np.diff(axis.values).tolist() == [DAY]
    assert axis.bounds is not None
    assert (axis.bounds - axis.values[0]).tolist() == [[0, DAY], [DAY, 2 * DAY]]
    assert read(grid, t=slice(0, 1)).ravel()[0] == 100


@pytest.mark.parametrize("unit", ["hours", "days since 0.0"])
def test_a_time_without_a_date_is_a_plain_axis(unit: str) -> None:
    (axis,) = cube(array("time", "time", [6.0, 12.0], units=unit), dims="time lat lon").axes
    assert (axis.name, axis.values.tolist(), axis.unit) == ("time", [6, 12], unit)


def test_the_auxiliary_that_has_a_meaning_names_a_dimension_without_a_namesake() -> None:
    time = array("time_instant", "counter", [0, 1], standard_name="time", **DAYS)
    (axis,) = cube(time, dims="counter lat lon", coordinates="time_instant").axes
    assert axis.name == "t"


def test_dates_in_texts_are_times() -> None:
    texts = array("Times", "Time", np.array(["2000-01-01_00:00:00", "2000-01-02_00:00:00"], object))
    (axis,) = cube(texts, dims="Time lat lon").axes
    assert (axis.name, axis.key, np.diff(axis.values).tolist()) == ("t", "Times", [DAY])


def test_the_valid_time_comes_before_the_start_of_a_forecast() -> None:
    start = array("start", "time", [0, 0], standard_name="forecast_reference_time", **DAYS)
    (axis,) = cube(array("time", "time", [0, 1], **DAYS), start, dims="time lat lon", coordinates="start").axes
    assert (axis.name, axis.key) == ("t", "time")


def test_members_and_percentiles_are_called_by_their_cf_name() -> None:
    (axis,) = cube(array("ens", "ens", [0, 1], standard_name="realization"), dims="ens lat lon").axes
    assert (axis.name, axis.key, axis.values.tolist()) == ("realization", "ens", [0, 1])
    (axis,) = cube(array("pctl", "pctl", [5.0, 95.0], units="%"), dims="pctl lat lon").axes
    assert axis.name == "pctl"


def test_labels_are_kept_in_the_order_of_the_file() -> None:
    labels = array("band", "band", np.array(["red", "blue"], object))
    (axis,) = cube(labels, dims="band lat lon").axes
    assert (axis.name, axis.values.tolist()) == ("band", ["red", "blue"])


def test_a_dimension_without_coordinate_or_order_is_counted() -> None:
    assert cube(dims="layer lat lon").axes[0].values.tolist() == [0, 1]
    same = array("member", "m", [4, 4], standard_name="realization")
    (axis,) = cube(same, dims="m lat lon", coordinates="member").axes
    assert (axis.name, axis.values.tolist()) == ("realization", [0, 1])


def test_a_dimension_of_one_that_means_nothing_is_dropped() -> None:
    grid = cube(dims="layer lat lon", n=1)
    assert grid.axes == ()
    assert is_whole(grid)


def test_scalars_are_axes_of_one() -> None:
    time, height = (
        array("t0", "", 3, **DAYS, standard_name="time"),
        array("h", "", 2.0, standard_name="height", units="m"),
    )
    grid = only(*lonlat(), time, height, array("v", "lat lon", VALUES, coordinates="t0 h"))
    assert [(a.name, len(a)) for a in grid.axes] == [("t", 1), ("z", 1)]
    assert grid.parameters["v"].axes == ("t", "z", "y", "x")
    assert read(grid).shape == (1, 1, 2, 3)
    assert read(grid, y=slice(0, 1), x=slice(1, 2)).tolist() == [[[[1]]]]


def test_a_scalar_beside_an_axis_of_its_kind_is_left() -> None:
    z, surface = array("a", "a", [0.0, 1.0], positive="down"), array("h", "", 2.0, standard_name="height")
    assert [a.key for a in cube(z, surface, coordinates="h").axes] == ["a"]


def test_every_parameter_is_served_though_two_have_levels_of_their_own() -> None:
    arrays = [*lonlat(), array("zt", "zt", [0.0, 1.0], axis="Z"), array("zw", "zw", [0.5, 1.5, 2.5], axis="Z")]
    three = np.zeros((3, 2, 3))
    found = grids(source(
        *arrays, array("t", "zt lat lon", three[:2]), array("w", "zw lat lon", three), array("s", "lat lon", VALUES),
        array("u", "zt lat lon", three[:2]),
    ))  # fmt: skip
    assert [(list(g.parameters), [len(a) for a in g.axes]) for g in found] == [(["t", "s", "u"], [2]), (["w"], [3])]
    assert found[0].horizontal is found[1].horizontal


def test_a_second_vertical_of_one_parameter_is_called_as_the_file_calls_it() -> None:
    arrays = [array("z1", "z1", [0.0, 1.0], axis="Z"), array("z2", "z2", [5.0, 6.0], axis="Z", standard_name="height")]
    grid = only(*lonlat(), *arrays, array("v", "z1 z2 lat lon", np.zeros((2, 2, 2, 3))))
    assert [a.name for a in grid.axes] == ["height", "z"]


def test_axes_come_in_canonical_order_whatever_the_file_has() -> None:
    arrays = [
        array("time", "time", [0, 1], **DAYS), array("z", "z", [1.0, 0.0], positive="down"),
        array("ens", "ens", [0, 1, 2], standard_name="realization"),
    ]  # fmt: skip
    whole = np.arange(2 * 3 * 2 * 6.0).reshape(2, 3, 2, 2, 3)
    stored = whole[:, :, ::-1].transpose(4, 2, 1, 3, 0)
    grid = only(*lonlat(), *arrays, array("v", "lon z ens lat time", stored))
    assert grid.parameters["v"].axes == ("t", "realization", "z", "y", "x")
    assert (read(grid) == whole).all()
    some = read(grid, t=slice(1, 2), z=slice(1, 2), realization=slice(0, 2), x=slice(1, 3))
    assert (some == whole[1:2, 0:2, 1:2, :, 1:3]).all()


# --- values ------------------------------------------------------------------------------------------------------


def values(raw: Any, **attrs: Any) -> np.ndarray:
    raw = np.asarray(raw)
    return read(only(*lonlat(), array("v", "lat lon", raw.reshape(2, 3), **attrs))).ravel()


def test_every_missing_code_is_missing_and_zero_is_not() -> None:
    raw = np.array([0, -1, -2, 3, 4, 5], np.int16)
    for attrs in ({"_FillValue": -1, "missing_value": -2}, {"missing_value": np.array([-1.0, -2.0])},
                  {"_FillValue": "-1", "missing_value": "-2"}, {"_FillValue": np.array([-1, -2])}):  # fmt: skip
        found = values(raw, **attrs)
        assert found.dtype == np.float32
        assert np.isnan(found).tolist() == [False, True, True, False, False, False]
        assert found[0] == 0


def test_a_missing_code_is_taken_into_the_type_of_the_data() -> None:
    raw = np.array([1e20, 0, 1, 2, 3, 4], np.float32)
    assert np.isnan(values(raw, missing_value=1e20)[0])
    assert values(raw, missing_value=1e20).dtype == np.float32
    assert values(np.arange(6, dtype=np.int8), missing_value=1e30).dtype == np.int8


def test_what_was_never_written_is_missing() -> None:
    assert np.isnan(values(np.array([9.969209968386869e36, 0, 1, 2, 3, 4], np.float32))[0])
    assert np.isnan(values(np.array([-2147483647, 0, 1, 2, 3, 4], np.int32))[0])
    assert values(np.array([-2147483647, 0, 1, 2, 3, 4], np.int32), _FillValue=7)[0] == -2147483647


def test_integers_that_cannot_be_missing_stay_integers() -> None:
    found = values(np.array([-127, 0, 1, 2, 3, 127], np.int8))
    assert (found.dtype, found.tolist()) == (np.int8, [-127, 0, 1, 2, 3, 127])


def test_large_integers_are_not_rounded() -> None:
    raw = np.array([2**24 + 1, 0, 1, 2, 3, -9], np.int32)
    assert values(raw, _FillValue=-9)[0] == 2**24 + 1


def test_packed_numbers_are_computed_in_double() -> None:
    raw = np.array([18329, -32767, 0, 1, 2, 3], np.int16)
    attrs = {"scale_factor": 0.00027093437217759085, "add_offset": 4.152551605567817, "_FillValue": np.int16(-32767)}
    found = values(raw, **attrs)
    assert found.dtype == np.float32
    assert found[0] == pytest.approx(9.11850771321088, rel=1e-7)
    assert np.isnan(found[1])
    assert values(raw.astype(np.int32), **attrs).dtype == np.float64


def test_unsigned_numbers_in_signed_ones_are_read_so() -> None:
    raw = np.array([-1, -2, 0, 1, 2, 3], np.int8)
    found = values(raw, _Unsigned="true", _FillValue=np.int8(-1), scale_factor=0.5)
    assert np.isnan(found[0])
    assert found[1:].tolist() == [127, 0, 0.5, 1, 1.5]


def test_a_valid_range_hides_nothing() -> None:
    assert values(np.arange(6.0), valid_range=np.array([2.0, 3.0]), valid_min=3.0).tolist() == [0, 1, 2, 3, 4, 5]


def test_reading_leaves_the_stored_values_as_they_are() -> None:
    raw = np.array([[1.0, -9, 3], [4, 5, 6]])
    grid = only(*lonlat(), array("v", "lat lon", raw, _FillValue=-9.0))
    assert np.isnan(read(grid)).sum() == 1
    assert raw[0, 1] == -9


def test_texts_are_objects_and_empty_ones_are_none() -> None:
    found = values(np.array(["a", "", "b", "c", "d", "e"], object))
    assert found.tolist() == ["a", None, "b", "c", "d", "e"]


def test_a_parameter_that_is_a_time_is_served_as_numbers() -> None:
    grid = only(*lonlat(), array("onset", "lat lon", VALUES, **DAYS, standard_name="time_of_maximum"))
    assert read(grid, "onset").tolist() == VALUES.tolist()


def test_flags_are_categories() -> None:
    flags = {"flag_values": np.array([0, 1], np.int8), "flag_meanings": "clear thick_cloud"}
    grid = only(*lonlat(), array("v", "lat lon", np.zeros((2, 3), np.int8), **flags))
    assert [(c.value, c.label.en) for c in grid.parameters["v"].description.categories] == [
        (0, "clear"),
        (1, "thick cloud"),
    ]
    masks = {"flag_masks": np.array([1, 2], np.int8), "flag_meanings": "land ice"}
    grid = only(*lonlat(), array("v", "lat lon", np.zeros((2, 3), np.int8), **masks))
    assert [c.value for c in grid.parameters["v"].description.categories] == [1, 2]


def test_a_band_of_a_raster_has_no_default_missing_value() -> None:
    x = array("x", "x", X, standard_name="projection_x_coordinate")
    y = array("y", "y", Y[::-1], standard_name="projection_y_coordinate")
    raw = np.array([[65535, 0, 1], [2, 3, 4]], np.uint16)
    grid = only(x, y, mapping(crs_wkt=LAMBERT.to_wkt()), array("v", "y x", raw, grid_mapping="crs"))
    assert read(grid).tolist() == raw[::-1].tolist()
    assert read(grid).dtype == np.uint16


# --- what is a parameter -----------------------------------------------------------------------------------------


def test_coordinates_bounds_mappings_and_counts_are_no_parameters() -> None:
    arrays = [
        array("lon", "lon", LON, units="degrees_east", bounds="lon_bnds"),
        array("lon_bnds", "lon nv", np.zeros((3, 2))),
        *lonlat()[1:], mapping(grid_mapping_name="latitude_longitude"), array("count", "lat", [1, 2]),
        array("palette", "rgb colour", np.zeros((3, 256))), array("title", "", "x"),
    ]  # fmt: skip
    assert list(only(*arrays, array("v", "lat lon", VALUES)).parameters) == ["v"]


def test_what_declares_samples_is_no_grid() -> None:
    arrays = (*lonlat([5.0], [45.0]), array("v", "lat lon", [[1.0]]))
    for said in ("timeSeries", "PROFILE", "trajectoryProfile"):
        assert is_sampling(source(*arrays, featureType=said))
    for said in ("Grid", "swath", ""):
        assert not is_sampling(source(*arrays, featureType=said))


def test_a_dimension_of_times_is_never_a_horizontal() -> None:
    time = array("time", "time", [0, 1], **DAYS)
    lon = array("lon", "time ray", np.ones((2, 3)), units="degrees_east")
    lat = array("lat", "time ray", np.ones((2, 3)), units="degrees_north")
    opened = source(time, lon, lat, array("v", "time ray", VALUES))
    assert is_sampling(opened)
    with pytest.raises(Unreadable):
        grids(opened)


def test_what_was_wrong_is_said() -> None:
    time = array("time", "time", [6.0, 12.0], units="hours")
    v = array("v", "time lat lon", np.zeros((2, 2, 3)), grid_mapping="crs")
    assert only(*lonlat([359.0, 0.0, 1.0]), time, v).mended == (
        "lon: longitudes jump; they are read as running on",
        "crs: the grid mapping is missing; read as CRS84",
        "time: 'hours' counts from no date; kept as numbers",
    )
    assert only(*lonlat(), array("v", "lat lon", VALUES)).mended == ()


def test_an_array_over_one_dimension_twice_is_no_parameter() -> None:
    twice = array("covariance", "lat lat lon", np.zeros((2, 2, 3)))
    assert list(only(*lonlat(), twice, array("v", "lat lon", VALUES)).parameters) == ["v"]


def test_one_array_that_cannot_be_placed_does_not_hide_the_others() -> None:
    grid = only(*lonlat(), array("v", "lat lon", VALUES), *flat(units="m"), array("w", "y x", VALUES))
    assert list(grid.parameters) == ["v"]
    assert grid.mended == ("w: x and y have no CRS; left out",)
