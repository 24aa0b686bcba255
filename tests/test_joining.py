"""Several files as one: sorted along time, the later of two wins, and each value is read where it lies."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poles.errors import Unreadable
from poles.grids.grid import Grid, grids, joined
from poles.stored import Opened, Stored

DAY = 86_400_000
DAYS = {"units": "days since 1970-01-01", "standard_name": "time"}


@dataclass(frozen=True)
class Part:
    href: str
    time: int | None = None


def array(key: str, dims: str, values: Any, **attrs: Any) -> Stored:
    values = np.asarray(values)
    return Stored(
        key, tuple(dims.split()), values.shape, values.dtype, attrs,
        lambda slices: values[slices] if slices else values,
    )  # fmt: skip


def place(lon: float = 0.0) -> list[Stored]:
    return [
        array("lon", "lon", [lon, lon + 1], units="degrees_east"),
        array("lat", "lat", [50.0, 49.0], units="degrees_north"),
    ]


def values(base: np.ndarray) -> np.ndarray:
    """A field a step: the step's number, and a tenth for each cell."""
    return np.asarray(base, float)[..., None, None] + np.array([[0.2, 0.3], [0.0, 0.1]])


def of_days(days: list[int], name: str = "v", mark: float = 0.0, **more: Any) -> tuple[Grid, ...]:
    time = array("time", "time", days, **{**DAYS, **more})
    return grids(
        Opened({a.key: a for a in (*place(), time, array(name, "time lat lon", values(np.array(days) + mark)))}, {})
    )


def still(*arrays: Stored, lon: float = 0.0) -> tuple[Grid, ...]:
    return grids(Opened({a.key: a for a in (*place(lon), *arrays)}, {}))


def days_of(grid: Grid) -> list[float]:
    axis = grid.axis("t")
    assert axis is not None
    return (axis.values / DAY).tolist()


def test_one_file_is_itself() -> None:
    found = of_days([0, 1])
    (grid,) = joined([(Part("a"), found)])
    assert days_of(grid) == [0, 1]
    assert (grid.parameters["v"].read({}) == found[0].parameters["v"].read({})).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=5, unique=True), min_size=1, max_size=5),
       st.integers(0, 12), st.integers(0, 12))  # fmt: skip
def test_steps_are_sorted_and_the_later_file_wins(files: list[list[int]], one: int, other: int) -> None:
    members = [(Part(str(n)), of_days(sorted(days), mark=1000.0 * n)) for n, days in enumerate(files)]
    (grid,) = joined(members)
    latest = {day: 1000.0 * n + day for n, days in enumerate(files) for day in days}
    assert days_of(grid) == sorted(latest)
    expected = values(np.array([latest[d] for d in sorted(latest)]))
    parameter = grid.parameters["v"]
    assert (parameter.read({}) == expected[:, ::-1]).all()
    part = slice(min(one, other) % len(latest), len(latest))
    assert (parameter.read({"t": part, "x": slice(1, 2)}) == expected[part, ::-1, 1:2]).all()


def test_nothing_is_read_before_it_is_asked_and_then_of_one_file() -> None:
    asked: list[str] = []

    def member(name: str, day: int) -> tuple[Grid, ...]:
        data = values(np.array([day]))

        def read(slices: tuple[slice, ...]) -> np.ndarray:
            asked.append(name)
            return data[slices]

        stored = Stored("v", ("time", "lat", "lon"), data.shape, data.dtype, {}, read)
        return grids(Opened({a.key: a for a in (*place(), array("time", "time", [day], **DAYS), stored)}, {}))

    (grid,) = joined([(Part(n), member(n, d)) for n, d in (("a", 0), ("b", 1), ("c", 2))])
    assert asked == []
    assert grid.parameters["v"].read({"t": slice(1, 2)}).shape == (1, 2, 2)
    assert asked == ["b"]


def test_the_time_of_a_name_is_taken_where_the_data_have_none() -> None:
    members = [(Part(str(n), DAY * n), still(array("v", "lat lon", values(np.array(n))))) for n in (2, 0, 1)]
    (grid,) = joined(members)
    assert days_of(grid) == [0, 1, 2]
    assert grid.parameters["v"].axes == ("t", "y", "x")
    assert grid.parameters["v"].read({"t": slice(1, 3), "x": slice(0, 1), "y": slice(1, 2)}).tolist() == [
        [[1.2]],
        [[2.2]],
    ]


def test_the_time_of_the_data_comes_before_that_of_the_name() -> None:
    assert days_of(joined([(Part("a", 99 * DAY), of_days([3]))])[0]) == [3]
    assert days_of(joined([(Part("a", 99 * DAY), still(array("v", "lat lon", values(np.array(0)))))])[0]) == [99]


def test_what_does_not_change_with_time_is_there_once() -> None:
    mask = array("mask", "lat lon", values(np.array(7)))

    def member(day: int) -> tuple[Grid, ...]:
        return still(array("time", "time", [day], **DAYS), array("v", "time lat lon", values(np.array([day]))), mask)

    (grid,) = joined([(Part(str(d), DAY * d), member(d)) for d in (0, 1)])
    assert grid.parameters["mask"].axes == ("y", "x")
    assert grid.parameters["v"].shape == (2, 2, 2)


def test_files_of_different_parameters_are_put_side_by_side() -> None:
    (grid,) = joined([(Part("u"), of_days([0, 1], "u")), (Part("v"), of_days([0, 1], "v"))])
    assert list(grid.parameters) == ["u", "v"]
    found = joined([(Part("u"), of_days([0, 1], "u")), (Part("v"), of_days([5], "v"))])
    assert [(list(g.parameters), days_of(g)) for g in found] == [(["u"], [0, 1]), (["v"], [5])]
    assert found[0].horizontal is found[1].horizontal


def at_level(z: float, days: list[int]) -> tuple[Grid, ...]:
    level, time = array("z", "z", [z], units="m", positive="down"), array("time", "time", days, **DAYS)
    return still(level, time, array("v", "time z lat lon", values(np.array(days)[:, None] + 100 * z)))


def test_files_of_different_levels_are_joined_along_the_level() -> None:
    (grid,) = joined([(Part(str(z)), at_level(z, [0, 1])) for z in (10.0, 0.0)])
    assert [(a.name, len(a)) for a in grid.axes] == [("t", 2), ("z", 2)]
    assert grid.parameters["v"].read({"t": slice(1, 2), "y": slice(0, 1), "x": slice(0, 1)}).ravel().tolist() == [
        1,
        1001,
    ]


def test_files_of_every_time_and_level_make_one_grid() -> None:
    members = [(Part(f"{z} {d}"), at_level(z, [d])) for d in (1, 0) for z in (5.0, 0.0)]
    (grid,) = joined(members)
    found = grid.parameters["v"].read({"y": slice(0, 1), "x": slice(0, 1)})
    assert found.reshape(2, 2).tolist() == [[0, 500], [1, 501]]
    with pytest.raises(Unreadable, match="both z and t"):
        joined([*members[:3], (Part("late"), at_level(0.0, [9]))])


def test_files_of_different_members_are_joined_along_the_member() -> None:
    def member(n: int) -> tuple[Grid, ...]:
        number = array("number", "", n, standard_name="realization")
        return still(number, array("v", "lat lon", values(np.array(n)), coordinates="number"))

    (grid,) = joined([(Part(str(n)), member(n)) for n in (1, 0)])
    assert [(a.name, a.values.tolist()) for a in grid.axes] == [("realization", [0, 1])]
    assert grid.parameters["v"].read({"y": slice(0, 1), "x": slice(0, 1)}).ravel().tolist() == [0, 1]


@pytest.mark.parametrize(("one", "other", "reason"), [
    (still(array("v", "lat lon", np.zeros((2, 2)))), still(array("v", "lat lon", np.zeros((2, 2)))), "time-pattern"),
    (of_days([0]), still(array("v", "lat lon", np.zeros((2, 2))), lon=7.0), "cells are not the same"),
    (of_days([0]), of_days([1], calendar="360_day"), "calendar"),
    (of_days([0]), at_level(1.0, [0]), "axes"),
])  # fmt: skip
def test_files_that_do_not_fit_are_refused_by_their_names(
    one: tuple[Grid, ...], other: tuple[Grid, ...], reason: str
) -> None:
    with pytest.raises(Unreadable, match=reason) as error:
        joined([(Part("first"), one), (Part("second"), other)])
    assert "first" in str(error.value)
    assert "second" in str(error.value)


def test_types_are_widened_to_hold_all() -> None:
    def member(day: int, dtype: str, **attrs: Any) -> tuple[Grid, ...]:
        raw = np.full((1, 2, 2), day, dtype)
        return still(array("time", "time", [day], **DAYS), array("v", "time lat lon", raw, **attrs))

    (grid,) = joined([(Part("a"), member(1, "i1")), (Part("b"), member(2, "f4"))])
    parameter = grid.parameters["v"]
    assert parameter.dtype == np.float32
    assert parameter.read({"t": slice(0, 1)}).dtype == np.float32
    assert parameter.read({})[:, 0, 0].tolist() == [1, 2]
