"""Times: every calendar agrees with cftime, and a bound is what a reader of the date expects."""

import time

import cftime
import netCDF4
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poles import times
from poles.answer import _is_another_time
from poles.dataset import Dataset, Facts, Text
from poles.errors import Invalid, PolesError
from poles.parse import when
from poles.parts import parts
from poles.query import Interval, Moment, Query
from poles.rows import observations
from poles.rows.features import Features
from poles.rows.items import items
from poles.rows.platforms import platforms
from poles.rows.shelf import store_of
from poles.times import DAY, MISSING

CALENDARS = ("standard", "proleptic_gregorian", "julian", "360_day", "noleap", "all_leap")


def written(date: cftime.datetime) -> str:
    return f"{date.year:04d}-{date.month:02d}-{date.day:02d}T{date.hour:02d}:{date.minute:02d}:{date.second:02d}Z"


def decoded(values, units, calendar=None) -> list[str]:
    return times.texts(*times.decode(np.asarray(values), units, calendar))


@given(st.sampled_from(CALENDARS), st.lists(st.integers(-1900 * 360, 5000 * 360), min_size=1, max_size=50))
def test_every_calendar_agrees_with_cftime(calendar, days):
    units = "days since 2000-03-01 06:00"
    want = [written(d) for d in cftime.num2date(np.array(days), units, calendar)]
    assert decoded(days, units, calendar) == want


@given(st.sampled_from(CALENDARS), st.integers(-2000 * 360 * DAY, 5000 * 360 * DAY))
def test_a_time_written_and_read_again_is_the_same_time(calendar, ms):
    assert times.instant(times.moment(times.text(ms, calendar)), calendar) == ms


@given(st.sampled_from(CALENDARS), st.integers(1, 3000), st.integers(1, 12), st.integers(1, 28))
def test_a_reference_date_counts_as_zero(calendar, year, month, day):
    units = f"days since {year}-{month}-{day}"
    if calendar == "standard" and (year, month) == (1582, 10) and 5 <= day <= 14:
        return
    assert decoded([0], units, calendar) == [f"{year:04d}-{month:02d}-{day:02d}T00:00:00Z"]


def test_old_reference_dates_of_the_mixed_calendar_are_julian():
    assert decoded([17_522_904.0], "hours since 1-1-1 00:00:0.0") == ["2000-01-01T00:00:00Z"]
    assert decoded([2_451_544.5], "days since -4713-01-01 12:00:00") == ["2000-01-01T00:00:00Z"]


def test_year_zero_of_the_mixed_calendar_is_read_as_proleptic():
    ms, calendar = times.decode(np.array([366.0]), "hours since 0000-01-01 00:00:00", "gregorian")
    assert calendar == "proleptic_gregorian"
    assert times.texts(ms, calendar) == ["0000-01-16T06:00:00Z"]


@pytest.mark.parametrize(
    "units",
    [
        "hours since 2021-11-20 00:00:00 +00:00", "days since 1950-01-01 00:00:00 UTC",
        "days since 1950-01-01T00:00:00Z",
        "seconds since 1970-01-01", "Days Since 1950-1-1", "hours since 1900-01-01 00:00:0.0", "days since 19500101",
        "months since 1901-1-15", "minutes since 2012-08-01 00:00", "days since 2000-01-01 12", "day as %Y%m%d.%f",
        "seconds since 2000-01-01 00:00:00.000000 -6:00", "years since 1990",
    ],
)  # fmt: skip
def test_units_that_count_from_a_date_are_times(units):
    assert times.is_time(units)


@pytest.mark.parametrize(
    "units", ["days since 0.0", "hours", "days", "", None, 3, "m s-1", "days since launch", "K since 2000-01-01",
              "days since 2000-13-01", "days since 2001-04-31"]
)  # fmt: skip
def test_units_that_count_from_no_date_are_no_times(units):
    assert not times.is_time(units)


def test_a_zone_is_taken_off():
    assert decoded([0], "hours since 2010-01-01 00:00:00 -6:00") == ["2010-01-01T06:00:00Z"]
    assert decoded([0], "hours since 2010-01-01 00:00:00 +05:30") == ["2009-12-31T18:30:00Z"]


def test_months_are_whole_calendar_months():
    got = decoded([0, 1, 2, 13.5], "months since 2000-01-31")
    assert got == ["2000-01-31T00:00:00Z", "2000-02-29T00:00:00Z", "2000-03-31T00:00:00Z", "2001-03-15T12:00:00Z"]
    assert decoded([-1, 10], "years since 1999-07-01") == ["1998-07-01T00:00:00Z", "2009-07-01T00:00:00Z"]


def test_a_packed_date_is_that_date():
    got = decoded([20200131.25, np.nan], "day as %Y%m%d.%f", "proleptic_gregorian")
    assert got == ["2020-01-31T06:00:00Z", ""]


def test_float32_days_are_widened_before_they_are_scaled():
    days = np.array([10957.25], np.float32)
    assert decoded(days, "days since 1970-01-01") == ["2000-01-01T06:00:00Z"]


def test_whole_numbers_stay_exact():
    ns = np.array([1_600_000_000_123_000_000], np.int64)
    assert decoded(ns, "nanoseconds since 1970-01-01") == ["2020-09-13T12:26:40.123Z"]
    assert decoded(np.array([1e-9, 0.5]), "seconds since 2000-01-01") == [
        "2000-01-01T00:00:00Z",
        "2000-01-01T00:00:00.500Z",
    ]


def test_what_is_no_number_or_out_of_reach_is_missing():
    floats, _ = times.decode(np.array([np.nan, np.inf, 9.96921e36, 0]), "days since 1950-01-01")
    whole, _ = times.decode(np.array([np.iinfo(np.int64).max, np.iinfo(np.int64).min, 0]), "days since 1950-01-01")
    assert (floats == MISSING).tolist() == [True, True, True, False]
    assert (whole == MISSING).tolist() == [True, True, False]
    assert times.texts(floats, "standard")[0] == ""


def test_datetime64_keeps_its_times_and_its_holes():
    ms, calendar = times.decode(np.array(["2020-01-01T00:00:00.5", "NaT"], "M8[ns]"))
    assert times.texts(ms, calendar) == ["2020-01-01T00:00:00.500Z", ""]
    assert ms[1] == MISSING


def test_shape_is_kept():
    assert times.decode(np.zeros((2, 3)), "days since 2000-01-01")[0].shape == (2, 3)


def test_unknown_calendars_and_units_are_refused_by_name():
    with pytest.raises(PolesError, match="martian"):
        times.decode(np.zeros(1), "days since 2000-01-01", "martian")
    with pytest.raises(PolesError, match="days since launch"):
        times.decode(np.zeros(1), "days since launch")


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("2020-01-31", (2020, 1, 31)),
        ("2020-02-30", (2020, 2, 30)),
        ("2020-01-31T", (2020, 1, 31)),
        ("2020-01-31T12:00", (2020, 1, 31, 12, 0, 0, 0)),
        ("2020-01-31T12:00:01.5Z", (2020, 1, 31, 12, 0, 1, 500)),
        ("2020-01-31 12:00:00z", (2020, 1, 31, 12, 0, 0, 0)),
        ("2020-01-31T12:00:00 02:00", (2020, 1, 31, 10, 0, 0, 0)),
        ("2020-01-31T23:30:00-01:00", (2020, 2, 1, 0, 30, 0, 0)),
        ("1990-12-31T23:59:60Z", (1990, 12, 31, 23, 59, 60, 0)),
        ("-0001-01-01", (-1, 1, 1)),
    ],
)
def test_a_moment_is_read_leniently(text, fields):
    assert times.moment(text) == Moment(fields)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2020", "2020-13-01", "2020-04-31", "2020-01-32", "2020-01-01T24:00",
             "2020-01-01T12:60:00Z",
             "2020-01-01T12:00:60Z", "2020-01-01/2020-02-01", "2020-01-01T12", "2020-1-1"]
)  # fmt: skip
def test_what_no_calendar_has_is_refused(text):
    with pytest.raises(Invalid, match="datetime"):
        times.moment(text)


def bound(start: str | None, end: str | None, calendar: str) -> tuple[int, int]:
    return times.bind(Interval(start and times.moment(start), end and times.moment(end)), calendar)


def test_a_bare_date_is_the_whole_day():
    assert bound("1970-01-02", "1970-01-02", "standard") == (DAY, 2 * DAY - 1)
    assert bound("1970-01-02T00:00:00Z", "1970-01-02T00:00:00Z", "standard") == (DAY, DAY)


def test_a_bound_that_the_calendar_lacks_is_the_end_of_its_month():
    assert bound("1970-01-31", None, "360_day") == (30 * DAY - 1, times.LATEST)
    assert bound(None, "1970-01-31", "360_day") == (times.EARLIEST, 30 * DAY - 1)
    assert bound(None, "1972-02-30", "noleap") == (times.EARLIEST, (2 * 365 + 59) * DAY - 1)


@pytest.mark.parametrize(
    ("date", "calendar"), [("2020-01-31", "360_day"), ("2020-02-29", "noleap"), ("1582-10-10", "standard")]
)
def test_an_instant_that_the_calendar_lacks_is_nothing(date, calendar):
    lo, hi = bound(date, date, calendar)
    assert lo > hi
    assert times.instant(times.moment(date), calendar) is None


def test_two_thousand_texts_cost_a_millisecond():
    hours = np.arange(2184) * 3_600_000
    times.texts(hours, "standard")
    best = min(_seconds(lambda: times.texts(hours, "standard")) for _ in range(10))
    assert best < 0.003


def _seconds(call) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


# --- the calendar of rows -------------------------------------------------------------------------------------------


def dataset(**known) -> Dataset:
    return Dataset("old", Text("old", "vieux"), Text("old", "vieux"), **known)


def test_the_extent_of_features_is_told_in_the_calendar_in_which_they_are():
    begun = pa.array([-62_135_596_800_000, -19_347_130_800_000], pa.timestamp("ms"))
    found = Features(dataset(), pa.table({"time": begun}), "", ("time",), {})
    assert found.interval == ("0001-01-01T00:00:00Z", "1356-11-29T21:00:00Z")


@pytest.fixture
def basel(tmp_path, monkeypatch):
    """A station whose file counts from a day of the Julian calendar, that of an earthquake: ISO says 1356-10-26."""
    monkeypatch.setenv("POLES_STATE", str(tmp_path / "state"))
    with netCDF4.Dataset(tmp_path / "basel.nc", "w") as nc:
        nc.featureType = "timeSeries"
        nc.createDimension("time", 2)
        about = {"units": "hours since 1356-10-18 00:00", "calendar": "standard", "standard_name": "time"}
        nc.createVariable("time", "f8", ("time",)).setncatts(about)
        for name, units in (("lat", "degrees_north"), ("lon", "degrees_east")):
            nc.createVariable(name, "f8").units = units
        nc.createVariable("shake", "f8", ("time",)).setncatts({"units": "m", "coordinates": "time lat lon"})
        nc["time"][:], nc["lat"][:], nc["lon"][:], nc["shake"][:] = [21, 45], 47.6, 7.6, [1, 2]
    return dataset(source=(str(tmp_path / "basel.nc"),))


TOLD = ["1356-10-26T21:00:00Z", "1356-10-27T21:00:00Z"]


def test_observations_of_the_mixed_calendar_are_told_as_iso_says(basel):
    read = observations.read(basel, parts(basel))
    facts = observations.facts(read)
    assert (facts.interval, facts.axes[0].values, facts.axes[0].calendar) == (tuple(TOLD), tuple(TOLD), times.ISO)
    assert platforms(read)["datetime"].to_pylist() == ["/".join(TOLD)]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("../..", TOLD), ("1356-10-26", TOLD[:1]), ("1356-10-18/1356-10-25", []), (TOLD[1], TOLD[1:])],
)
def test_observations_of_the_mixed_calendar_are_asked_as_they_are_told(basel, asked, expected):
    table = items(store_of(basel, "observations"), basel, Query(verb="items", when=when.intervals(asked)))
    stamps = pa.Table.from_batches(table.batches(), table.schema)["time"].cast(pa.int64()).to_pylist()
    assert times.texts(stamps, times.ISO) == expected


@pytest.mark.parametrize(("asked", "another"), [("1582-10-10", False), ("1582-10-04", True), ("1582-10-16", True)])
def test_the_time_that_a_block_says_is_a_time_of_iso(asked, another):
    said = dataset(facts=Facts("", "grid", (), None, None), interval=("1582-10-05", "1582-10-15"))
    assert _is_another_time(said, Query(when=when.intervals(asked))) is another
