"""Questions: what a standard lets a client write is understood, what it does not is refused with a reason."""

import json
import math
import time
from dataclasses import replace
from typing import Any

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from poles import parse
from poles.dataset import AxisFacts, Dataset, Described, Facts, Limits, Text
from poles.errors import Invalid
from poles.parse.when import common, intervals
from poles.parse.where import common as meet
from poles.query import CRS84, At, AtLocation, Box, Everywhere, Interval, Moment, Query, Span, Within

NAME = Text("a name", "un nom")
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
PARAMETERS = (
    Described("sst", NAME),
    Described("count", NAME, dtype="integer"),
    Described("site", NAME, dtype="string"),
    Described("ok", NAME, dtype="boolean"),
    Described("seen", NAME, dtype="datetime"),
)
AXES = (
    AxisFacts("t", "time", 3, "1970-01-01T00:00:00Z", "1970-01-03T00:00:00Z", calendar="standard"),
    AxisFacts("member", "realization", 3, 1, 3),
    AxisFacts("z", "lev_p", 3, 1000, 500, positive="down", standard_name="air_pressure"),
    AxisFacts("y", "nj", 4, 0, 3),
    AxisFacts("x", "ni", 4, 0, 3),
)
UNKNOWN = Dataset("d", NAME, NAME)
KNOWN = replace(
    UNKNOWN,
    parameters=PARAMETERS,
    limits=Limits(items=10, items_max=100),
    facts=Facts("1", "grid", PARAMETERS, None, None, AXES, crs=EPSG + "2154"),
)


def asked(verb: str, dataset: Dataset = KNOWN, /, **parameters: Any) -> Query:
    return parse.query(verb, {k.replace("__", "-"): v for k, v in parameters.items()}, dataset)


def refused(verb: str, dataset: Dataset = KNOWN, /, **parameters: Any) -> Invalid:
    with pytest.raises(Invalid) as caught:
        asked(verb, dataset, **parameters)
    return caught.value


def day(y: int, m: int, d: int) -> Moment:
    return Moment((y, m, d))


# --- places --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coords", "points"),
    [
        ("POINT(2.5 48)", ((2.5, 48.0),)),
        ("  point ( 2.5   48 ) ", ((2.5, 48.0),)),
        ("MULTIPOINT((2 45),(3 46))", ((2.0, 45.0), (3.0, 46.0))),
        ("MultiPoint(2 45, 3 46)", ((2.0, 45.0), (3.0, 46.0))),
        ("POINT(-300 0)", ((-300.0, 0.0),)),
        ("POINT(0 0)", ((0.0, 0.0),)),
        ("POINT(1e1 -4.5E0)", ((10.0, -4.5),)),
    ],
)
def test_points_are_x_before_y(coords: str, points: Any) -> None:
    assert asked("position", coords=coords).where == At(points)


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_a_point_is_taken_to_the_last_digit(x: float, y: float) -> None:
    assert asked("position", coords=f"POINT({x!r} {y!r})").where == At(((x, y),))


@pytest.mark.parametrize("coords", ["POINT Z(2 48 100)", "POINTZ (2 48 100)", "POINT(2 48 100)"])
def test_the_z_of_a_point_is_its_level_unless_z_says_otherwise(coords: str) -> None:
    assert asked("position", coords=coords).levels == (Span(100.0, 100.0),)
    assert asked("position", coords=coords, z="5").levels == (Span(5.0, 5.0),)


@pytest.mark.parametrize(
    "coords",
    [
        "",
        " ",
        "2,48",
        "POINT",
        "POINT()",
        "POINT(2)",
        "POINT(2 48",
        "POINT(2 48))",
        "POINT(2,48)",
        "POINT EMPTY",
        "MULTIPOINT EMPTY",
        "POINT(nan 48)",
        "POINT(inf 48)",
        "POINT(1e999 4)",
        "POINT(2 91)",
        "POINT(2 -90.5)",
        "POINT(541 0)",
        "POINT(-361 0)",
        "POINT M(2 48 1)",
        "POINT ZM(2 48 1 1)",
        "LINESTRING(0 0,1 1)",
        "POLYGON((0 0,1 0,1 1,0 0))",
        "SRID=4326;POINT(2 48)",
        "GEOMETRYCOLLECTION(POINT(2 48))",
        "MULTIPOINT Z((1 2 3),(1 2 4))",
        "POINT(2 48)\x00",
        "POINT(2 \udcff8)",
        "POINT(２ 48)",
        "GEOMETRYCOLLECTION(" * 4000 + "POINT(0 0)" + ")" * 4000,
        "POINT(" * 9000,
        "(" * 60_000,
    ],
)
def test_what_is_no_point_is_refused(coords: str) -> None:
    assert refused("position", coords=coords).subject == "coords"


def test_polygons_and_multipolygons_are_taken_whole() -> None:
    ring = "((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 2,1 1))"
    found = asked("area", coords=f"polygon{ring}").where
    assert isinstance(found, Within)
    assert found.polygon.area == 15
    assert isinstance(asked("area", coords=f"MULTIPOLYGON({ring},((8 8,9 8,9 9,8 8)))").where, Within)
    assert asked("area", coords="POLYGON Z((0 0 5,4 0 5,4 4 5,0 0 5))").levels == (Span(5.0, 5.0),)


def test_a_polygon_of_four_thousand_vertices_is_fine() -> None:
    circle = shapely.Point(2, 48).buffer(1, quad_segs=1000)
    found = asked("area", coords=circle.wkt).where
    assert isinstance(found, Within)
    assert shapely.get_num_coordinates(found.polygon) == 4001


@pytest.mark.parametrize(
    ("coords", "reason"),
    [
        ("POLYGON((0 0,4 4,4 0,0 4,0 0))", "Self-intersection"),
        ("POLYGON((0 0,4 0,4 4))", "closed"),
        ("POLYGON((0 0,4 0,4 4,0 0),(8 8,9 8,9 9,8 8))", "Hole"),
        ("POLYGON((0 0,0 0,0 0,0 0))", "Too few points"),
        ("POLYGON EMPTY", "is no POLYGON"),
        ("POLYGON((0 0,4 0,4 nan,0 0))", "no numbers"),
        ("POLYGON((0 0,4 0,4 95,0 0))", "pole"),
        ("POINT(1 1)", "is no POLYGON"),
    ],
)
def test_a_wrong_polygon_is_refused_with_the_reason(coords: str, reason: str) -> None:
    assert reason in str(refused("area", coords=coords))


@pytest.mark.parametrize("verb", ["position", "area"])
def test_a_question_without_coords_is_refused(verb: str) -> None:
    assert str(refused(verb)).startswith("coords: it is missing")


@pytest.mark.parametrize(
    ("bbox", "box"),
    [
        ("-3,44,3,46", Box(-3, 44, 3, 46)),
        (" -3.5 , 44 , 3 , 46 ", Box(-3.5, 44, 3, 46)),
        ("170,-50,-170,50", Box(170, -50, -170, 50)),
        ("0,-90,360,90", Box(0, -90, 360, 90)),
        ("2,48,2,48", Box(2, 48, 2, 48)),
    ],
)
def test_a_box_is_west_south_east_north(bbox: str, box: Box) -> None:
    assert asked("cube", bbox=bbox).where == box
    assert asked("coverage", bbox=bbox).where == box
    assert asked("items", bbox=bbox).where == box


def test_a_box_of_six_numbers_has_levels_unless_z_gives_others() -> None:
    assert asked("cube", bbox="1,2,500,3,4,100").where == Box(1, 2, 3, 4)
    assert asked("cube", bbox="1,2,500,3,4,100").levels == (Span(100.0, 500.0),)
    assert asked("cube", bbox="1,2,500,3,4,100", z="7").levels == (Span(7.0, 7.0),)
    assert asked("coverage", bbox="1,2,0,3,4,9").levels == (Span(0.0, 9.0),)


@pytest.mark.parametrize(
    ("bbox", "reason"),
    [
        ("1,50,2,40", "south 50 is north of north 40"),
        ("1,2,3", "3 numbers"),
        ("1,2,3,4,5", "5 numbers"),
        ("a,44,3,5", "'a'"),
        ("1,2,3,nan", "nan"),
        ("1,2,inf,4", "inf"),
        ("1,2,1e999,4", "1e999"),
        ("1,2,,4", "''"),
        ("1,-91,3,4", "latitude"),
        ("-361,2,3,4", "longitude"),
        ("1,2,541,4", "longitude"),
        ("", "empty"),
        ("1_0,2,30,4", "1_0"),
        ("١,2,3,4", "number"),
    ],
)
def test_a_wrong_box_is_refused_with_the_reason(bbox: str, reason: str) -> None:
    error = refused("cube", bbox=bbox)
    assert error.subject == "bbox"
    assert reason in str(error)


def test_a_cube_needs_its_box_and_a_coverage_does_not() -> None:
    assert str(refused("cube")).startswith("bbox: it is missing")
    assert asked("coverage").where == Everywhere()


# --- CRS -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "crs",
    [
        EPSG + "2154",
        "EPSG:2154",
        "[EPSG:2154]",
        "urn:ogc:def:crs:EPSG::2154",
        "https://www.opengis.net/def/crs/EPSG/0/2154",
    ],
)
def test_one_crs_has_one_name_however_it_is_asked(crs: str) -> None:
    found = asked("position", coords="POINT(650000 6860000)", crs=crs)
    assert (found.crs, found.crs_out) == (EPSG + "2154", EPSG + "2154")


def test_edr_reads_and_writes_in_crs_and_coverages_only_write() -> None:
    assert asked("position", coords="POINT(2 48)").crs == CRS84
    assert asked("position", coords="POINT(2 48)").crs_out is None
    found = asked("coverage", bbox="1,2,3,4", crs="EPSG:2154")
    assert (found.crs, found.crs_out) == (CRS84, EPSG + "2154")
    found = asked("coverage", bbox="600000,6000000,700000,7000000", bbox__crs="EPSG:2154")
    assert (found.crs, found.crs_out) == (EPSG + "2154", None)


@pytest.mark.parametrize("crs", ["CRS84", "OGC:CRS84", CRS84])
def test_crs84_is_crs84(crs: str) -> None:
    assert asked("position", coords="POINT(2 48)", crs=crs).crs == CRS84


def test_a_bbox_crs_has_the_axes_of_its_authority() -> None:
    assert asked("items", bbox="40,-5,50,5", bbox__crs=EPSG + "4326").where == Box(-5, 40, 5, 50)
    assert asked("coverage", bbox="40,-5,50,5", bbox__crs="EPSG:4326").where == Box(-5, 40, 5, 50)
    assert asked("items", bbox="-5,40,5,50", bbox__crs=CRS84).where == Box(-5, 40, 5, 50)
    assert asked("items", bbox="3000000,4000000,3100000,4200000", bbox__crs="EPSG:3035").where == Box(
        4e6, 3e6, 4.2e6, 3.1e6
    )
    assert asked("items", bbox="600000,6000000,700000,7000000", bbox__crs="EPSG:2154").where == Box(6e5, 6e6, 7e5, 7e6)


def test_only_degrees_go_round_the_globe() -> None:
    assert "only degrees" in str(refused("cube", bbox="700000,6000000,600000,7000000", crs="EPSG:2154"))
    assert asked("cube", bbox="600000,6000000,700000,7000000", crs="EPSG:2154").where == Box(6e5, 6e6, 7e5, 7e6)


@pytest.mark.parametrize(
    "crs",
    [
        "EPSG:99999",
        "EPSG:4978",
        "EPSG:5773",
        "nonsense",
        "+proj=merc",
        "../../etc/passwd",
        "GEOGCS[]",
        "EPSG:2154\x00",
        "4326",
        "EPSG:" + "9" * 5000,
    ],
)
def test_an_unknown_crs_is_refused(crs: str) -> None:
    assert refused("position", coords="POINT(2 48)", crs=crs).subject == "crs"


# --- times ---------------------------------------------------------------------------------------------------------

NOON = Moment((2020, 1, 31, 12, 0, 0, 0))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2020-01-31T12:00:00Z", [Interval(NOON, NOON)]),
        ("2020-01-31T12:00Z", [Interval(NOON, NOON)]),
        ("2020-01-31T13:00:00 01:00", [Interval(NOON, NOON)]),
        ("2020-01-31T13:00:00+01:00", [Interval(NOON, NOON)]),
        ("2020-01-31T12:00:00.000Z/", [Interval(NOON, None)]),
        ("2020-01-31", [Interval(day(2020, 1, 31), day(2020, 1, 31))]),
        ("2020-02-30", [Interval(day(2020, 2, 30), day(2020, 2, 30))]),
        ("2020-01-31T/..", [Interval(day(2020, 1, 31), None)]),
        ("../2020-01-31", [Interval(None, day(2020, 1, 31))]),
        ("/2020-01-31", [Interval(None, day(2020, 1, 31))]),
        ("../..", [Interval(None, None)]),
        ("2020-01-31/2020-01-31T12:00:00Z", [Interval(day(2020, 1, 31), NOON)]),
        ("2022-10-22/9999-12-31T00:00:00Z", [Interval(day(2022, 10, 22), Moment((9999, 12, 31, 0, 0, 0, 0)))]),
        ("2020-01-31, 2020-02-01/..", [Interval(day(2020, 1, 31), day(2020, 1, 31)), Interval(day(2020, 2, 1), None)]),
        ("2020-01-31,2020-01-31", [Interval(day(2020, 1, 31), day(2020, 1, 31))]),
    ],
)
def test_times_are_understood_as_clients_write_them(text: str, wanted: list[Interval]) -> None:
    for verb, more in (("position", {"coords": "POINT(2 48)"}), ("items", {}), ("coverage", {}), ("locations", {})):
        assert asked(verb, datetime=text, **more).when == tuple(wanted)


def test_a_recurrence_counts_its_values() -> None:
    hours = [Moment((2020, 1, 1, h, 0, 0, 0)) for h in (0, 3, 6, 9, 12)]
    assert intervals("R5/2020-01-01T00:00:00Z/PT3H") == tuple(Interval(m, m) for m in hours)
    months = [day(2020, 11, 15), day(2020, 12, 15), day(2021, 1, 15)]
    assert intervals("R3/2020-11-15/P1M") == tuple(Interval(m, m) for m in months)
    assert intervals("R2/2020-02-28/P1D") == tuple(Interval(m, m) for m in (day(2020, 2, 28), day(2020, 2, 29)))
    assert intervals("R2/2020-02-29/P1D", "360_day")[1].start == day(2020, 2, 30)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "2020",
        "2020-13-01",
        "2020-02-31",
        "2020-01-01T25:00:00Z",
        "2020-01-02/2020-01-01",
        "a/b/c",
        "2020-01-01//",
        ",",
        "2020-01-01,",
        "..",
        "R0/2020-01-01/P1D",
        "R5/2020-01-01",
        "R5/2020-01-01/P",
        "R5/2020-01-01/PT",
        "R5/2020-01-01/P0D",
        "R5/2020-01-01/P1M1D",
        "R-1/2020-01-01/P1D",
        "R999999999/2020-01-01/P1D",
        "R9999/2020-01-01/P999999Y",
        "R5/../P1D",
        "2020-01-02T00:00:00Z/2020-01-01",
        "R9999/2020-01-01/P999999W",
        "2020-01-01\x00",
        "٢٠٢٠-٠١-٠١",
        "9" * 50_000,
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    assert refused("position", coords="POINT(2 48)", datetime=text).subject == "datetime"


DAYS = st.one_of(st.none(), st.dates().map(lambda d: day(d.year, d.month, d.day)))


@given(st.lists(st.tuples(DAYS, DAYS), max_size=3), st.lists(st.tuples(DAYS, DAYS), max_size=3), st.dates())
def test_what_two_questions_have_in_common_is_what_lies_in_both(first: Any, second: Any, moment: Any) -> None:
    def whole(pairs: Any) -> tuple[Interval, ...]:
        return tuple(Interval(*p) for p in pairs if None in p or p[0].fields <= p[1].fields)

    def inside(intervals_: tuple[Interval, ...]) -> bool:
        at = (moment.year, moment.month, moment.day)
        return any(
            (i.start is None or i.start.fields <= at) and (i.end is None or at <= i.end.fields) for i in intervals_
        )

    a, b = whole(first), whole(second)
    assert inside(common(a, b)) == (inside(a) and inside(b))


# --- levels and other axes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("z", "wanted"),
    [
        ("850", [Span(850, 850)]),
        ("0", [Span(0, 0)]),
        ("100/550", [Span(100, 550)]),
        ("500/100", [Span(100, 500)]),
        ("-5/-10", [Span(-10, -5)]),
        ("10,80,200", [Span(10, 10), Span(80, 80), Span(200, 200)]),
        ("10, 80/90", [Span(10, 10), Span(80, 90)]),
        ("R4/5/5", [Span(v, v) for v in (5, 10, 15, 20)]),
        ("R2/100/-50", [Span(100, 100), Span(50, 50)]),
        ("../100", [Span(None, 100)]),
        ("100/", [Span(100, None)]),
    ],
)
def test_levels_are_understood(z: str, wanted: list[Span]) -> None:
    assert asked("position", coords="POINT(2 48)", z=z).levels == tuple(wanted)


@pytest.mark.parametrize(
    "z", ["", "x", "1/2/3", "1,", "nan", "inf", "R0/1/1", "R5/1", "R99999999/1/1", "..", "1 2", "R2/x/1", "0x10"]
)
def test_what_is_no_level_is_refused(z: str) -> None:
    assert refused("cube", bbox="1,2,3,4", z=z).subject == "z"


def test_an_axis_of_the_data_is_a_parameter_of_edr() -> None:
    assert asked("position", coords="POINT(2 48)", realization="1,3").others == (("member", (Span(1, 1), Span(3, 3))),)
    assert asked("position", coords="POINT(2 48)", member="a/b").others == (("member", (Span("a", "b"),)),)
    assert refused("position", UNKNOWN, coords="POINT(2 48)", member="1").subject == "member"


@pytest.mark.parametrize(
    ("subset", "wanted"),
    [
        ("Lat(40:50)", {"where": Box(-math.inf, 40, math.inf, 50)}),
        ("Lat(44)", {"where": Box(-math.inf, 44, math.inf, 44)}),
        ("Lat(40:50),Lon(-5)", {"where": Box(-5, 40, -5, 50)}),
        ("lon(170:-170)", {"where": Box(170, -math.inf, -170, math.inf)}),
        ("latitude(40:*) , Longitude(*:5)", {"where": Box(-math.inf, 40, 5, math.inf)}),
        ("E(1000:2000),N(5:6)", {"where": Box(1000, 5, 2000, 6), "crs": "native"}),
        ("x(1000:2000)", {"where": Box(1000, -math.inf, 2000, math.inf), "crs": "native"}),
        ("ni(1:2),nj(0)", {"where": Box(1, 0, 2, 0), "crs": "native"}),
        ('time("2020-01-01":"2020-02-01")', {"when": intervals("2020-01-01/2020-02-01")}),
        ("time(2020-01-01:2020-02-01)", {"when": intervals("2020-01-01/2020-02-01")}),
        ("time(2020-01-01T00:00:00Z:2020-02-01T06:30Z)", {"when": intervals("2020-01-01T00:00:00Z/2020-02-01T06:30Z")}),
        ('t("2020-01-01T06:30")', {"when": intervals("2020-01-01T06:30:00Z")}),
        ("date(2020-01-01)", {"when": intervals("2020-01-01")}),
        ('datetime("2020-01-01":*)', {"when": intervals("2020-01-01/..")}),
        ('time(*:"2020-01-01")', {"when": intervals("../2020-01-01")}),
        ('time("2020-01-01/2020-02-01")', {"when": intervals("2020-01-01/2020-02-01")}),
        ('time("2020-01-01","2020-03-01")', {"when": intervals("2020-01-01,2020-03-01")}),
        ("lev_p(500:100)", {"levels": (Span(100, 500),)}),
        ("air_pressure(500)", {"levels": (Span(500, 500),)}),
        ("pressure(10,20:30)", {"levels": (Span(10, 10), Span(20, 30))}),
        ("realization(1)", {"others": (("member", (Span(1, 1),)),)}),
        ('Member("a:b","c,(d)")', {"others": (("member", (Span("a:b", "a:b"), Span("c,(d)", "c,(d)"))),)}),
    ],
)
def test_a_subset_is_understood_along_any_axis(subset: str, wanted: dict[str, Any]) -> None:
    found = asked("coverage", subset=subset)
    usual = {"where": Everywhere(), "when": None, "levels": None, "others": (), "crs": CRS84}
    assert {k: getattr(found, k) for k in usual} == {**usual, **wanted}


def test_several_subsets_are_one() -> None:
    assert asked("coverage", subset=["Lat(40:50)", "Lon(1:2)"]) == asked("coverage", subset="Lat(40:50),Lon(1:2)")


def test_axes_of_unknown_data_are_taken_as_they_are_called() -> None:
    assert asked("coverage", UNKNOWN, subset="percentile(10,90)").others == (
        ("percentile", (Span(10, 10), Span(90, 90))),
    )
    assert asked("coverage", UNKNOWN, subset="depth(10)").levels == (Span(10, 10),)


def test_subset_crs_is_that_of_x_and_y() -> None:
    found = asked("coverage", subset="x(1:2),y(3:4)", subset__crs="EPSG:3035")
    assert (found.where, found.crs) == (Box(1, 3, 2, 4), EPSG + "3035")


def test_x_and_y_of_data_in_degrees_are_degrees() -> None:
    degrees = replace(KNOWN, facts=replace(KNOWN.facts, crs=CRS84))  # type: ignore[type-var]
    assert asked("coverage", degrees, subset="x(1:2),Lat(3:4)").crs == CRS84


@pytest.mark.parametrize(
    ("subset", "reason"),
    [
        ("foo(1)", "no axis foo; give of Lat, Lon, time, realization, lev_p"),
        ("Lat(40:50", "not understood"),
        ("Lat", "not understood"),
        ("Lat()", "not understood"),
        ("(1)", "not understood"),
        ("Lat(40:50)Lon(1)", "not understood"),
        ("Lat(50:40)", "south 50"),
        ("Lat(100)", "latitude"),
        ("Lat(a:b)", "'a'"),
        ("Lat(1:2:3)", "no interval"),
        ("Lat(1,2)", "number"),
        ("Lat(*)", "no interval"),
        ("Lat(1),lat(2)", "twice"),
        ("Lat(1),E(2)", "mixed"),
        ("time(2020-13-01)", "2020-13-01"),
        ("time(2020-02-01:2020-01-01)", "before it begins"),
        ('time("2020-01-01)', "not understood"),
        ("lev_p(a)", "'a'"),
        ("lev_p()", "not understood"),
        ("lev_p(1:)", "empty end"),
        ("member(*)", "no interval"),
        ("", "not understood"),
        ("Lat(1)\x00", "control"),
    ],
)
def test_a_wrong_subset_is_refused_with_the_reason(subset: str, reason: str) -> None:
    error = refused("coverage", subset=subset)
    assert error.subject == "subset"
    assert reason in str(error)


def test_box_and_subset_meet() -> None:
    assert asked("coverage", bbox="0,0,10,45", subset="Lat(40:50)").where == Box(0, 40, 10, 45)
    assert asked("coverage", bbox="0,0,10,35", subset="Lat(40:50)").where == At(())
    assert asked("coverage", bbox="170,0,-170,10", subset="Lon(175:179)").where == Box(175, 0, 179, 10)
    assert asked("coverage", bbox="350,0,370,10", subset="Lon(0:5)").where == Box(0, 0, 5, 10)
    assert refused("coverage", bbox="0,0,1,1", subset="E(1:2)").subject == "subset"
    assert "two places" in str(refused("coverage", bbox="170,0,-170,10", subset="Lon(-175:175)"))


SIDES = st.tuples(st.integers(-180, 180), st.integers(-180, 180))


@given(SIDES, SIDES, st.integers(-180, 179))
def test_what_boxes_have_in_common_is_what_lies_in_both(a: tuple[int, int], b: tuple[int, int], x: int) -> None:
    def holds(west: float, east: float) -> bool:
        return any(west <= x + turn <= (east if west <= east else east + 360) for turn in (-360, 0, 360))

    try:
        found = meet(Box(a[0], 0, a[1], 1), Box(b[0], 0, b[1], 1), geographic=True)
    except Invalid:
        return
    inside = found is not None and holds(found.west, found.east)
    touching = x in (*a, *b) or x + 360 in (*a, *b) or x - 360 in (*a, *b)
    assert touching or inside == (holds(*a) and holds(*b))


def test_datetime_and_a_subset_of_time_meet() -> None:
    both = {"datetime": "2020-01-15/..", "subset": 'time("2020-01-01":"2020-02-01")'}
    assert asked("coverage", **both).when == intervals("2020-01-15/2020-02-01")
    apart = {"datetime": "2021-01-15/..", "subset": 'time("2020-01-01":"2020-02-01")'}
    assert asked("coverage", **apart).when == ()


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["parameter-name", "parameter_names", "parameterName"])
def test_parameters_are_asked_by_name_under_any_spelling(name: str) -> None:
    assert parse.query("cube", {"bbox": "1,2,3,4", name: "sst, count,sst"}, KNOWN).parameters == ("sst", "count")


def test_an_unknown_parameter_is_refused_even_beside_a_known_one() -> None:
    assert "nothing is not there; give of sst" in str(refused("cube", bbox="1,2,3,4", parameter__name="sst,nothing"))
    assert refused("coverage", properties="nothing").subject == "properties"
    assert refused("items", properties="sst,").subject == "properties"
    assert asked("cube", UNKNOWN, bbox="1,2,3,4", parameter__name="anything").parameters == ("anything",)


def test_an_undeclared_parameter_is_refused_with_those_that_would_do() -> None:
    error = refused("cube", bbox="1,2,3,4", foo="1")
    assert str(error) == "foo: not a parameter of cube; give of bbox, z, datetime, parameter-name, crs, f, lang"
    assert refused("cube", bbox="1,2,3,4", scale__factor="2").subject == "scale-factor"
    assert refused("position", coords="POINT(2 48)", bbox="1,2,3,4").subject == "bbox"
    assert refused("items", BBOX="1,2,3,4").subject == "BBOX"
    assert str(refused("items", **{"": "1"})).startswith("'': not a parameter of items; ")


def test_what_matters_to_the_web_alone_is_left_to_it() -> None:
    assert asked("cube", bbox="1,2,3,4", f="anything", lang="fr", token="secret") == asked("cube", bbox="1,2,3,4")


def test_a_parameter_given_twice_is_refused() -> None:
    assert str(refused("cube", bbox=["1,2,3,4", "1,2,3,4"])) == "bbox: given 2 times; give it once"
    assert refused("cube", bbox="1,2,3,4", parameter__name="sst", parameter_names="sst").subject == "parameter-name"
    assert asked("cube", bbox=["1,2,3,4"]) == asked("cube", bbox="1,2,3,4")


@pytest.mark.parametrize("verb", ["radius", "trajectory", "corridor", "instances", "x\x00"])
def test_what_is_not_offered_is_refused(verb: str) -> None:
    assert "not offered; ask position" in str(refused(verb))


def test_every_verb_declares_only_what_it_takes() -> None:
    given_ = {
        "coords": "POINT(2 48)",
        "bbox": "1,2,3,4",
        "z": "1",
        "datetime": "2020-01-01",
        "parameter-name": "sst",
        "crs": "CRS84",
        "f": "json",
        "lang": "fr",
        "limit": "1",
        "offset": "2",
        "bbox-crs": "CRS84",
        "properties": "sst",
        "filter": "sst > 1",
        "filter-lang": "cql2-text",
        "filter-crs": "CRS84",
        "sortby": "sst",
        "skipGeometry": "true",
        "subset": "Lat(1)",
        "subset-crs": "CRS84",
        "scale-size": "Lat(2)",
        "scale-axes": "Lon(2)",
        "scale-factor": "2",
    }
    for verb, names in parse.DECLARED.items():
        parameters = {n: given_[n] for n in names} | {"location": {"locationId": "a"}, "item": {"itemId": "a"}}.get(
            verb, {}
        )
        if verb == "area":
            parameters["coords"] = "POLYGON((0 0,1 0,1 1,0 0))"
        if verb == "coverage":
            del parameters["scale-factor"]  # an axis is scaled once
        assert parse.query(verb, parameters, KNOWN).verb == verb


# --- rows ----------------------------------------------------------------------------------------------------------


def test_a_location_and_an_item_are_asked_by_id() -> None:
    assert asked("location", locationId="Brest, le port/1").where == AtLocation(("Brest, le port/1",))
    assert asked("item", itemId="é&1").ids == ("é&1",)
    assert refused("location").subject == "locationId"
    assert refused("item", itemId="a\x00").subject == "itemId"


@pytest.mark.parametrize(
    ("limit", "wanted"), [(None, 10), ("1", 1), ("100", 100), ("101", 100), ("9" * 40, 100), ("+5", 5)]
)
def test_a_limit_is_clamped(limit: str | None, wanted: int) -> None:
    assert asked("items", **({} if limit is None else {"limit": limit})).page.limit == wanted


@pytest.mark.parametrize("name", ["limit", "offset"])
@pytest.mark.parametrize("value", ["-1", "x", "1.5", "1e3", "", "٣", "0x1", "1 2"])
def test_a_wrong_page_is_refused(name: str, value: str) -> None:
    assert refused("items", **{name: value}).subject == name


def test_a_limit_of_nothing_is_refused_and_an_offset_of_nothing_is_fine() -> None:
    assert refused("items", limit="0").subject == "limit"
    assert asked("items", offset="0").page.offset == 0
    assert asked("items", offset="90").page.offset == 90


def test_all_locations_are_listed_unless_a_page_is_asked() -> None:
    assert asked("locations").page.limit is None
    assert asked("locations", limit="5", bbox="1,2,3,4").where == Box(1, 2, 3, 4)


def test_rows_are_sorted_by_names() -> None:
    assert asked("items", sortby="-count,+sst, site").sort == (("count", False), ("sst", True), ("site", True))
    assert asked("items", sortby=" sst").sort == (("sst", True),)
    assert asked("items", sortby="sst,-sst").sort == (("sst", True),)
    assert asked("items", sortby="-id").sort == (("id", False),)
    for wrong in ("", "-", "nothing", "sst,,count", "--"):
        assert refused("items", sortby=wrong).subject == "sortby"


def test_geometry_can_be_left_out() -> None:
    assert asked("items").geometry
    assert not asked("items", skipGeometry="true").geometry
    assert asked("items", skipGeometry="FALSE").geometry
    assert refused("items", skipGeometry="yes").subject == "skipGeometry"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("sst", "0", 0),
        ("sst", "-1.5", -1.5),
        ("count", "9007199254740993", 9007199254740993),
        ("site", "a,b", "a,b"),
        ("site", "<5", "<5"),
        ("ok", "False", False),
        ("seen", "2020-01-01", {"date": "2020-01-01"}),
        ("seen", "2020-01-01T00:00:00Z", {"timestamp": "2020-01-01T00:00:00Z"}),
    ],
)
def test_a_property_filters_items(name: str, text: str, value: Any) -> None:
    assert asked("items", **{name: text}).filter == {"op": "=", "args": [{"property": name}, value]}


def test_samples_are_filtered_and_listed_by_platform_time_and_level_too() -> None:
    level = AxisFacts("z", "PRES", 9, 0, 9)
    observed = replace(KNOWN, kind="observations", facts=replace(KNOWN.facts, axes=(level,)))  # type: ignore[type-var]
    assert asked("items", observed, platform="6900123", PRES="5").filter == {
        "op": "and",
        "args": [
            {"op": "=", "args": [{"property": "platform"}, "6900123"]},
            {"op": "=", "args": [{"property": "PRES"}, 5]},
        ],
    }
    assert asked("items", observed, properties="platform,sst").parameters == ("platform", "sst")
    assert asked("items", observed, sortby="-time").sort == (("time", False),)
    assert refused("items", platform="6900123").subject == "platform"


def test_several_filters_hold_together() -> None:
    tree = {"op": ">", "args": [{"property": "sst"}, 3]}
    found = asked("items", sst="1", site="b", filter=tree).filter
    assert found is not None
    assert found["op"] == "and"
    assert found["args"][0] == tree
    assert len(found["args"]) == 3
    assert asked("items", filter=tree).filter == tree
    assert asked("items").filter is None


@pytest.mark.parametrize(
    ("name", "text"),
    [("sst", "x"), ("sst", "nan"), ("count", "1,2"), ("ok", "1"), ("seen", "soon"), ("other", "1"), ("filter", "a=1")],
)
def test_a_filter_of_the_wrong_type_is_refused(name: str, text: str) -> None:
    assert refused("items", **{name: text}).subject == name


# --- junk ----------------------------------------------------------------------------------------------------------

VALUES = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="()[],:/.*-+\"' 0123456789PRTZeE\x00\ud800", max_size=30),
    st.sampled_from(["POINT(", "R5/", "1,2,3,", "Lat(", "time(", "../", "%00", "EPSG:", "nan"]),
)
NAMES = st.sampled_from(
    sorted({n for names in parse.DECLARED.values() for n in names} | {"locationId", "itemId", "sst", "seen", "filter"})
)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(sorted(parse.DECLARED)),
    st.dictionaries(NAMES, st.one_of(VALUES, st.lists(VALUES, max_size=2)), max_size=4),
)
def test_junk_is_a_question_or_a_refusal_and_never_a_crash(verb: str, parameters: dict[str, Any]) -> None:
    try:
        found: Query | str = parse.query(verb, parameters, KNOWN)
    except Invalid as error:
        found = str(error)
    assert isinstance(found, Query) or (len(found) < 700 and found.encode())


@pytest.mark.parametrize(
    "parameters",
    [
        {"subset": "Lat(" * 15_000},
        {"subset": "," * 60_000},
        {"subset": '"' * 60_000},
        {"subset": "time(" + "1:" * 30_000 + ")"},
        {"subset": "a(" + "1," * 30_000 + ")"},
        {"subset": "a" + " " * 60_000},
        {"subset": "member('" + "1," * 30_000 + ")"},
        {"datetime": "2020-01-01," * 5_000 + "x"},
        {"datetime": "/" * 60_000},
        {"bbox": "1," * 30_000},
        {"crs": "EPSG:" + "a." * 30_000},
        {"properties": "sst," * 15_000 + "x"},
        {"bbox": " " * 60_000 + "x"},
        {"datetime": "R5/" + " " * 60_000},
        {"bbox": "9" * 60_000},
    ],
)
def test_a_long_question_is_answered_soon(parameters: dict[str, str]) -> None:
    start = time.perf_counter()
    with pytest.raises(Invalid):
        parse.query("coverage", parameters, KNOWN)
    assert time.perf_counter() - start < 1


# --- filters -------------------------------------------------------------------------------------------------------

EQUAL = {"op": "=", "args": [{"property": "site"}, "Brest"]}


def test_filters_of_all_kinds_are_joined_by_and() -> None:
    assert asked("items", filter="site = 'Brest'").filter == EQUAL
    assert asked("items", filter=json.dumps(EQUAL), filter__lang="cql2-json").filter == EQUAL
    both = asked("items", filter="site = 'Brest'", count="2").filter
    assert both == {"op": "and", "args": [EQUAL, {"op": "=", "args": [{"property": "count"}, 2]}]}
    assert asked("items", id="a").filter == {"op": "=", "args": [{"property": "id"}, "a"]}
    assert asked("items").filter is None


def test_a_filter_without_a_language_is_text() -> None:
    assert refused("items", filter=json.dumps(EQUAL)).subject == "filter"
    assert refused("items", filter="site = 'Brest'", filter__lang="cql2-json").subject == "filter"
    assert "cql2-text or cql2-json" in str(refused("items", filter="site = 'Brest'", filter__lang="sql"))


def test_geometries_of_a_filter_are_in_the_order_of_their_crs_and_the_tree_has_x_first() -> None:
    for crs, text in ((CRS84, "POINT(2 48)"), (EPSG + "4326", "POINT(48 2)"), ("EPSG:4326", "POINT(48 2)")):
        found = asked("items", filter=f"S_INTERSECTS(geometry, {text})", filter__crs=crs)
        assert found.filter["args"][1]["coordinates"] == [2.0, 48.0]  # type: ignore[index]
        assert found.filter_crs == (CRS84 if crs == CRS84 else EPSG + "4326")


@pytest.mark.parametrize("name", ["crs", "bbox-crs", "filter-crs"])
def test_rows_are_asked_in_the_crs_that_are_offered_and_in_that_of_the_data(name: str) -> None:
    elsewhere = replace(KNOWN, facts=replace(KNOWN.facts, crs=EPSG + "27700"))  # type: ignore[type-var]
    assert refused("items", **{name: EPSG + "27700"}).subject == name
    assert parse.query("items", {name: EPSG + "27700"}, elsewhere)
    assert parse.query("items", {name: EPSG + "3035"}, elsewhere)


def test_a_declared_parameter_wins_over_a_property_of_its_name() -> None:
    own = replace(KNOWN, parameters=(*PARAMETERS, Described("limit", NAME), Described("filter", NAME, dtype="string")))
    found = asked("items", own, limit="3", filter="limit > 2 AND \"filter\" = 'x'")
    assert found.page.limit == 3
    assert [a["args"][0]["property"] for a in found.filter["args"]] == ["limit", "filter"]  # type: ignore[index]


def test_lists_and_objects_are_neither_filtered_nor_sorted_by() -> None:
    own = replace(KNOWN, parameters=(*PARAMETERS, Described("tags", NAME, dtype="array")))
    assert refused("items", own, sortby="tags").subject == "sortby"
    assert refused("items", own, tags="a").subject == "tags"
    assert refused("items", own, filter="tags = 'a'").subject == "filter"
    assert asked("items", own, filter="tags IS NULL").filter is not None


def test_what_is_not_known_before_data_are_opened_is_left_to_them() -> None:
    closed = replace(KNOWN, facts=None)
    assert asked(
        "items", closed, filter="fips = 'x' AND S_INTERSECTS(place, POINT(1 2))", sortby="fips", properties="fips"
    )
    assert refused("items", closed, filter="sst = 'x'").subject == "filter"
    assert refused("items", KNOWN, filter="fips = 'x'").subject == "filter"


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("site", (("site", True),)),
        ("-site,+count", (("site", False), ("count", True))),
        (" site, -id", (("site", True), ("id", False))),
        ("site,-site", (("site", True),)),
    ],
)
def test_rows_are_sorted_by_names_in_order(text: str, order: Any) -> None:
    assert asked("items", sortby=text).sort == order
