"""Observations: samples are the same in every layout, and every question gives what was measured, no more, no less."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from poles import times
from poles.answer import answer
from poles.coverage import Coverage, Coverages, Table
from poles.dataset import Dataset, Text
from poles.describe import describe
from poles.errors import Invalid, NotFound, Unreadable
from poles.parts import parts
from poles.query import At, AtLocation, Box, Interval, Page, Query, Span, Within
from poles.rows import shelf
from poles.rows.observations import Observations, is_sampling, read
from poles.rows.shelf import store_of
from poles.sources import open_source

DATA = Path(__file__).parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the real data are not beside the repository")

LON, LAT, NAN = {"units": "degrees_east"}, {"units": "degrees_north"}, float("nan")
TIME = {"units": "days since 2020-01-01", "standard_name": "time"}
DEPTH = {"units": "m", "positive": "down", "standard_name": "depth", "axis": "Z"}
TEMP = {"units": "degC", "coordinates": "time lat lon depth", "long_name": "temperature"}

Variables = Mapping[str, tuple[tuple[str, ...], Any, Mapping[str, Any]]]


def dataset(*paths: Path, **said: Any) -> Dataset:
    return Dataset(
        id="obs", title=Text("o", "o"), description=Text("o", "o"), keywords=(), source=tuple(map(str, paths)), **said
    )  # fmt: skip


def write(path: Path, sizes: Mapping[str, int], variables: Variables, **attrs: str) -> Path:
    """A NetCDF file; text arrays become characters, NaN the fill value."""
    with netCDF4.Dataset(path, "w") as nc:
        nc.setncatts({"Conventions": "CF-1.8", **attrs})
        for name, size in sizes.items():
            nc.createDimension(name, size)
        nc.createDimension("name_len", 8)
        for name, (dims, values, about) in variables.items():
            array = np.asarray(values)
            if array.dtype.kind == "U":
                variable = nc.createVariable(name, "S1", (*dims, "name_len"))
                variable[:] = netCDF4.stringtochar(array.astype("S8"))
            else:
                variable = nc.createVariable(
                    name, array.dtype, dims, fill_value=-999 if array.dtype.kind == "f" else None
                )
                variable[...] = np.where(np.isnan(array), -999, array) if array.dtype.kind == "f" else array
            variable.setncatts(about)
    return path


def observations(entry: Dataset) -> Observations:
    """The samples as they are read from their sources, before they are stored."""
    return read(entry, parts(entry))


def opened(path: Path, sizes: Mapping[str, int], variables: Variables, **attrs: str) -> Observations:
    return observations(dataset(write(path, sizes, variables, **attrs)))


def rows(table: Table) -> list[dict[str, Any]]:
    return [row for batch in table.batches() for row in batch.to_pylist()]


def ids(table: Table) -> list[str]:
    return [row["id"] for row in rows(table)]


def asked(o: Observations, **query: Any) -> Table:
    return answer(o.dataset, Query(verb="items", **query))


def told(c: Coverage) -> tuple[Any, ...]:
    """A coverage as a value that can be compared: domain, axes, composite, values."""
    axes = {a.name: a.values.tolist() for a in c.axes}
    along = None if c.composite is None else {n: v.tolist() for n, v in zip(*_pairs(c), strict=True)}
    values = {k: _plain(b.array()) for k, b in c.ranges.items()}
    return c.domain, c.id, axes, along, values


def _pairs(c: Coverage) -> tuple[Any, Any]:
    assert c.composite is not None
    return c.composite.coordinates, c.composite.values


def _plain(array: Any) -> list[Any]:
    return [None if isinstance(v, float) and np.isnan(v) else v for v in array.ravel().tolist()]


def ms(text: str) -> int:
    return times.milliseconds(times.moment(text), "standard")


def between(start: str | None, end: str | None) -> Interval:
    return Interval(*(None if t is None else times.moment(t) for t in (start, end)))


# --- layouts ---------------------------------------------------------------------------------------------------------

SERIES = np.array([[1.5, NAN, 0.0], [4.0, 5.0, 6.0]])
"""Two stations, three days; one value is missing, one is zero."""
NAMES = np.array(["brest", "sete"])
XS, YS = np.array([-4.5, 3.75]), np.array([48.5, 43.25])
ID = {"cf_role": "timeseries_id"}


def _stations(**more: Any) -> Variables:
    return {
        "station": (("s",), NAMES, ID), "lon": (("s",), XS, LON), "lat": (("s",), YS, LAT),
        **more,
    }  # fmt: skip


def _orthogonal(path: Path) -> Path:
    more = {"time": (("time",), [0.0, 1, 2], TIME), "temp": (("s", "time"), SERIES, TEMP)}
    return write(path, {"s": 2, "time": 3}, _stations(**more), featureType="timeSeries")


def _transposed(path: Path) -> Path:
    more = {"time": (("time",), [0.0, 1, 2], TIME), "temp": (("time", "s"), SERIES.T, TEMP)}
    return write(path, {"s": 2, "time": 3}, _stations(**more), featureType="TimeSeries")


def _incomplete(path: Path) -> Path:
    when = np.array([[0.0, 1, 2, NAN], [0, 1, 2, NAN]])
    more = {
        "time": (("s", "o"), when, TIME),
        "temp": (("s", "o"), np.column_stack([SERIES, [NAN, NAN]]), TEMP),
    }
    return write(path, {"s": 2, "o": 4}, _stations(**more), featureType="timeSeries")


def _contiguous(path: Path) -> Path:
    more = {
        "row_size": (("s",), np.array([3, 3], "i4"), {"sample_dimension": "o"}),
        "time": (("o",), [0.0, 1, 2, 0, 1, 2], TIME),
        "temp": (("o",), SERIES.ravel(), TEMP),
    }
    return write(path, {"s": 2, "o": 6}, _stations(**more), featureType="timeseries")


def _indexed(path: Path) -> Path:
    order = np.array([3, 0, 4, 1, 5, 2])
    more = {
        "which": (("o",), (order // 3).astype("i4"), {"instance_dimension": "s"}),
        "time": (("o",), np.tile([0.0, 1, 2], 2)[order], TIME),
        "temp": (("o",), SERIES.ravel()[order], TEMP),
    }
    return write(path, {"s": 2, "o": 6}, _stations(**more), featureType="timeSeries")


def _flat(path: Path) -> Path:
    """Everything along the samples, as ERDDAP writes it, and no featureType."""
    return write(path, {"row": 6}, {
        "station": (("row",), np.repeat(NAMES, 3), {}),
        "longitude": (("row",), np.repeat(XS, 3), LON), "latitude": (("row",), np.repeat(YS, 3), LAT),
        "time": (("row",), np.tile([0.0, 1, 2], 2), TIME), "temp": (("row",), SERIES.ravel(), TEMP),
    })  # fmt: skip


SERIES_LAYOUTS = (_orthogonal, _transposed, _incomplete, _contiguous, _indexed, _flat)


@pytest.mark.parametrize("layout", SERIES_LAYOUTS)
def test_layout_never_changes_a_series(tmp_path: Path, layout: Any) -> None:
    o = observations(dataset(layout(tmp_path / "a.nc")))
    assert o.feature_type == "timeSeries"
    assert o.ids == tuple(sorted(o.ids)) or layout is _indexed
    found = sorted(
        (told(c) for c in answer(o.dataset, Query(where=Box(-180, -90, 180, 90))).members), key=lambda c: c[1]
    )
    days = [ms(f"2020-01-0{d}") for d in (1, 2, 3)]
    assert found == [
        ("PointSeries", "brest", {"t": days, "y": [48.5], "x": [-4.5]}, None, {"temp": [1.5, None, 0.0]}),
        ("PointSeries", "sete", {"t": days, "y": [43.25], "x": [3.75]}, None, {"temp": [4.0, 5.0, 6.0]}),
    ]
    assert sorted(ids(asked(o))) == [f"{n}-2020010{d}T000000Z" for n in NAMES for d in (1, 2, 3)]


CASTS = [(0.0, [(0.0, 10.0), (10.0, 11.0), (20.0, NAN)]), (1.0, [(0.0, 20.0), (5.0, 21.0)])]
"""Two profiles: the day, and (depth, temperature); one value is missing."""


def _casts_padded(path: Path, kind: str = "profile", **more: Any) -> Path:
    z, v = np.array([[0.0, 10, 20], [0, 5, NAN]]), np.array([[10.0, 11, NAN], [20, 21, NAN]])
    return write(path, {"p": 2, "z": 3}, {
        "cast": (("p",), NAMES, {"cf_role": "profile_id"}),
        "time": (("p",), [0.0, 1], TIME), "lon": (("p",), XS, LON), "lat": (("p",), YS, LAT),
        "depth": (("p", "z"), z, DEPTH), "temp": (("p", "z"), v, TEMP), **more,
    }, featureType=kind)  # fmt: skip


def _casts_ragged(path: Path) -> Path:
    return write(path, {"p": 2, "o": 5}, {
        "cast": (("p",), NAMES, {"cf_role": "profile_id"}),
        "time": (("p",), [0.0, 1], TIME), "lon": (("p",), XS, LON), "lat": (("p",), YS, LAT),
        "size": (("p",), np.array([3, 2], "i4"), {"sample_dimension": "o"}),
        "depth": (("o",), [0.0, 10, 20, 0, 5], DEPTH), "temp": (("o",), [10.0, 11, NAN, 20, 21], TEMP),
    }, featureType="Profile")  # fmt: skip


def _casts_indexed(path: Path) -> Path:
    return write(path, {"p": 2, "o": 5}, {
        "cast": (("p",), NAMES, {"cf_role": "profile_id"}),
        "time": (("p",), [0.0, 1], TIME), "lon": (("p",), XS, LON), "lat": (("p",), YS, LAT),
        "of": (("o",), np.array([1, 0, 0, 1, 0], "i4"), {"instance_dimension": "p"}),
        "depth": (("o",), [5.0, 20, 0, 0, 10], DEPTH), "temp": (("o",), [21.0, NAN, 10, 20, 11], TEMP),
    }, featureType="profile")  # fmt: skip


@pytest.mark.parametrize("layout", [_casts_padded, _casts_ragged, _casts_indexed])
def test_layout_never_changes_a_profile(tmp_path: Path, layout: Any) -> None:
    o = observations(dataset(layout(tmp_path / "a.nc")))
    found = sorted((told(c) for c in answer(o.dataset, Query()).members), key=lambda c: c[1])
    assert found == [
        (
            "VerticalProfile", "brest", {"t": [ms("2020-01-01")], "z": [0, 10, 20], "y": [48.5], "x": [-4.5]}, None,
            {"temp": [10.0, 11.0, None]},
        ),
        (
            "VerticalProfile", "sete", {"t": [ms("2020-01-02")], "z": [0, 5], "y": [43.25], "x": [3.75]}, None,
            {"temp": [20.0, 21.0]},
        ),
    ]  # fmt: skip
    assert o.feature_type == "profile"
    assert len(o) == 5


def test_padding_is_no_sample(tmp_path: Path) -> None:
    o = observations(dataset(_casts_padded(tmp_path / "a.nc")))
    assert asked(o).matched == 5


def test_a_station_of_profiles_with_the_same_levels_is_a_grid_of_times_and_levels(tmp_path: Path) -> None:
    o = opened(tmp_path / "a.nc", {"time": 2, "range": 3}, {
        "time": (("time",), [0.0, 1], TIME), "range": (("range",), [0.0, 30, 60], {"units": "m"}),
        "lat": ((), 48.7, LAT), "lon": ((), 2.2, LON),
        "beta": (("time", "range"), [[0.0, 1, 2], [3, NAN, 5]], {"units": "1"}),
        "cover": (("time",), np.array([7, 8], "i1"), {"long_name": "cloud cover"}),
    })  # fmt: skip
    days = [ms("2020-01-01"), ms("2020-01-02")]
    found = sorted((told(c) for c in answer(o.dataset, Query(where=At(((2.2, 48.7),)))).members), key=str)
    assert found == [
        (
            "Grid", "obs", {"t": days, "z": [0, 30, 60], "y": [48.7], "x": [2.2]}, None,
            {"beta": [0.0, 1.0, 2.0, 3.0, None, 5.0]},
        ),
        ("PointSeries", "obs", {"t": days, "y": [48.7], "x": [2.2]}, None, {"cover": [7, 8]}),
    ]  # fmt: skip
    one = answer(o.dataset, Query(where=At(((2.2, 48.7),)), parameters=("beta",), levels=(Span(30, 30),))).members
    assert [told(c)[0] for c in one] == ["PointSeries"]
    assert told(one[0])[4] == {"beta": [1.0, None]}


def test_several_stations_of_ragged_profiles(tmp_path: Path) -> None:
    o = opened(tmp_path / "a.nc", {"s": 2, "p": 3, "o": 5}, {
        "station": (("s",), NAMES, ID), "lon": (("s",), XS, LON), "lat": (("s",), YS, LAT),
        "time": (("p",), [0.0, 0, 1], TIME), "of": (("p",), np.array([1, 0, 1], "i4"), {"instance_dimension": "s"}),
        "size": (("p",), np.array([2, 1, 2], "i4"), {"sample_dimension": "o"}),
        "depth": (("o",), [10.0, 0, 0, 0, 10], DEPTH), "temp": (("o",), [1.0, 2, 3, 4, 5], TEMP),
    }, featureType="timeSeriesProfile")  # fmt: skip
    found = {c.id: told(c) for c in answer(o.dataset, Query()).members}
    days = [ms("2020-01-01"), ms("2020-01-02")]
    assert found["sete"] == (
        "Grid", "sete", {"t": days, "z": [0, 10], "y": [43.25], "x": [3.75]}, None, {"temp": [2.0, 1.0, 4.0, 5.0]},
    )  # fmt: skip
    assert found["brest"][2]["z"] == [0]
    assert found["brest"][4] == {"temp": [3.0]}


TRACK: Variables = {
    "trajectory": (("o",), np.array([1, 1, 2, 2, 1], "i4"), {}),
    "time": (("o",), [0.0, 1, 0, 1, 2], TIME),
    "lon": (("o",), [179.0, -179.5, 10, 11, 182], LON),
    "lat": (("o",), [0.0, 1, 50, 51, 2], LAT),
    "sst": (("o",), [10.0, 11, 20, 21, 12], {"units": "degC"}),
}


def test_tracks_without_a_feature_type_are_told_by_their_ids(tmp_path: Path) -> None:
    o = opened(tmp_path / "a.nc", {"o": 5}, TRACK)
    days = [ms(f"2020-01-0{d}") for d in (1, 2, 3)]
    assert [told(c) for c in answer(o.dataset, Query()).members] == [
        ("Trajectory", "1", {}, {"t": days, "x": [179, -179.5, -178], "y": [0, 1, 2]}, {"sst": [10.0, 11.0, 12.0]}),
        ("Trajectory", "2", {}, {"t": days[:2], "x": [10, 11], "y": [50, 51]}, {"sst": [20.0, 21.0]}),
    ]
    line = shapely.from_wkb(rows(answer(o.dataset, Query(verb="locations")))[1]["geometry"])
    assert line.equals(shapely.LineString([(10, 50), (11, 51)]))


@pytest.mark.parametrize("beside", [0, 60, 1_500])
def test_many_positions_are_answered_as_each_alone(tmp_path: Path, beside: int) -> None:
    o = opened(tmp_path / "a.nc", {"o": 5}, TRACK)
    points = ((179.0, 0.0), (10.0, 50.0), *((i / 10 - 180, 1.5) for i in range(beside)), (180.5, 1.0), (182.0, 2.0))
    alone = [told(c) for p in points[:2] + points[-2:] for c in answer(o.dataset, Query(where=At((p,)))).members]
    assert len(alone) == 4
    assert [told(c) for c in answer(o.dataset, Query(where=At(points))).members] == alone


def test_the_box_of_samples_around_180_degrees_crosses_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nc", {"o": 5}, TRACK | {"lon": (("o",), [179.0, -179.5, 178, 177, 182], LON)})
    facts = describe(dataset(path))
    assert facts.bbox == (177.0, 0.0, -178.0, 51.0)
    assert facts.interval == ("2020-01-01T00:00:00Z", "2020-01-03T00:00:00Z")
    assert facts.count == 5


def test_a_box_across_180_degrees_holds_both_sides(tmp_path: Path) -> None:
    o = opened(tmp_path / "a.nc", {"o": 5}, TRACK)
    for box in (Box(178, -10, -178, 10), Box(178, -10, 182, 10), Box(-182, -10, -178, 10)):
        assert asked(o, where=box).matched == 3
    assert asked(o, where=Box(-180, -90, 180, 90)).matched == 5
    assert asked(o, where=Box(0, -90, 360, 90)).matched == 5


def test_points_seen_at_once_are_no_track(tmp_path: Path) -> None:
    o = opened(tmp_path / "a.nc", {"o": 3}, {
        "time": (("o",), [1.0, 1, 1], TIME), "lon": (("o",), [0.0, 50, 20], LON), "lat": (("o",), [0.0, 1, -30], LAT),
        "size": (("o",), [1.0, 2, 3], {"units": "m"}),
    })  # fmt: skip
    assert o.feature_type == "point"
    (found,) = answer(o.dataset, Query()).members
    assert told(found) == (
        "MultiPoint", "obs", {"t": [ms("2020-01-02")]}, {"x": [0, 50, 20], "y": [0, 1, -30]}, {"size": [1.0, 2.0, 3.0]},
    )  # fmt: skip
    assert len(set(ids(asked(o)))) == 3


def test_points_seen_one_after_the_other_keep_their_times(tmp_path: Path) -> None:
    text = "time,lat,lon,depth,mag\n2020-01-01,0,0,10,4\n2020-01-02,50,90,20,5\n2020-01-03,-50,-90,0,6\n"
    o = _table(tmp_path / "a.csv", text)
    (found,) = answer(o.dataset, Query()).members
    days = [ms(f"2020-01-0{d}") for d in (1, 2, 3)]
    along = {"t": days, "x": [0, 90, -90], "y": [0, 50, -50], "z": [10, 20, 0]}
    assert told(found) == ("MultiPoint", "obs", {}, along, {"mag": [4, 5, 6]})


def test_the_levels_of_a_tower_are_a_series_each(tmp_path: Path) -> None:
    o = opened(tmp_path / "a.nc", {"o": 4}, {
        "time": (("o",), [0.0, 0, 1, 1], TIME),
        "lon": (("o",), np.full(4, 2.0), LON), "lat": (("o",), np.full(4, 48.0), LAT),
        "altitude": (("o",), [10.0, 100, 10, 100], {"units": "m", "positive": "up", "standard_name": "altitude"}),
        "co2": (("o",), [400.0, 410, 401, 411], {"units": "1e-6"}),
    })  # fmt: skip
    found = [told(c) for c in answer(o.dataset, Query(verb="location", where=AtLocation(("obs",)))).members]
    assert [(c[0], c[2]["z"], c[4]["co2"]) for c in found] == [
        ("PointSeries", [10.0], [400.0, 401.0]), ("PointSeries", [100.0], [410.0, 411.0]),
    ]  # fmt: skip


def test_a_site_in_the_attributes_places_a_series(tmp_path: Path) -> None:
    o = opened(tmp_path / "a.nc", {"time": 2}, {
        "time": (("time",), [0.0, 1], TIME), "co2": (("time",), [400.0, 401], {"units": "1e-6"}),
    }, station_latitude="51.8", station_longitude="10.5", station_id="toh")  # fmt: skip
    assert o.ids == ("toh",)
    assert o.places[0].tolist() == [10.5]


def test_a_file_without_any_place_is_refused_in_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nc", {"time": 2}, {
        "time": (("time",), [0.0, 1], TIME), "soi": (("time",), [1.0, 2], {}),
    })  # fmt: skip
    with pytest.raises(Unreadable, match=r"there is no latitude and no longitude") as error:
        observations(dataset(path))
    assert "\n" not in str(error.value)


def test_no_record_is_an_empty_data_set(tmp_path: Path) -> None:
    o = opened(tmp_path / "a.nc", {"time": 0, "z": 3}, {
        "time": (("time",), np.zeros(0), TIME), "lat": ((), 48.7, LAT), "lon": ((), 2.2, LON),
        "z": (("z",), [0.0, 1, 2], DEPTH), "u": (("time", "z"), np.zeros((0, 3)), {"units": "m/s"}),
    })  # fmt: skip
    assert answer(o.dataset, Query(where=At(((2.2, 48.7),)))).empty
    assert rows(asked(o)) == []
    assert asked(o).matched == 0
    facts = describe(o.dataset)
    assert (facts.count, facts.bbox, facts.interval) == (0, None, None)


def test_what_is_known_of_a_profile_is_a_property_of_its_items(tmp_path: Path) -> None:
    cycle = {"CYCLE_NUMBER": (("p",), np.array([7, 8], "i4"), {}), "MODE": (("p",), np.array(["D", "R"]), {})}
    ship = {"platform_number": (("p",), np.array(["90", "90"]), {})}
    o = observations(dataset(_casts_padded(tmp_path / "a.nc", "trajectoryProfile", **cycle, **ship)))
    assert o.ids == ("90",)
    assert set(o.parameters) == {"temp"}
    assert [(r["CYCLE_NUMBER"], r["MODE"], r["depth"], r["temp"]) for r in rows(asked(o))] == [
        (7, "D", 0, 10), (7, "D", 10, 11), (7, "D", 20, None), (8, "R", 0, 20), (8, "R", 5, 21),
    ]  # fmt: skip


def test_packed_and_flagged_values_are_physical(tmp_path: Path) -> None:
    o = opened(tmp_path / "a.nc", {"time": 3}, {
        "time": (("time",), [0.0, 1, 2], TIME), "lat": ((), 48.7, LAT), "lon": ((), 2.2, LON),
        "sla": (("time",), np.array([0, -500, -32767], "i2"), {"scale_factor": 0.001, "add_offset": 1.0, "units": "m"}),
        "qc": (("time",), np.array([1, 4, 9], "i1"), {
            "flag_values": np.array([1, 4, 9], "i1"), "flag_meanings": "good bad missing"}),
    })  # fmt: skip
    (found,) = answer(o.dataset, Query()).members
    assert _plain(found.ranges["sla"].array().round(4)) == [pytest.approx(1.0), pytest.approx(0.5), None]
    assert found.ranges["qc"].array().dtype == np.int8
    assert [(c.value, c.label.en) for c in o.parameters["qc"].categories] == [(1, "good"), (4, "bad"), (9, "missing")]
    assert o.parameters["sla"].unit == "m"


def test_files_of_one_data_set_are_joined_platform_by_platform(tmp_path: Path) -> None:
    for n, (name, start) in enumerate((("brest", 2.0), ("sete", 0.0), ("brest", 0.0))):
        write(tmp_path / f"{n}.nc", {"time": 2}, {
            "time": (("time",), [start, start + 1], TIME), "lat": ((), YS[name == NAMES][0], LAT),
            "lon": ((), XS[name == NAMES][0], LON), "temp": (("time",), [start, start + 1], TEMP),
        }, platform_code=name, featureType="timeSeries")  # fmt: skip
    o = observations(dataset(tmp_path / "*.nc"))
    found = {c.id: told(c)[4]["temp"] for c in answer(o.dataset, Query()).members}
    assert found == {"brest": [0.0, 1.0, 2.0, 3.0], "sete": [0.0, 1.0]}


def test_ids_survive_another_order_of_the_same_rows(tmp_path: Path) -> None:
    first = asked(observations(dataset(_contiguous(tmp_path / "a.nc"))))
    second = asked(observations(dataset(_indexed(tmp_path / "b.nc"))))
    assert {r["id"]: (r["platform"], r["time"], r["temp"]) for r in rows(first)} == {
        r["id"]: (r["platform"], r["time"], r["temp"]) for r in rows(second)
    }


def test_a_changed_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poles.parts.CHECKED_S", 0.0)
    entry = dataset(_orthogonal(tmp_path / "a.nc"))
    before = store_of(entry, "observations")
    assert store_of(entry, "observations") is before
    shutil.move(_casts_padded(tmp_path / "b.nc"), tmp_path / "a.nc")
    assert describe(entry).feature_type == "profile"


def test_rows_are_served_when_their_source_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poles.parts.CHECKED_S", 0.0)
    monkeypatch.setattr("poles.parts._GRACE_S", 0.0)
    entry = dataset(_orthogonal(tmp_path / "a.nc"), kind="observations")
    before = ids(answer(entry, Query(verb="items")))
    (tmp_path / "a.nc").unlink()
    assert ids(answer(entry, Query(verb="items"))) == before
    shelf._held.clear()  # as in a process that starts
    assert ids(answer(entry, Query(verb="items"))) == before


# --- questions -------------------------------------------------------------------------------------------------------


@pytest.fixture
def stations(tmp_path: Path) -> Observations:
    return observations(dataset(_orthogonal(tmp_path / "a.nc")))


def test_a_location_is_the_position_of_its_place(stations: Observations) -> None:
    for name, x, y in zip(NAMES, XS, YS, strict=True):
        at = answer(stations.dataset, Query(where=At(((x, y),)))).members
        there = answer(stations.dataset, Query(verb="location", where=AtLocation((name,)))).members
        assert [told(c) for c in at] == [told(c) for c in there]


def test_a_position_is_answered_by_a_place_nearby_and_by_none_further_away(stations: Observations) -> None:
    near = answer(stations.dataset, Query(where=At(((-4.495, 48.505),))))
    assert [c.id for c in near.members] == ["brest"]
    assert near.members[0].axis("x").values.tolist() == [-4.5]  # type: ignore[union-attr]
    assert [c.id for c in answer(stations.dataset, Query(where=At(((355.5, 48.5),)))).members] == ["brest"]
    assert answer(stations.dataset, Query(where=At(((-4.4, 48.5),)))).empty
    two = answer(stations.dataset, Query(where=At(((-4.5, 48.5), (3.75, 43.25)))))
    assert [c.id for c in two.members] == ["brest", "sete"]
    assert two.collection


def test_names_that_are_not_there_are_refused(stations: Observations) -> None:
    with pytest.raises(Invalid, match="parameter-name"):
        answer(stations.dataset, Query(parameters=("salt",)))
    with pytest.raises(Invalid, match="properties"):
        asked(stations, parameters=("salt",))
    with pytest.raises(NotFound, match="ajaccio"):
        answer(stations.dataset, Query(verb="location", where=AtLocation(("ajaccio",))))
    with pytest.raises(NotFound, match="itemId"):
        answer(stations.dataset, Query(verb="item", ids=("nothing",)))
    with pytest.raises(Invalid, match="vertical"):
        answer(stations.dataset, Query(levels=(Span(0, 10),)))


def test_an_item_is_found_by_its_id(stations: Observations) -> None:
    for row in rows(asked(stations)):
        found = answer(stations.dataset, Query(verb="item", ids=(row["id"],)))
        assert rows(found) == [row]
        assert found.single


def test_filters_compare_properties(stations: Observations) -> None:
    def equal(name: str, value: Any) -> dict[str, Any]:
        return {"op": "=", "args": [{"property": name}, value]}

    assert ids(asked(stations, filter=equal("temp", 0))) == ["brest-20200103T000000Z"]
    assert asked(stations, filter=equal("platform", "sete")).matched == 3
    assert asked(stations, filter={"op": "and", "args": [equal("platform", "sete"), equal("temp", 5.0)]}).matched == 1
    assert asked(stations, filter=equal("time", {"date": "2020-01-02"})).matched == 2


def test_sorted_rows_come_in_order_and_nulls_last(stations: Observations) -> None:
    assert [r["temp"] for r in rows(asked(stations, sort=(("temp", True),)))] == [0, 1.5, 4, 5, 6, None]
    assert [r["temp"] for r in rows(asked(stations, sort=(("temp", False),)))] == [6, 5, 4, 1.5, 0, None]


def test_properties_and_geometries_are_chosen(stations: Observations) -> None:
    table = asked(stations, parameters=("temp",), geometry=False)
    assert table.schema.names == ["id", "time", "temp"]
    assert table.geometry is None
    assert asked(stations).schema.names == ["id", "platform", "time", "temp", "geometry"]


def test_a_parameter_may_have_the_name_of_what_every_item_has(tmp_path: Path) -> None:
    o = _table(
        tmp_path / "a.csv",
        "station_id,when,lat,lon,platform,geometry\na,2020-01-01,1,2,7,8\n",
        names=(("time", "when"),),
    )
    (row,) = rows(asked(o))
    assert (row["platform"], shapely.from_wkb(row["geometry"]).x) == (7, 2)
    assert set(o.parameters) == {"platform", "geometry"}


def test_geometries_follow_the_crs_that_is_asked(stations: Observations) -> None:
    code = "http://www.opengis.net/def/crs/EPSG/0/3857"
    point = shapely.from_wkb(rows(asked(stations, crs_out=code))[0]["geometry"])
    assert (point.x, point.y) == pytest.approx((-500937.7, 6190443.8), abs=1)
    (member,) = answer(stations.dataset, Query(verb="location", where=AtLocation(("brest",)), crs_out=code)).members
    assert member.crs == code
    assert member.axis("x").values[0] == pytest.approx(-500937.7, abs=1)  # type: ignore[union-attr]


def test_locations_tell_what_a_platform_has(stations: Observations) -> None:
    found = rows(answer(stations.dataset, Query(verb="locations")))
    assert [(r["id"], r["datetime"], r["parameter-name"], r["count"]) for r in found] == [
        ("brest", "2020-01-01T00:00:00Z/2020-01-03T00:00:00Z", ["temp"], 3),
        ("sete", "2020-01-01T00:00:00Z/2020-01-03T00:00:00Z", ["temp"], 3),
    ]
    assert shapely.from_wkb(found[0]["geometry"]).equals(shapely.Point(-4.5, 48.5))
    inside = answer(stations.dataset, Query(verb="locations", where=Box(0, 40, 10, 50)))
    assert ids(inside) == ["sete"]
    assert answer(stations.dataset, Query(verb="locations", when=(between("2021-01-01", None),))).matched == 0


def test_a_bare_date_is_its_whole_day_and_an_instant_only_itself(stations: Observations) -> None:
    day, noon = times.moment("2020-01-02"), times.moment("2020-01-02T12:00:00Z")
    assert asked(stations, when=(Interval(day, day),)).matched == 2
    assert asked(stations, when=(Interval(noon, noon),)).matched == 0


# --- laws over any samples -------------------------------------------------------------------------------------------

PLACES = st.tuples(st.integers(-18, 17), st.integers(-8, 8))
SAMPLES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6), PLACES, st.integers(0, 3)), min_size=1, max_size=12)


def _of(path: Path, samples: list[tuple[int, int, tuple[int, int], int]]) -> Observations:
    lines = ["ship,time,lon,lat,a,b"]
    lines += [f"s{p},2020-01-0{d + 1}T00:00:00Z,{10 * x},{10 * y},{v},{-v}" for p, d, (x, y), v in samples]
    path.write_text("\n".join(lines))
    return observations(dataset(path))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    base = tmp_path_factory.mktemp("samples")
    numbers = iter(range(10**9))
    return lambda: base / f"{next(numbers)}.csv"


@settings(max_examples=30, deadline=None)
@given(samples=SAMPLES, corner=PLACES, width=st.integers(0, 35), height=st.integers(0, 16))
def test_all_that_lies_in_a_box_is_answered_and_nothing_else(
    folder: Any, samples: Any, corner: Any, width: int, height: int
) -> None:
    o = _of(folder(), samples)
    west, south = 10 * corner[0], 10 * corner[1]
    east, north = west + 10 * width, min(south + 10 * height, 90)
    inside = [(x, y) for _, _, (x, y), _ in samples if (10 * x - west) % 360 <= 10 * width and south <= 10 * y <= north]
    for box in (Box(west, south, east, north), Box(west, south, east - 360 if east >= 180 else east, north)):
        table = asked(o, where=box)
        points = shapely.from_wkb([r["geometry"] for r in rows(table)])
        assert sorted((p.x / 10, p.y / 10) for p in points) == sorted(inside)
        assert table.matched == len(inside)
    polygon = shapely.box(west, south, east, north)
    if polygon.area:
        assert asked(o, where=Within(polygon)).matched == len(inside)


@settings(max_examples=30, deadline=None)
@given(samples=SAMPLES, cut=st.integers(1, 6))
def test_an_interval_split_in_two_gives_the_whole(folder: Any, samples: Any, cut: int) -> None:
    o = _of(folder(), samples)
    day = f"2020-01-0{cut}"
    parts = [asked(o, when=(between(None, day),)), asked(o, when=(between(f"{day}T00:00:01Z", None),))]
    whole = ids(asked(o))
    assert sorted(i for p in parts for i in ids(p)) == sorted(whole)
    assert ids(asked(o, when=(between(None, day), between(day, None)))) == whole


@settings(max_examples=30, deadline=None)
@given(samples=SAMPLES, limit=st.integers(1, 5))
def test_pages_joined_are_the_whole(folder: Any, samples: Any, limit: int) -> None:
    o = _of(folder(), samples)
    for sort in ((), (("a", False), ("platform", True))):
        whole = ids(asked(o, sort=sort))
        pages = [asked(o, sort=sort, page=Page(limit, start)) for start in range(0, len(samples) + limit, limit)]
        assert [i for p in pages for i in ids(p)] == whole
        assert len(set(whole)) == len(samples)
        assert {p.matched for p in pages} == {len(samples)}


@settings(max_examples=30, deadline=None)
@given(samples=SAMPLES)
def test_two_parameters_are_the_two_single_answers(folder: Any, samples: Any) -> None:
    o = _of(folder(), samples)

    def values(*keys: str) -> list[Any]:
        found: Coverages = answer(o.dataset, Query(parameters=keys))
        return [{k: told(c)[4][k] for k in keys} for c in found.members]

    assert values("a", "b") == [a | b for a, b in zip(values("a"), values("b"), strict=True)]
    assert sorted(v for c in values("a") for v in c["a"]) == sorted(s[3] for s in samples)


@settings(max_examples=30, deadline=None)
@given(samples=SAMPLES)
def test_all_locations_together_are_everything(folder: Any, samples: Any) -> None:
    o = _of(folder(), samples)
    each = [c for i in o.ids for c in answer(o.dataset, Query(verb="location", where=AtLocation((i,)))).members]
    assert [told(c) for c in each] == [told(c) for c in answer(o.dataset, Query()).members]


# --- tables of text --------------------------------------------------------------------------------------------------


def _table(path: Path, text: str, **said: Any) -> Observations:
    path.write_bytes(text.encode(said.pop("encoding", "utf-8")))
    return observations(dataset(path, **said))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "  "])
@pytest.mark.parametrize("comment", ["", "# made by hand\n// and so on\n"])
def test_the_delimiter_of_a_table_never_changes_it(tmp_path: Path, delimiter: str, comment: str) -> None:
    lines = [
        "id lat_N long time(UTC) temp",
        "a 48.5 -4.5 2020-01-01T00:00:00Z 1.5",
        "a 48.5 -4.5 2020-01-02T00:00:00Z 0",
    ]
    text = comment + "\n".join(line.replace(" ", delimiter) for line in lines) + "\n"
    o = _table(tmp_path / "a.txt", text.replace("lat_N", "Lat_N"))
    (found,) = answer(o.dataset, Query()).members
    assert told(found) == (
        "PointSeries", "a", {"t": [ms("2020-01-01"), ms("2020-01-02")], "y": [48.5], "x": [-4.5]}, None,
        {"temp": [1.5, 0.0]},
    )  # fmt: skip


def test_units_are_read_from_headers_and_from_a_row_of_units(tmp_path: Path) -> None:
    header = _table(
        tmp_path / "a.csv", "time,lat,lon,Température (°C),wind [m s-1]\n2020-01-01,1,2,3,4\n", encoding="latin-1"
    )  # fmt: skip
    assert {k: d.unit for k, d in header.parameters.items()} == {"Température": "Cel", "wind": "m/s"}
    units = "UTC,degrees_north,degrees_east,degree_C"
    row = _table(tmp_path / "b.csv", f"time,latitude,longitude,temp\n{units}\n2020-01-01T00:00:00Z,1,2,3\n")
    assert {k: d.unit for k, d in row.parameters.items()} == {"temp": "Cel"}
    assert len(row) == 1


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("time", "2020-01-02T03:04:05Z"), ("datetime", "2020-01-02 03:04:05"), ("Date", "2020/01/02 03:04:05"),
        ("timestamp", "20200102030405"), ("Date(dd:mm:yyyy),Time(hh:mm:ss)", "02:01:2020,03:04:05"),
        ("date,time", "2020-01-02,03:04:05"), ("time", "2020-01-02T05:04:05+02:00"), ("epoch", "1577934245"),
        ("year,month,day,hour,minute,second", "2020,1,2,3,4,5"), ("TIMESTAMP_START", "20200102030405"),
    ],
)  # fmt: skip
def test_times_are_read_as_people_write_them(tmp_path: Path, header: str, row: str) -> None:
    o = _table(tmp_path / "a.csv", f"{header},lat,lon,v\n{row},1,2,3\n")
    assert o.groups[0].t.tolist() == [ms("2020-01-02T03:04:05Z")]


def test_dates_that_could_be_read_two_ways_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="day and month"):
        _table(tmp_path / "a.csv", "date,lat,lon,v\n02/03/2020,1,2,3\n")
    o = _table(tmp_path / "b.csv", "date,lat,lon,v\n02/03/2020,1,2,3\n13/03/2020,1,2,3\n")
    assert o.groups[0].t.tolist() == [ms("2020-03-02"), ms("2020-03-13")]


def test_empty_fields_are_missing_and_zero_is_a_measurement(tmp_path: Path) -> None:
    o = _table(tmp_path / "a.csv", "time,lat,lon,v,w\n2020-01-01,1,2,0,\n2020-01-02,1,2,NaN,NA\n2020-01-03,1,2,-5,0\n")
    assert [(r["v"], r["w"]) for r in rows(asked(o))] == [(0, None), (None, None), (-5, 0)]


def test_a_code_of_nines_is_missing_only_where_that_is_evident(tmp_path: Path) -> None:
    def values(text: str) -> list[Any]:
        return [r["v"] for r in rows(asked(_table(tmp_path / f"{hash(text)}.csv", text)))]

    body = "time,lat,lon,v\n2020-01-01,1,2,3.5\n2020-01-02,1,2,-999\n"
    assert values("# missing value: -999\n" + body) == [3.5, None]
    assert values(body) == [3.5, -999]
    assert values(body.replace("-999", "-9999")) == [3.5, None]
    assert values("# missing value: -999\n" + body + "2020-01-03,1,2,-998\n") == [3.5, -999, -998]
    o = _table(tmp_path / "f.csv", "TIMESTAMP_START,lat,lon,v\n202001010000,1,2,-9999\n202001010030,1,2,0\n")
    assert [r["v"] for r in rows(asked(o))] == [None, 0]
    assert o.mended == ("-9999 is read as missing in v",)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("2020-01-01,1,2,3\n2020-01-02,1,2\n2020-01-03,1,2,3,4\n", "line 3 has 3 fields of 4 (2 such lines)"),
        ("2020-01-01,1,2,3\n2020-01-02,A,2,3\n", "line 3: lat 'A' is no number"),
        ("2020-01-01,1,2,3\n2020-01-02,91,2,3\n", "line 3: lat 91 is no latitude"),
    ],
)  # fmt: skip
def test_a_row_that_does_not_fit_refuses_the_file(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(Unreadable, match=re.escape(said)):
        _table(tmp_path / "a.csv", "time,lat,lon,v\n" + body)


def test_columns_are_named_and_a_site_is_placed_by_the_data_set(tmp_path: Path) -> None:
    text = "when,A,B,v\n2020-01-01,10,20,3\n"
    with pytest.raises(Unreadable, match="latitude and longitude"):
        _table(tmp_path / "a.csv", text)
    o = _table(tmp_path / "a.csv", text, names=(("x", "A"), ("y", "B"), ("time", "when")))
    assert (o.groups[0].x.tolist(), o.groups[0].y.tolist()) == ([10.0], [20.0])
    site = _table(
        tmp_path / "b.csv", text, names=(("x", "=2.35"), ("y", "=48.8"), ("time", "when"), ("platform", "=paris"))
    )
    assert site.ids == ("paris",)
    assert [c.id for c in answer(site.dataset, Query(where=At(((2.35, 48.8),)))).members] == ["paris"]


def test_longitudes_are_written_between_minus_180_and_180(tmp_path: Path) -> None:
    o = _table(
        tmp_path / "a.csv",
        "station,time,lat,lon,v\na,2020-01-01,1,-229.156,3\nb,2020-01-01,1,200,3\nc,2020-01-01,1,180,3\n",
    )
    assert o.places[0].tolist() == [130.844, -160.0, -180.0]


def test_projected_columns_are_placed_by_the_crs(tmp_path: Path) -> None:
    o = _table(tmp_path / "a.csv", "time,x,y,v\n2020-01-01,700000,6600000,1\n", crs="EPSG:2154")
    assert (o.places[0][0], o.places[1][0]) == pytest.approx((3.0, 46.5), abs=1e-6)


def test_a_pressure_is_a_level_only_where_it_tells_samples_apart(tmp_path: Path) -> None:
    weather = _table(
        tmp_path / "a.csv", "station,time,lat,lon,pressure,t\na,2020-01-01,1,2,1010,3\na,2020-01-02,1,2,1011,4\n"
    )
    assert "pressure" in weather.parameters
    sonde = _table(
        tmp_path / "b.csv", "station,time,lat,lon,pressure,t\na,2020-01-01,1,2,1010,3\na,2020-01-01,1,2,500,4\n"
    )
    assert "pressure" not in sonde.parameters
    assert sonde.groups[0].z is not None


# --- real data -------------------------------------------------------------------------------------------------------

MANIFEST = json.loads((DATA / "MANIFEST.json").read_text()) if DATA.exists() else []
NEITHER = {
    "odatis/seawifs_chl_l3b.nc": "bins of an integerised grid in compound types",
    "aeris/soi_darwin.nc": "a series without any place",
}
"""Items that are neither observations that can be placed nor grids."""


def _is_ours(entry: dict[str, Any]) -> bool:
    if entry.get("reader") != "netCDF4" or entry["path"] in NEITHER:
        return False
    try:
        return is_sampling(open_source(str(DATA / entry["path"])))
    except Unreadable:
        return False


OURS = [e for e in MANIFEST if _is_ours(e)]


@needs_data
def test_files_with_a_discrete_feature_type_are_observations() -> None:
    declared = {e["path"] for e in MANIFEST if str(e.get("featureType")).lower() not in ("none", "", "grid", "swath")}
    assert declared - set(NEITHER) <= {e["path"] for e in OURS}
    assert len(OURS) >= 22


@needs_data
@pytest.mark.parametrize("path", NEITHER)
def test_files_that_cannot_be_placed_are_refused_in_one_line(path: str) -> None:
    with pytest.raises(Unreadable, match=r"no latitude") as error:
        observations(dataset(DATA / path))
    assert "\n" not in str(error.value)


@needs_data
@pytest.mark.parametrize("entry", OURS, ids=lambda e: e["path"])
def test_known_values_of_real_files(entry: dict[str, Any]) -> None:
    """The number of values, their extremes, and one value at its place and time, beside netCDF4's own reading."""
    known, o = entry["known"], observations(dataset(DATA / entry["path"]))
    key = next((k for k in o.parameters if k in (known["var"], known["var"].replace("/", "."))), None)
    if key is None:
        assert len(o) == 0 or known["var"] in ("longitude", "latitude")
        return
    found = answer(o.dataset, Query(parameters=(key,)))
    values = np.concatenate([b.array().ravel() for c in found.members for b in c.ranges.values()])
    table = pa.concat_tables([pa.Table.from_batches([b]) for b in asked(o, parameters=(key,)).batches()])
    column = table[key].drop_null()
    assert len(column) == known["valid_count"]
    assert (min(column.to_pylist()), max(column.to_pylist())) == pytest.approx((known["min"], known["max"]), rel=2e-6)
    placed = sum(int((np.isfinite(g.x) & np.isfinite(g.y)).sum()) for g in o.groups)
    if placed == len(o):
        assert np.isfinite(values.astype(float)).sum() == known["valid_count"]
    x, y, t = _independent(DATA / entry["path"], known)
    if x is None or y is None:
        return
    here = answer(o.dataset, Query(where=At(((x, y),)), parameters=(key,), when=None if t is None else (t,)))
    held = np.concatenate([b.array().ravel() for c in here.members for b in c.ranges.values()]).astype(float)
    assert np.isclose(held, known["value"], rtol=2e-6, atol=0).any()


def _independent(path: Path, known: dict[str, Any]) -> tuple[float | None, float | None, Interval | None]:
    """Place and time of the known value, read by netCDF4 alone."""
    with netCDF4.Dataset(path) as nc:
        at = dict(zip(nc[known["var"]].dimensions, known["index"], strict=True))
        beside = nc[known["var"]].group()
        groups = [nc] if beside is nc else [beside, *beside.parent.groups.values()]
        variables = [v for g in groups for v in g.variables.values()]
        x, y = (_value(variables, names, at) for names in (("lon", "longitude"), ("lat", "latitude")))
        stamps = [v for v in variables if v.name.lower() in ("time", "juld") and "since" in getattr(v, "units", "")]
        if not stamps or not set(stamps[0].dimensions) <= set(at):
            return x, y, None
        units = stamps[0].units.replace(" 0:00:00 0:00", "")
        moment = netCDF4.num2date(stamps[0][tuple(at[d] for d in stamps[0].dimensions)], units)
    around = np.datetime64(moment.isoformat(), "ms") + np.array([-2, 2], "m8[ms]")
    return x, y, Interval(*(times.moment(f"{m}Z") for m in around))


def _value(variables: list[Any], names: tuple[str, ...], at: dict[str, int]) -> float | None:
    for v in variables:
        if v.name.lower() in names and all(d in at or n == 1 for d, n in zip(v.dimensions, v.shape, strict=True)):
            value = v[tuple(at.get(d, 0) for d in v.dimensions)] if v.dimensions else v[...]
            return None if np.ma.is_masked(value) else float(value)
    return None


@needs_data
def test_argo_profiles_lie_along_pressure() -> None:
    o = observations(dataset(DATA / "odatis/argo/1900857_prof.nc"))
    assert (o.feature_type, o.ids) == ("trajectoryProfile", ("1900857",))
    (found,) = answer(o.dataset, Query(where=At(((30.379, -42.218),)), parameters=("TEMP", "PSAL"))).members
    assert found.domain == "VerticalProfile"
    levels = found.axis("z")
    assert levels is not None
    assert (levels.key, levels.unit, levels.positive) == ("PRES", "decibar", "down")
    assert found.ranges["TEMP"].array().ravel()[55] == pytest.approx(5.489999771118164)


@needs_data
def test_gnss_positions_are_whole_and_fraction() -> None:
    o = observations(dataset(DATA / "formater/gnss/*.tenv3"))
    assert o.ids == ("PUHI", "PUHR")
    when = (Interval(times.moment("2023-05-28"), times.moment("2023-05-28")),)
    (found,) = answer(o.dataset, Query(verb="location", where=AtLocation(("PUHI",)), when=when)).members
    values = {k: b.array().item() for k, b in found.ranges.items()}
    assert (values["east"], values["north"], values["up"]) == pytest.approx((5117.023283, 2144343.148622, 1102.724717))
    assert {o.parameters[k].unit for k in ("east", "north", "up", "sig_up")} == {"m"}
    assert o.places[0].tolist() == pytest.approx([-155.25129, -155.25123], abs=1e-5)


@needs_data
def test_real_tables_of_text() -> None:
    quakes = describe(dataset(DATA / "formater/seismo/usgs_earthquakes_202404.csv"))
    assert (quakes.feature_type, quakes.count) == ("point", 596)
    flux = observations(dataset(DATA / "theia/fluxnet_US-Tw3_halfhourly.csv", names=(("x", "=-121.6"), ("y", "=38.1"))))
    assert (flux.feature_type, len(flux)) == ("timeSeries", 4415)
    assert flux.groups[0].values["TA"].null_count == 4415
    aerosol = observations(dataset(DATA / "aeris/aeronet_aod15.txt"))
    assert aerosol.ids == ("Mauna_Loa",)
    assert aerosol.groups[0].values["AOD_1640nm"].null_count == 562
    with pytest.raises(Unreadable, match=r"line 6: lat 'A' is no number"):
        observations(dataset(DATA / "hard/obs_malformed.csv"))


@needs_data
def test_samples_of_a_box_come_in_stored_order_whatever_else_is_asked() -> None:
    float_ = dataset(DATA / "odatis" / "argo" / "1900857_prof.nc")
    found = []
    for levels in (None, (Span(0.0, 500.0),)):
        asked = Query(where=Box(47.091, -43.285, 50.591, -41.285), parameters=("TEMP",), levels=levels)
        told = answer(float_, asked)
        assert isinstance(told, Coverages)
        found.append([str(c.axis("t").values[0]) for c in told.members])
    assert len(found[0]) == 4
    assert found[0] == found[1] == sorted(found[0])
