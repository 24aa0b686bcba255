"""Parts: which files a data set is made of, what their names tell, and what happens when one is replaced."""

import os
import shutil
import threading
import time
from datetime import datetime
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from poles import parts as room
from poles import times
from poles.dataset import Dataset, Text
from poles.errors import Unreadable
from poles.parts import Part, opened, parts
from poles.sources import Replaced, version
from poles.sources.locks import HDF5


def dataset(*source: object, time_pattern: str | None = None) -> Dataset:
    return Dataset("d", Text("d", "d"), Text("", ""), source=tuple(map(str, source)), time_pattern=time_pattern)


def touched(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(name.encode())


def names_and_dates(folder: Path, glob: str = "*", pattern: str | None = None) -> list[tuple[str, str | None]]:
    found = parts(dataset(folder / glob, time_pattern=pattern))
    return [(Path(p.href).name, None if p.time is None else times.text(p.time, "standard")[:16]) for p in found]


def write(path: Path, value: float, size: int = 3, **attrs: object) -> None:
    """A whole file, put into its place at once."""
    beside = path.with_suffix(".tmp")
    with HDF5, netCDF4.Dataset(beside, "w") as root:
        root.createDimension("x", size)
        root.createVariable("v", "f4", ("x",))[:] = value
        root["v"].setncatts(attrs)
    os.replace(beside, path)


@pytest.fixture
def impatient(monkeypatch):
    """Versions are looked at again at once."""
    monkeypatch.setattr(room, "CHECKED_S", 0.0)


# --- which files ---------------------------------------------------------------------------------------------


def test_paths_and_globs_give_each_file_once_in_natural_order(tmp_path):
    touched(tmp_path, "part-10.nc", "part-2.nc", "part-1.nc", "part-1.nc.aux.xml")
    found = parts(dataset(tmp_path / "part-2.nc", tmp_path / "*"))
    assert [Path(p.href).name for p in found] == ["part-1.nc", "part-2.nc", "part-10.nc"]
    assert found[0].version == version(str(tmp_path / "part-1.nc"))


def test_a_glob_may_cross_folders_and_a_name_may_hold_brackets(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    touched(tmp_path, "a/b/c.nc", "d[1].nc")
    assert len(parts(dataset(tmp_path / "**" / "*.nc"))) == 2
    assert Path(parts(dataset(tmp_path / "d[1].nc"))[0].href).name == "d[1].nc"


def test_what_is_missing_is_refused_by_its_path(tmp_path):
    with pytest.raises(Unreadable, match=r"a\.nc: not found"):
        parts(dataset(tmp_path / "a.nc"))
    with pytest.raises(Unreadable, match=r"\*\.nc: nothing matches"):
        parts(dataset(tmp_path / "*.nc"))
    with pytest.raises(Unreadable, match="no path is given"):
        parts(dataset())


def test_the_same_object_is_given_while_nothing_changes(tmp_path, impatient):
    touched(tmp_path, "a.nc", "b.nc")
    first = parts(dataset(tmp_path / "*.nc"))
    assert parts(dataset(tmp_path / "*.nc")) is first
    touched(tmp_path, "c.nc")
    assert len(parts(dataset(tmp_path / "*.nc"))) == 3


def test_files_are_looked_at_at_most_once_in_a_while(tmp_path, monkeypatch):
    touched(tmp_path, "a.nc")
    looks = []
    monkeypatch.setattr(room, "version", lambda href: looks.append(href) or "1")
    for _ in range(50):
        parts(dataset(tmp_path / "a.nc"))
    assert len(looks) == 1


def test_ten_thousand_parts_cost_little_when_they_are_known(tmp_path):
    touched(tmp_path, *(f"{n}.nc" for n in range(2000)))
    every = dataset(tmp_path / "*.nc")
    assert len(parts(every)) == 2000
    began = time.perf_counter()
    for _ in range(100):
        parts(every)
    assert (time.perf_counter() - began) / 100 < 0.001


# --- dates in names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "dates"),
    [
        (["sst_20200102.nc", "sst_20200101.nc"], ["2020-01-01T00:00", "2020-01-02T00:00"]),
        (["sst.2020-01-02.v2.nc", "sst.2020-03-01.v2.nc"], ["2020-01-02T00:00", "2020-03-01T00:00"]),
        (["a_20200101T063000.nc", "a_20200101T183000Z.nc"], ["2020-01-01T06:30", "2020-01-01T18:30"]),
        (["a_2020010106.nc", "a_2020010118.nc"], ["2020-01-01T06:00", "2020-01-01T18:00"]),
        (["a_202001.nc", "a_202012.nc"], ["2020-01-01T00:00", "2020-12-01T00:00"]),
        (["a_2020-01.nc", "a_2020-12.nc"], ["2020-01-01T00:00", "2020-12-01T00:00"]),
        (["map2006.tif", "map2012.tif"], ["2006-01-01T00:00", "2012-01-01T00:00"]),
        (["MOD13.A2001001.h18.tif", "MOD13.A2000366.h18.tif"], ["2000-12-31T00:00", "2001-01-01T00:00"]),
        (
            ["displacement_20160711_20160723.tif", "displacement_20160711_20160804.tif"],
            ["2016-07-23T00:00", "2016-08-04T00:00"],
        ),
        (["T31_20200101.tif", "T32_20200101.tif", "T31_20200111.tif"], ["2020-01-01T00:00"] * 2 + ["2020-01-11T00:00"]),
    ],
)
def test_a_date_in_a_name_is_the_time_of_the_part(tmp_path, files, dates):
    touched(tmp_path, *files)
    assert [date for _, date in names_and_dates(tmp_path)] == dates


@pytest.mark.parametrize(
    "files",
    [
        ["swiss_landuse_2006.tif"],
        ["a.nc", "b.nc"],
        ["a_20200101.nc", "b.nc"],
        ["a_20200101.nc", "b_20200101.nc"],
        ["a_20200101_20200201.nc", "a_20200102_20200202.nc"],
        ["a_20200101.nc", "a_2020-01-02.nc"],
        ["a_20209901.nc", "a_20209902.nc"],
        ["a_20210231.nc", "a_20210230.nc"],
        ["tile_1234567.nc", "tile_1234568.nc"],
    ],
)
def test_a_name_that_can_be_read_in_no_way_or_in_two_tells_no_date(tmp_path, files):
    touched(tmp_path, *files)
    assert {date for _, date in names_and_dates(tmp_path)} == {None}


@given(st.datetimes(min_value=datetime(1800, 1, 1), max_value=datetime(2099, 12, 31)))
def test_any_date_is_read_as_it_was_written(date):
    for form in ("x_%Y%m%d.nc", "x_%Y-%m-%d_v1.nc", "x%Y%jb.nc", "x_%Y%m%dT%H%M%S.nc", "%Y_%m_%d.nc"):
        names = [f"{date:{form}}", "x_19000101"]
        found = [ms for _, ms in room._readings(names[0])]
        expected = f"{date:%Y-%m-%d}" + (f"T{date:%H:%M:%S}Z" if "%H" in form else "T00:00:00Z")
        assert [times.text(ms, "standard") for ms in found] == [expected]


@pytest.mark.parametrize(
    ("pattern", "date"),
    [
        ("displacement_%Y%m%d_", "2016-07-11T00:00"),
        ("_%Y%m%d.tif", "2016-07-23T00:00"),
        (r"_\d+_(?P<date>\d{8})", "2016-07-23T00:00"),
        (r"_(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)_", "2016-07-11T00:00"),
        (r"_(?P<year>\d{4})", "2016-01-01T00:00"),
    ],
)
def test_a_pattern_says_which_date_is_meant(tmp_path, pattern, date):
    touched(tmp_path, "displacement_20160711_20160723.tif")
    assert names_and_dates(tmp_path, pattern=pattern) == [("displacement_20160711_20160723.tif", date)]


def test_a_pattern_may_stand_in_the_folder(tmp_path):
    for day in ("20200102", "20200101"):
        (tmp_path / day).mkdir()
        touched(tmp_path, f"{day}/sst.nc")
    found = parts(dataset(tmp_path / "*" / "sst.nc", time_pattern="/%Y%m%d/"))
    assert [times.text(p.time, "standard") for p in found] == ["2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"]


def test_a_name_that_does_not_fit_the_pattern_is_refused(tmp_path):
    touched(tmp_path, "a_20200101.nc", "b.nc")
    with pytest.raises(Unreadable, match=r"b\.nc: its name does not fit"):
        names_and_dates(tmp_path, pattern="%Y%m%d")
    with pytest.raises(Unreadable, match="time_pattern"):
        names_and_dates(tmp_path, pattern="(?P<year>")
    with pytest.raises(Unreadable, match="time_pattern"):
        names_and_dates(tmp_path, pattern="%Q")


# --- opening and replacing -----------------------------------------------------------------------------------


def whole(part: Part) -> list[float]:
    return opened(part).arrays["v"].whole().tolist()


def test_a_part_is_opened_once_and_again_when_it_changed(tmp_path, impatient):
    path = tmp_path / "a.nc"
    write(path, 1)
    (part,) = parts(dataset(path))
    assert opened(part) is opened(part)
    write(path, 2)
    (other,) = parts(dataset(path))
    assert other.version != part.version
    assert whole(other) == [2, 2, 2]


def test_a_folder_may_be_away_for_a_moment_while_it_is_swapped(tmp_path, impatient, monkeypatch):
    path = tmp_path / "a.zarr"
    zarr.create_array(str(path), data=np.ones(4), zarr_format=2)
    first = parts(dataset(path))
    arrays = opened(first[0]).arrays
    path.rename(tmp_path / "old")
    assert parts(dataset(path)) is first
    zarr.create_array(str(tmp_path / "next"), data=np.full(4, 2.0), zarr_format=2)
    swap = threading.Timer(0.2, lambda: (tmp_path / "next").rename(path))
    swap.start()
    assert arrays["a"].whole().tolist() == [2, 2, 2, 2]
    swap.join()
    shutil.rmtree(path)
    monkeypatch.setattr(room, "_GRACE_S", 0.0)
    with pytest.raises(Unreadable, match="not found"):
        parts(dataset(path))


def test_many_who_ask_for_a_part_at_once_open_it_once(tmp_path, monkeypatch):
    write(tmp_path / "a.nc", 1)
    (part,) = parts(dataset(tmp_path / "a.nc"))
    openings = []
    real = room.open_source
    monkeypatch.setattr(room, "open_source", lambda href: openings.append(href) or time.sleep(0.02) or real(href))
    threads = [threading.Thread(target=opened, args=(part,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(openings) == 1


def test_a_part_that_was_replaced_before_it_was_opened_is_opened_as_it_is(tmp_path):
    path = tmp_path / "a.nc"
    write(path, 1)
    (part,) = parts(dataset(path))
    write(path, 2)
    assert whole(part) == [2, 2, 2]


def closed_handles() -> None:
    from poles.sources import netcdf

    netcdf._FILES.close()


def test_a_read_whose_file_was_closed_and_replaced_goes_on_with_the_successor(tmp_path):
    path = tmp_path / "a.nc"
    write(path, 1, units="K")
    arrays = opened(Part(str(path), version(str(path)))).arrays
    write(path, 2, units="K")
    closed_handles()
    assert arrays["v"].whole().tolist() == [2, 2, 2]


@pytest.mark.parametrize("other", [{"size": 4, "units": "K"}, {"units": "degC"}, {}])
def test_a_successor_of_another_shape_or_meaning_is_not_read_in_its_place(tmp_path, other):
    path = tmp_path / "a.nc"
    write(path, 1, units="K")
    arrays = opened(Part(str(path), version(str(path)))).arrays
    write(path, 2, **other)
    closed_handles()
    with pytest.raises(Replaced):
        arrays["v"].whole()


def test_readers_see_the_old_or_the_whole_new_file_while_it_is_replaced(tmp_path, impatient):
    path = tmp_path / "a.nc"
    write(path, 0, 50_000)
    faults: list[object] = []
    done = threading.Event()

    def reads() -> None:
        try:
            while not done.is_set():
                (part,) = parts(dataset(path))
                values = np.unique(opened(part).arrays["v"].whole())
                if len(values) != 1:
                    faults.append(values)
        except Exception as error:  # noqa: BLE001  # whatever it is, the test tells it
            faults.append(error)

    threads = [threading.Thread(target=reads) for _ in range(6)]
    for thread in threads:
        thread.start()
    for value in range(1, 30):
        write(path, value, 50_000 + value % 2)
    done.set()
    for thread in threads:
        thread.join()
    assert not faults
    assert whole(parts(dataset(path))[0])[0] == 29
