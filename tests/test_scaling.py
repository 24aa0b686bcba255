"""Scaled coverages: cells are picked, none is invented, and the answer says where its cells lie."""

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from poles import parse
from poles.answer import answer
from poles.coverage import Axis, Block, Coverage, Coverages
from poles.dataset import Dataset, Described, Limits, Text
from poles.describe import describe
from poles.encodings import Context, named
from poles.errors import Invalid, TooLarge
from poles.query import Cells, Divided, Query
from poles.scaling import scaled

X = Text("x", "x")


def coverage(t: int, y: int, x: int, piece: int = 2) -> Coverage:
    """Values that tell their own indices, in pieces along the first long axis."""
    values = 10_000 * np.arange(t)[:, None, None] + 100 * np.arange(y)[:, None] + np.arange(x)

    def blocks() -> Any:
        lead = next((i for i, n in enumerate(values.shape) if n > 1), 0)
        for start in range(0, values.shape[lead], piece):
            yield values[(slice(None),) * lead + (slice(start, start + piece),)]

    axes = (
        Axis("t", np.arange(t) * 1000, calendar="standard"),
        Axis("y", np.arange(y) + 0.5, np.column_stack([np.arange(y), np.arange(y) + 1.0])),
        Axis("x", np.arange(x) + 0.5, np.column_stack([np.arange(x), np.arange(x) + 1.0])),
    )
    block = Block(("t", "y", "x"), values.shape, values.dtype, blocks)
    return Coverage("Grid", axes, {"v": block}, {"v": Described("v", X)}, "crs")


DATASET = Dataset("d", X, X)
SIZES = st.integers(1, 9)


@given(t=SIZES, y=SIZES, x=SIZES, high=SIZES, wide=SIZES, piece=st.integers(1, 4))
def test_a_cell_has_the_value_of_the_cell_that_holds_its_centre(
    t: int, y: int, x: int, high: int, wide: int, piece: int
) -> None:
    whole = coverage(t, y, x, piece)
    found = scaled(whole, Query("coverage", scale=(("y", Cells(high)), ("x", Cells(wide)))), DATASET)
    rows, columns = (np.arange(high) + 0.5) * y / high, (np.arange(wide) + 0.5) * x / wide
    expected = whole.ranges["v"].array()[:, rows.astype(int)][:, :, columns.astype(int)]
    assert np.array_equal(found.ranges["v"].array(), expected)
    assert np.allclose(found.axes[1].values, rows)
    assert np.allclose(found.axes[2].values, columns)


@given(t=SIZES, y=SIZES, x=SIZES)
def test_the_size_that_is_there_changes_nothing(t: int, y: int, x: int) -> None:
    whole = coverage(t, y, x)
    same = (("t", Cells(t)), ("y", Cells(y)), ("x", Divided(1.0)))
    assert scaled(whole, Query("coverage", scale=same), DATASET) is whole


def test_steps_keep_their_own_times_and_are_never_more_than_there_are() -> None:
    whole = coverage(5, 2, 2)
    found = scaled(whole, Query("coverage", scale=(("t", Divided(2.0)),)), DATASET)
    assert found.axes[0].values.tolist() == [0, 2000, 4000]
    assert found.ranges["v"].array()[:, 0, 0].tolist() == [0, 20_000, 40_000]
    with pytest.raises(Invalid, match="t has 5 steps, 6 asked"):
        scaled(whole, Query("coverage", scale=(("t", Cells(6)),)), DATASET)


def test_a_factor_leaves_one_cell_at_least() -> None:
    found = scaled(coverage(1, 4, 6), Query("coverage", scale=(("y", Divided(1e9)), ("x", Divided(4)))), DATASET)
    assert found.ranges["v"].shape == (1, 1, 2)


def test_the_limit_bounds_what_is_read_and_what_is_asked() -> None:
    small = Dataset("d", X, X, limits=Limits(values=1))
    with pytest.raises(TooLarge, match="24 cells lie under the answer, 20 allowed"):
        scaled(coverage(1, 4, 6), Query("coverage", scale=(("x", Cells(1)),)), small)
    for endless in (Cells(10**15), Divided(1e-300)):
        with pytest.raises(TooLarge):
            scaled(coverage(1, 4, 6), Query("coverage", scale=(("x", endless),)), DATASET)


# --- over files ----------------------------------------------------------------------------------------------------


def opened(path: Path) -> Dataset:
    from dataclasses import replace

    found = Dataset("d", X, X, source=(str(path),), apis=("coverage",))
    return replace(found, facts=describe(found))


def asked(dataset: Dataset, **parameters: str) -> Coverages:
    named_ = {k.replace("_", "-"): v for k, v in parameters.items()}
    found = answer(dataset, parse.query("coverage", named_, dataset))
    assert isinstance(found, Coverages)
    return found


def as_raster(found: Coverages, path: Path) -> Any:
    written_as = named("GeoTIFF")
    assert written_as is not None
    path.write_bytes(b"".join(written_as.write(found, Context())))
    return rasterio.open(path)


def test_a_scaled_raster_lies_where_it_lay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLES_STATE", str(tmp_path / "state"))
    values = np.arange(48, dtype="float32").reshape(6, 8)
    place = rasterio.transform.from_origin(500_000, 5_400_060, 10, 20)
    with rasterio.open(
        tmp_path / "r.tif", "w", driver="GTiff", width=8, height=6, count=1, dtype="float32", crs="EPSG:32631",
        transform=place,
    ) as file:  # fmt: skip
        file.write(values, 1)
    with as_raster(asked(opened(tmp_path / "r.tif"), scale_size="E(4),N(3)"), tmp_path / "half.tif") as half:
        assert half.transform.almost_equals(place @ rasterio.Affine.scale(2))
        assert half.crs == rasterio.CRS.from_epsg(32631)
        assert np.array_equal(half.read(1), values[0::2, 1::2])


def test_a_sheared_raster_is_scaled_along_its_own_columns_and_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLES_STATE", str(tmp_path / "state"))
    values = np.arange(24, dtype="float32").reshape(4, 6)
    place = rasterio.Affine(10.0, 3.0, 500_000.0, 2.0, -10.0, 5_400_000.0)
    with rasterio.open(
        tmp_path / "r.tif", "w", driver="GTiff", width=6, height=4, count=1, dtype="float32", crs="EPSG:32631",
        transform=place,
    ) as file:  # fmt: skip
        file.write(values, 1)
    with as_raster(asked(opened(tmp_path / "r.tif"), scale_factor="2"), tmp_path / "half.tif") as half:
        assert half.transform.almost_equals(place @ rasterio.Affine.scale(2))
        assert np.array_equal(half.read(1), values[1::2, 1::2])


def test_uneven_latitudes_are_scaled_by_their_cells(tmp_path: Path) -> None:
    with netCDF4.Dataset(tmp_path / "u.nc", "w") as nc:
        for name, values, units in (
            ("lat", [0.0, 1.0, 4.0, 9.0], "degrees_north"),
            ("lon", [0.0, 1.0], "degrees_east"),
        ):
            nc.createDimension(name, len(values))
            variable = nc.createVariable(name, "f8", (name,))
            variable[:], variable.units = values, units
        nc.createVariable("v", "f4", ("lat", "lon"))[:] = np.arange(8).reshape(4, 2)
    (found,) = asked(opened(tmp_path / "u.nc"), scaleSize="Lat(2)").members
    assert found.ranges["v"].array().tolist() == [[2.0, 3.0], [6.0, 7.0]]
    lat = found.axis("y")
    assert lat is not None
    assert lat.bounds is not None
    assert lat.bounds.tolist() == [[-0.5, 2.5], [2.5, 11.5]]


@pytest.mark.parametrize(
    ("given_", "subject"),
    [
        ({"scale-size": "Lat"}, "scale-size"),
        ({"scale-size": "Lat(0)"}, "scale-size"),
        ({"scale-size": "Lat(1.5)"}, "scale-size"),
        ({"scaleSize": "Lat(2),lat(3)"}, "scale-size"),
        ({"scale-axes": "Lat(0)"}, "scale-axes"),
        ({"scale-axes": "Lat(-2)"}, "scale-axes"),
        ({"scale-factor": "0"}, "scale-factor"),
        ({"scale-factor": "nan"}, "scale-factor"),
        ({"scale-factor": "2", "scale-size": "Lat(2)"}, "scale-size"),
        ({"scale-size": ["Lat(2)", "Lon(2)"]}, "scale-size"),
    ],
)
def test_what_is_no_scale_is_refused(given_: dict[str, Any], subject: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse.query("coverage", given_, DATASET)
    assert refused.value.subject == subject
