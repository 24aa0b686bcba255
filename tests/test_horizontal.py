"""Where cells lie: laws over axes and shapes of every kind, each against a count of cells one by one."""

from functools import cache
from itertools import pairwise
from math import inf

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from poles.crs import LONLAT, crs, transform
from poles.errors import TooLarge
from poles.grids.curvilinear import Curvilinear
from poles.grids.horizontal import Rectilinear, Selection
from poles.grids.line import Line, line
from poles.grids.scattered import Cells, Scattered
from poles.query import Box

quick = settings(max_examples=40, deadline=None)
LAMBERT = crs("EPSG:2154")


def lonlat(lons: np.ndarray, lats: np.ndarray) -> Rectilinear:
    return Rectilinear(LONLAT, line(lons, turning=True), line(lats, polar=True))


WORLD = lonlat(np.arange(0.0, 360.0, 10.0), np.arange(-85.0, 90.0, 10.0))
PACIFIC = lonlat(np.arange(120.0, 241.0, 10.0), np.arange(-20.0, 21.0, 10.0))
EUROPE = lonlat(np.arange(-9.5, 30.0, 1.0), np.arange(35.5, 60.0, 1.0))
TILE = Rectilinear(LAMBERT, line(600_000 + 1000.0 * np.arange(60)), line(6_200_000 + 1000.0 * np.arange(50)))
ROTATED = Rectilinear(
    crs(CRS.from_cf({"grid_mapping_name": "rotated_latitude_longitude", "grid_north_pole_latitude": 39.25,
                     "grid_north_pole_longitude": -162.0})),
    line(np.arange(-20.0, 20.0, 1.0), turning=True), line(np.arange(-15.0, 15.0, 1.0), polar=True),
)  # fmt: skip
SHEARED = Rectilinear(
    LAMBERT, line(np.arange(30) + 0.5), line(np.arange(20) + 0.5), (900.0, 200.0, 600_000.0, 150.0, -950.0, 6_220_000.0)
)
GRIDS = (WORLD, PACIFIC, EUROPE, TILE, ROTATED, SHEARED)


def bent(rows: int = 12, columns: int = 16, west: float = 170.0) -> Curvilinear:
    """A curvilinear grid across 180 degrees."""
    i, j = np.meshgrid(np.arange(columns), np.arange(rows))
    lon = west + 1.5 * i + 0.4 * j
    lat = 10 + j + 0.02 * (i - 7.0) ** 2
    return Curvilinear((rows, columns), lambda: ((lon + 180) % 360 - 180, lat))


BENT = bent()


def taken(selection: Selection) -> set[tuple[int, ...]]:
    """The cells of a selection, by index."""
    found = [
        np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in window), indexing="ij"), axis=-1)
        for window in selection.windows
    ]
    if not found:
        return set()
    cells = np.concatenate(found, axis=-2)
    return {tuple(c) for c in (cells.reshape(-1, cells.shape[-1]) if selection.keep is None else cells[selection.keep])}


def every(grid: Rectilinear | Scattered) -> list[tuple[int, ...]]:
    return [tuple(c) for c in np.argwhere(np.ones(grid.shape, bool)).tolist()]


@cache
def places(grid: Rectilinear | Scattered) -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes of all cells, in the order of `every`."""
    lon, lat = np.array([grid.lonlat(c) for c in every(grid)]).T
    return lon, lat


def where(grid: Rectilinear | Scattered, inside: np.ndarray) -> set[tuple[int, ...]]:
    return {c for c, i in zip(every(grid), inside.tolist(), strict=True) if i}


# --- one axis ----------------------------------------------------------------------------------------------------

increasing = st.lists(st.integers(-1700, 1800), min_size=1, max_size=12, unique=True).map(lambda v: np.sort(v) / 10.0)


@quick
@given(increasing, st.booleans())
def test_a_coordinate_is_in_its_own_cell(values: np.ndarray, turning: bool) -> None:
    axis = line(values, turning=turning)
    assert [axis.cell(v) for v in values] == list(range(len(values)))
    assert axis.cells(values).tolist() == list(range(len(values)))


@quick
@given(increasing, st.floats(-400, 400), st.booleans())
def test_one_coordinate_and_many_have_the_same_cells(values: np.ndarray, at: float, turning: bool) -> None:
    axis = line(values, turning=turning)
    cell = axis.cell(at)
    assert axis.cells(np.array([at, at])).tolist() == [-1 if cell is None else cell] * 2


@quick
@given(st.integers(2, 20), st.floats(0.25, 10), st.floats(-100, 100))
def test_the_outer_half_cell_belongs_and_beyond_it_nothing(n: int, step: float, start: float) -> None:
    axis = line(start + step * np.arange(n))
    last = float(axis.values[-1])
    assert axis.cell(start - 0.499 * step) == 0
    assert axis.cell(float(axis.lows[0])) == 0
    assert axis.cell(float(axis.highs[-1])) == n - 1
    assert axis.cell(start - 0.501 * step) is None
    assert axis.cell(last + 0.501 * step) is None


def test_the_middle_of_a_hole_belongs_to_nobody() -> None:
    axis = line(np.array([0.0, 1.0, 2.0, 9.0, 10.0]))
    assert [axis.cell(v) for v in (2.5, 2.6, 5.5, 8.4, 8.5)] == [2, None, None, None, 3]


def test_a_gap_of_three_cells_is_no_hole() -> None:
    axis = line(np.array([0.0, 1.0, 2.0, 5.0, 6.0]))
    assert [axis.cell(v) for v in (3.4, 3.6)] == [2, 3]


def test_bounds_say_how_far_a_cell_reaches() -> None:
    axis = line(np.array([0.0, 1.0]), np.array([[-0.2, 0.3], [0.3, 1.1]]))
    assert [axis.cell(v) for v in (-0.3, -0.2, 0.29, 0.31, 1.1, 1.2)] == [None, 0, 0, 1, 1, None]


@pytest.mark.parametrize("bounds", [[[5.0, 6.0], [6.0, 7.0]], [[0.0, 0.0], [1.0, 1.0]], [[-9.0, 3.0], [-2.0, 9.0]]])
def test_bounds_that_do_not_hold_their_values_in_order_are_none(bounds: list[list[float]]) -> None:
    axis = line(np.array([0.0, 1.0]), np.array(bounds))
    assert axis.bounds is None
    assert axis.cell(1.5) == 1


def test_bounds_across_the_end_of_a_circle_are_turned_to_their_values() -> None:
    axis = line(
        np.array([0.0, 90.0, 180.0, 270.0]), np.array([[315.0, 45], [45, 135], [135, 225], [225, 315]]), turning=True
    )
    assert axis.lows.tolist() == [-45, 45, 135, 225]
    assert axis.wraps
    assert [axis.cell(v) for v in (-44.0, 316.0, 359.0, 44.9)] == [0, 0, 0, 0]


def test_a_latitude_ends_at_the_pole() -> None:
    axis = line(np.array([-90.0, 0.0, 90.0]), polar=True)
    assert (axis.lows[0], axis.highs[-1]) == (-90, 90)
    assert line(np.array([87.5, 89.9]), polar=True).highs[-1] == 90


@quick
@given(st.floats(-720, 720))
def test_every_longitude_is_on_a_whole_circle(at: float) -> None:
    cell = WORLD.across.cell(at)
    assert cell is not None
    off = (at - WORLD.across.values[cell] + 180) % 360 - 180
    assert abs(off) <= 5 + 1e-9


longitudes = st.sampled_from([
    np.arange(0.0, 360.0, 30.0), np.arange(-180.0, 180.0, 30.0), np.arange(20.5, 380.0, 30.0),
    np.arange(120.0, 241.0, 20.0), np.array([-0.45, 0.05, 0.55]), np.array([0.5, 325.5, 340.5, 355.5]),
    np.arange(-170.0, -100.0, 10.0), np.array([179.0]), np.arange(150.0, 200.0, 7.0),
])  # fmt: skip
edges = st.floats(-360, 360, allow_subnormal=False).map(lambda v: round(v, 3))


@quick
@given(longitudes, edges, edges)
def test_an_interval_of_longitudes_holds_just_its_centres(values: np.ndarray, west: float, width: float) -> None:
    axis, width = line(values, turning=True), abs(width)
    pieces = axis.between(west, west + width)
    assert len(pieces) <= 2
    found = sorted(i for part, _ in pieces for i in range(part.start, part.stop))
    expected = [i for i, v in enumerate(values) if (v - west + 1e-9) % 360 <= width + 2e-9]
    assert found == expected
    written, _ = axis.written(pieces)
    assert (np.diff(written) > 0).all()
    assert not len(written) or (-180 <= written[0] < 180 and written[-1] < 540)
    order = [i for part, _ in pieces for i in range(part.start, part.stop)]
    assert np.abs((written - values[order] + 180) % 360 - 180).max(initial=0) < 1e-8


@pytest.mark.parametrize(("values", "first", "last"), [
    (np.arange(0.0, 360.0, 10.0), -180.0, 170.0), (np.arange(20.5, 380.0, 1.0), -179.5, 179.5),
    (np.arange(120.0, 241.0, 10.0), 120.0, 240.0), (np.arange(200.0, 331.0, 10.0), -160.0, -30.0),
    (np.arange(-180.0, 180.0, 10.0), -180.0, 170.0), (np.array([359.55, 359.65, 360.45]), -0.45, 0.45),
])  # fmt: skip
def test_all_longitudes_are_written_in_one_run(values: np.ndarray, first: float, last: float) -> None:
    axis = line(values, turning=True)
    written, _ = axis.written(axis.whole())
    assert (written[0], written[-1]) == (first, last)
    assert (np.diff(written) > 0).all()


def test_shifted_longitudes_are_rounded() -> None:
    axis = line(np.array([355.06747, 356.0]), turning=True)
    assert axis.shown == [-4.93253, -4.0]


@pytest.mark.parametrize(("low", "high", "expected"), [
    (150.0, inf, (150, 240)), (-170.0, inf, (-170, -120)), (-inf, -170.0, (120, 190)), (-inf, 150.0, (120, 150)),
    (-inf, inf, (120, 240)), (-100.0, inf, (120, 240)), (-inf, 100.0, None), (0.0, inf, (120, 240)),
])  # fmt: skip
def test_an_open_end_goes_on_to_the_end_of_the_data(low: float, high: float, expected: tuple[int, int] | None) -> None:
    axis = PACIFIC.across
    written, _ = axis.written(axis.between(low, high))
    assert (None if not len(written) else (written[0], written[-1])) == expected


# --- points ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", [*GRIDS, BENT])
def test_the_cell_at_the_place_of_a_cell_is_that_cell(grid: Rectilinear | Scattered) -> None:
    cells = every(grid)
    assert grid.nearest([grid.place(c) for c in cells], grid.crs) == cells
    assert grid.nearest([grid.lonlat(c) for c in cells], LONLAT) == cells
    assert all(grid.nearest([grid.lonlat(c)], LONLAT) == [c] for c in cells[::17])


@pytest.mark.parametrize("grid", [*GRIDS, BENT])
def test_a_place_is_written_between_minus_180_and_180(grid: Rectilinear | Scattered) -> None:
    for cell in every(grid)[::7]:
        lon, lat = grid.lonlat(cell)
        assert -180 <= lon < 180
        assert -90 <= lat <= 90


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("point", [(np.nan, 0.0), (inf, 0.0), (0.0, -inf), (1e300, 1e300)])
def test_no_cell_holds_what_is_no_place(grid: Rectilinear, point: tuple[float, float]) -> None:
    assert grid.nearest([point], grid.crs) == [None]
    assert grid.nearest([point, point], grid.crs) == [None, None]


def test_no_points_have_no_cells() -> None:
    assert WORLD.nearest([], LONLAT) == []
    assert BENT.nearest([], LONLAT) == []


def test_a_grid_of_one_cell_reaches_next_to_nothing_without_bounds() -> None:
    one = Rectilinear(LONLAT, line(np.array([148.2]), turning=True), line(np.array([-42.6]), polar=True))
    assert one.nearest([(148.2, -42.6)], LONLAT) == [(0, 0)]
    assert one.nearest([(148.21, -42.6)], LONLAT) == [None]


def test_a_sheared_raster_is_read_through_its_affine() -> None:
    a, b, c, d, e, f = SHEARED.affine or (0.0,) * 6
    column, row = 7.25, 3.9
    x, y = a * column + b * row + c, d * column + e * row + f
    assert SHEARED.nearest([(x, y)], LAMBERT) == [(3, 7)]


# --- boxes -------------------------------------------------------------------------------------------------------

boxes = st.tuples(st.floats(-180, 360), st.floats(-90, 90), st.floats(0.1, 359), st.floats(0.1, 90)).map(
    lambda b: Box(round(b[0], 2), round(b[1], 2), round(b[0] + b[2], 2), round(min(b[1] + b[3], 90.0), 2))
)


def in_box(grid: Rectilinear | Scattered, box: Box) -> set[tuple[int, ...]]:
    lon, lat = places(grid)
    across = (lon - box.west + 1e-9) % 360 <= box.east - box.west + 2e-9
    return where(grid, across & (lat >= box.south) & (lat <= box.north))


@quick
@pytest.mark.parametrize("grid", [*GRIDS, BENT])
@given(box=boxes)
def test_a_box_holds_just_the_cells_whose_centres_lie_in_it(grid: Rectilinear | Scattered, box: Box) -> None:
    if box.south >= box.north:
        return
    selection = grid.window(box, LONLAT)
    assert taken(selection) == in_box(grid, box)
    assert len(selection.windows) <= 2
    assert selection.empty == (not taken(selection))


@quick
@pytest.mark.parametrize("grid", [WORLD, EUROPE, BENT, ROTATED])
@given(
    st.floats(-400_000, 1_400_000), st.floats(5_900_000, 7_200_000), st.floats(1000, 900_000), st.floats(1000, 900_000)
)
def test_a_box_in_another_crs_is_transformed(
    grid: Rectilinear | Scattered, west: float, south: float, width: float, height: float
) -> None:
    box = Box(west, south, west + width, south + height)
    x, y = transform(*places(grid), LONLAT, LAMBERT)
    inside = (x >= box.west) & (x <= box.east) & (y >= box.south) & (y <= box.north)
    assert taken(grid.window(box, LAMBERT)) == where(grid, inside)


FINE = Rectilinear(LAMBERT, line(600_000 + 100.0 * np.arange(500)), line(6_200_000 + 100.0 * np.arange(400)))


@settings(max_examples=30, deadline=None)
@given(st.floats(2.9, 3.6), st.floats(42.8, 43.3), st.floats(0.01, 1.0))
def test_a_large_area_is_the_same_though_few_of_its_cells_are_asked(x: float, y: float, r: float) -> None:
    spokes = zip(np.linspace(0, 2 * np.pi, 12, endpoint=False), (1.0, 0.3) * 6, strict=True)
    star = shapely.Polygon([(x + r * k * np.cos(a), y + r * k * np.sin(a)) for a, k in spokes])
    holed = star.difference(shapely.Point(x, y).buffer(r / 8))
    columns, rows = np.meshgrid(FINE.x, FINE.y)
    lon, lat = transform(columns, rows, LAMBERT, LONLAT)
    for polygon in (star, holed, shapely.box(x - r, y - r / 2, x + r, y + r)):
        selection = FINE.inside(polygon, LONLAT)
        found = np.zeros(FINE.shape, bool)
        for window in selection.windows:
            found[window] = True if selection.keep is None else selection.keep
        assert (found == shapely.intersects_xy(polygon, lon, lat)).all()


def test_an_area_of_too_many_cells_is_refused() -> None:
    axis = line(np.arange(600_000.0, 610_000.0))
    grid = Rectilinear(LAMBERT, axis, axis)
    lon, lat = grid.lonlat((5000, 4000))
    with pytest.raises(TooLarge, match="cells lie around it"):
        grid.window(Box(lon, lat - 1, lon + 1, lat + 1), LONLAT)


def test_a_box_around_the_pole_in_a_polar_crs_holds_all_longitudes() -> None:
    found = taken(WORLD.window(Box(-1e6, -1e6, 1e6, 1e6), crs("EPSG:3413")))
    assert found == {(17, i) for i in range(36)}


def test_a_box_over_a_rotated_pole_holds_what_lies_around_it() -> None:
    whole = Rectilinear(
        ROTATED.crs, line(np.arange(-180.0, 180, 10), turning=True), line(np.arange(-85.0, 90, 10), polar=True)
    )
    pole = transform(0.0, 90.0, ROTATED.crs, LONLAT)
    box = Box(pole[0] - 8, pole[1] - 8, pole[0] + 8, pole[1] + 8)
    assert taken(whole.window(box, LONLAT)) == in_box(whole, box)
    assert len(taken(whole.window(box, LONLAT))) > 10


@quick
@pytest.mark.parametrize("grid", [*GRIDS, BENT])
@given(st.floats(-180, 180), st.floats(-90, 90))
def test_a_box_without_size_is_the_cell_at_the_point(grid: Rectilinear | Scattered, x: float, y: float) -> None:
    found = grid.nearest([(x, y)], LONLAT)[0]
    assert taken(grid.window(Box(x, y, x, y), LONLAT)) == ({found} if found else set())


def test_a_box_without_width_is_the_column_under_it() -> None:
    assert taken(EUROPE.window(Box(3.2, 40.0, 3.2, 42.0), LONLAT)) == {(5, 13), (6, 13)}
    assert taken(EUROPE.window(Box(3.0, 40.2, 5.0, 40.2), LONLAT)) == {(5, 13), (5, 14)}


def test_a_line_on_a_projected_grid_is_the_cells_under_it() -> None:
    lon, lat = TILE.lonlat((10, 10))
    lon2, _ = TILE.lonlat((10, 20))
    found = taken(TILE.window(Box(lon, lat, lon2, lat), LONLAT))
    assert {c for _, c in found} >= set(range(10, 20))
    assert {r for r, _ in found} <= {9, 10, 11}


def test_a_box_from_east_to_west_crosses_180() -> None:
    selection = PACIFIC.window(Box(165.0, -20.0, -165.0, 20.0), LONLAT)
    assert selection.x.tolist() == [170, 180, 190]
    assert WORLD.window(Box(165.0, -20.0, -165.0, 20.0), LONLAT).x.tolist() == [170, 180, 190]
    assert WORLD.window(Box(165.0, -20.0, 195.0, 20.0), LONLAT).x.tolist() == [170, 180, 190]


def test_no_box_is_everything() -> None:
    for grid in (*GRIDS, BENT):
        assert taken(grid.window(None, grid.crs)) == set(every(grid))
        assert taken(grid.window(Box(-inf, -inf, inf, inf), LONLAT)) == set(every(grid))


def test_the_axes_of_a_window_are_those_of_its_cells() -> None:
    for grid in (WORLD, PACIFIC, TILE, ROTATED):
        selection = grid.window(None, grid.crs)
        first = (selection.windows[0][0].start, selection.windows[0][1].start)
        assert (selection.x[0], selection.y[0]) == pytest.approx(grid.place(first))
        assert len(selection.x) == sum(w[1].stop - w[1].start for w in selection.windows)
        assert all(b > a for a, b in pairwise(selection.x))


def test_cells_of_a_curvilinear_window_carry_their_places() -> None:
    selection = BENT.window(Box(175.0, 10.0, 190.0, 15.0), LONLAT)
    assert selection.cells
    keep = selection.keep if selection.keep is not None else np.ones((1, 1), bool)
    assert len(selection.x) == len(selection.y) == keep.sum()
    assert selection.x.min() < 180 < selection.x.max()


# --- polygons ----------------------------------------------------------------------------------------------------


@quick
@pytest.mark.parametrize("grid", [*GRIDS, BENT])
@given(box=boxes)
def test_a_rectangle_is_the_box(grid: Rectilinear | Scattered, box: Box) -> None:
    if box.south >= box.north:
        return
    polygon = shapely.box(box.west, box.south, box.east, box.north)
    assert taken(grid.inside(polygon, LONLAT)) == taken(grid.window(box, LONLAT))


@quick
@pytest.mark.parametrize("grid", [*GRIDS, BENT])
@given(st.floats(-170, 170), st.floats(-60, 60), st.floats(1, 60))
def test_a_polygon_holds_just_the_centres_in_it(grid: Rectilinear | Scattered, x: float, y: float, r: float) -> None:
    triangle = shapely.Polygon([(x - r, max(y - r, -90)), (x + r, max(y - r / 2, -90)), (x, min(y + r, 90))])
    holed = triangle.difference(triangle.buffer(-r / 3))
    for polygon in (triangle, holed, shapely.MultiPolygon([triangle])):
        lon, lat = places(grid)
        inside = np.any([shapely.intersects_xy(polygon, lon + k, lat) for k in (-360, 0, 360)], axis=0)
        assert taken(grid.inside(polygon, LONLAT)) == where(grid, inside)


CROSSING = {
    "on": shapely.Polygon([(165, -15), (195, -15), (180, 25)]),
    "before": shapely.Polygon([(-195, -15), (-165, -15), (-180, 25)]),
    "jump": shapely.Polygon([(165, -15), (-165, -15), (180, 25)]),
    "jump, other way": shapely.Polygon([(165, -15), (-165, -15), (-180, 25)]),
    "cut": shapely.MultiPolygon([
        shapely.Polygon([(165, -15), (180, -15), (180, 25)]), shapely.Polygon([(-180, -15), (-165, -15), (-180, 25)]),
    ]),
}  # fmt: skip


@pytest.mark.parametrize("grid", [WORLD, PACIFIC, BENT])
def test_every_way_to_write_a_polygon_across_180_is_understood(grid: Rectilinear | Scattered) -> None:
    found = {name: taken(grid.inside(polygon, LONLAT)) for name, polygon in CROSSING.items()}
    assert all(cells == found["on"] for cells in found.values()), {k: len(v) for k, v in found.items()}
    assert found["on"]


def test_a_wide_polygon_does_not_cross() -> None:
    wide = shapely.Polygon([(-170, -20), (170, -20), (170, 20), (-170, 20)])
    backwards = shapely.Polygon([(-170, -20), (-170, 20), (170, 20), (170, -20)])
    for polygon in (wide, backwards):
        assert taken(WORLD.inside(polygon, LONLAT)) == taken(WORLD.window(Box(-170, -20, 170, 20), LONLAT))


def test_a_polygon_without_area_is_the_cell_under_it() -> None:
    point = shapely.Polygon([(3.2, 40.2), (3.2, 40.2), (3.2, 40.2)])
    assert taken(EUROPE.inside(point, LONLAT)) == {(5, 13)}


def test_an_area_keeps_no_outer_row_or_column_that_is_empty() -> None:
    selection = EUROPE.inside(shapely.Polygon([(0, 38), (10, 42.6), (0, 45.2)]), LONLAT)
    assert selection.keep is not None
    assert selection.keep.any(axis=0)[[0, -1]].all()
    assert selection.keep.any(axis=1)[[0, -1]].all()


# --- cells without rows ------------------------------------------------------------------------------------------


@quick
@given(st.floats(0.5, 10.5), st.floats(0.5, 14.5), st.floats(-0.45, 0.45), st.floats(-0.45, 0.45))
def test_a_point_near_the_middle_of_a_bent_cell_is_in_it(j: float, i: float, v: float, u: float) -> None:
    j0, i0 = int(j), int(i)
    lon, lat = 170 + 1.5 * (i0 + u) + 0.4 * (j0 + v), 10 + (j0 + v) + 0.02 * (i0 + u - 7.0) ** 2
    assert BENT.nearest([(lon, lat)], LONLAT) == [(j0, i0)]


def test_beyond_the_outer_half_of_a_bent_cell_there_is_nothing() -> None:
    lon, lat = BENT.lonlat((5, 0))
    assert BENT.nearest([(lon - 0.7, lat)], LONLAT) == [(5, 0)]
    assert BENT.nearest([(lon - 1.0, lat)], LONLAT) == [None]


def test_long_thin_cells_are_found_though_others_have_nearer_centres() -> None:
    i, j = np.meshgrid(np.arange(10), np.arange(200))
    thin = Curvilinear((200, 10), lambda: (i * 1.0 + j * 0.05, j * 0.01))
    for cell in ((50, 5), (120, 2)):
        lon, lat = thin.place(cell)
        assert thin.nearest([(lon + 0.45, lat)], LONLAT) == [cell]


def test_cells_without_a_place_are_never_found() -> None:
    lon, lat = (np.array(a, float) for a in np.meshgrid(np.arange(5.0), np.arange(4.0)))
    lon[1, 2] = np.nan
    grid = Curvilinear((4, 5), lambda: (lon, lat))
    assert grid.nearest([(2.0, 1.0)], LONLAT) == [None]
    assert (1, 2) not in taken(grid.window(None, LONLAT))
    assert grid.nearest([(3.0, 1.0)], LONLAT) == [(1, 3)]


def test_corners_say_how_far_a_bent_cell_reaches() -> None:
    lon, lat = np.meshgrid([0.0, 1.0], [0.0, 1.0])
    x = lon[..., None] + np.array([-0.2, 0.2, 0.2, -0.2])
    y = lat[..., None] + np.array([-0.2, -0.2, 0.2, 0.2])
    grid = Curvilinear((2, 2), lambda: (lon, lat), lambda: (x, y))
    assert grid.nearest([(1.19, 0.19), (1.3, 0.0), (0.5, 0.5)], LONLAT) == [(0, 1), None, None]


def test_faces_of_a_mesh_hold_the_points_in_them() -> None:
    x = np.array([[0.0, 1, 1, 0], [1, 2, 1, np.nan]])
    y = np.array([[0.0, 0, 1, 1], [0, 0, 1, np.nan]])
    mesh = Cells((2,), lambda: (np.array([0.5, 1.3]), np.array([0.5, 0.3])), lambda: (x, y))
    assert mesh.nearest([(0.9, 0.9), (1.1, 0.5), (1.9, 0.5), (3.0, 3.0)], LONLAT) == [(0,), (1,), None, None]
    assert mesh.window(Box(1.0, 0.0, 2.0, 1.0), LONLAT).x.tolist() == [1.3]


def test_cells_without_corners_reach_as_far_as_cells_of_their_size() -> None:
    lon, lat = (a.ravel() for a in np.meshgrid(np.arange(10.0), np.arange(10.0)))
    cells = Cells((100,), lambda: (lon, lat))
    assert cells.nearest([(4.4, 4.4), (4.5, 4.5)], LONLAT)[0] == (44,)
    assert cells.nearest([(4.5, 4.5)], LONLAT) != [None]
    assert cells.nearest([(11.0, 4.0)], LONLAT) == [None]


# --- all of it ---------------------------------------------------------------------------------------------------


def test_the_bbox_of_a_grid_holds_its_places_and_crosses_180_where_they_do() -> None:
    assert WORLD.bbox() == (-180, -90, 180, 90)
    assert PACIFIC.bbox() == (115, -25, -115, 25)
    assert EUROPE.bbox() == (-10, 35, 30, 60)
    west, _, east, _ = BENT.bbox()
    assert west == 170
    assert east < 0
    for grid in (TILE, ROTATED, SHEARED):
        west, south, east, north = grid.bbox()
        places = [grid.lonlat(c) for c in every(grid)]
        assert all(west <= x <= east and south <= y <= north for x, y in places)


def test_a_polar_grid_has_all_longitudes() -> None:
    axis = line(np.arange(-2_000_000.0, 2_000_001.0, 100_000.0))
    grid = Rectilinear(crs("EPSG:3413"), axis, axis)
    west, south, east, north = grid.bbox()
    assert (west, east, north) == (-180, 180, 90)
    assert 60 < south < 72


def test_the_same_cells_are_recognised() -> None:
    assert EUROPE.same(lonlat(EUROPE.x + 1e-5, EUROPE.y))
    assert not EUROPE.same(lonlat(EUROPE.x + 0.5, EUROPE.y))
    assert not EUROPE.same(TILE)
    assert BENT.same(bent())
    assert not BENT.same(bent(west=171.0))


def test_an_axis_keeps_its_order() -> None:
    axis: Line = line(np.array([1.0, 2.0, 4.0]))
    assert len(axis) == 3
    assert axis.size == 1.5
