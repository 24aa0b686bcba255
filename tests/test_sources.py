"""Sources: what a file holds is given raw, whatever its format; what cannot be read says so in one line."""

import json
import os
import shutil
import threading
import time
import warnings
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pytest
import rasterio
import xarray as xr
import zarr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from poles.errors import Unreadable
from poles.sources import kind_of, open_source, version
from poles.sources.chunks import MIB, Cache, Chunked, layout
from poles.sources.locks import HDF5, Handles, LibraryLock, Replaced

DATA = Path(__file__).parents[2] / "shared" / "data"
FIELD = np.arange(24, dtype="f4").reshape(2, 3, 4)


def everything(path: Path) -> None:
    for stored in open_source(str(path)).arrays.values():
        stored.whole()


def refused(path: Path) -> str:
    """The one line with which a file is refused."""
    with pytest.raises(Unreadable) as error:
        everything(path)
    line = str(error.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    return line


# --- real files ----------------------------------------------------------------------------------------------


def manifest() -> list[dict]:
    if not (DATA / "MANIFEST.json").exists():
        pytest.skip("the real data (../shared/data) are not here")
    return json.loads((DATA / "MANIFEST.json").read_text())


def physical(stored, raw):
    if not isinstance(raw, np.number):
        return raw
    scale, offset = (np.ravel(stored.attrs.get(n, d))[0] for n, d in (("scale_factor", 1.0), ("add_offset", 0.0)))
    return float(raw) * float(scale) + float(offset)


def test_every_known_value_of_the_real_netcdf_files_is_read():
    wrong, right = [], 0
    for item in manifest():
        known = item.get("known") or {}
        if item.get("reader") != "netCDF4" or "index" not in known:
            continue
        stored = open_source(str(DATA / item["path"])).arrays[known["var"].strip("/")]
        raw = stored.read(tuple(slice(i, i + 1) for i in known["index"])).ravel()[0]
        if stored.shape == tuple(known["shape"]) and physical(stored, raw) == pytest.approx(known["value"], rel=2e-6):
            right += 1
        else:
            wrong.append((item["path"], raw, known["value"]))
    assert not wrong
    assert right >= 75


def test_every_known_value_and_place_of_the_real_rasters_is_read():
    wrong, right = [], 0
    for item in manifest():
        path = DATA / item["path"]
        if item.get("reader") != "rasterio" or not path.is_file():
            continue
        known, arrays = item["known"], open_source(str(path)).arrays
        stored = [s for s in arrays.values() if s.dims == ("y", "x")][known["band"] - 1]
        row, column = known["row"], known["col"]
        raw = stored.read((slice(row, row + 1), slice(column, column + 1)))[0, 0]
        a, b, c, d, e, f = arrays["crs"].attrs.get("affine") or (0,) * 6
        x = arrays["x"].whole()[column] if "x" in arrays else a * (column + 0.5) + b * (row + 0.5) + c
        y = arrays["y"].whole()[row] if "y" in arrays else d * (column + 0.5) + e * (row + 0.5) + f
        found = (physical(stored, raw), x, y)
        if found == pytest.approx((known["value"], known["x"], known["y"]), rel=1e-9):
            right += 1
        else:
            wrong.append((item["path"], found))
    assert not wrong
    assert right >= 17


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("hard/truncated_orca2.nc", "cut short"),
        ("hard/zero_length.nc", "empty"),
        ("hard/corrupt_magic.nc", "no NetCDF or HDF5"),
        ("aeris/mod04_aerosol_l2.hdf", "HDF4 is not read"),
        ("aeris/radiosonde_temp.bufr", "BUFR is not read"),
        ("aeris/cams_chem.grib2", "GRIB is not read"),
        ("hard/era5_corrupted.grib", "GRIB is not read"),
        ("formater/gnss/PUHI.tenv3", "rows, not arrays"),
    ],
)
def test_real_files_that_hold_no_arrays_are_refused_in_one_line(name, reason):
    manifest()
    assert reason in refused(DATA / name)


# --- kinds ---------------------------------------------------------------------------------------------------


def test_a_file_is_known_by_its_content_and_not_by_its_name(tmp_path):
    classic(tmp_path / "a.tif")
    write_raster(tmp_path / "b.nc", FIELD[0])
    xr.Dataset({"v": ("x", [1.0])}).to_zarr(tmp_path / "c.csv", zarr_format=2, consolidated=True)
    (tmp_path / "d.nc").write_text("lon,lat,value\n1,2,3\n")
    kinds = [kind_of(str(tmp_path / name)) for name in ("a.tif", "b.nc", "c.csv", "d.nc")]
    assert kinds == ["arrays", "arrays", "arrays", "rows"]
    assert FIELD.tolist() == open_source(str(tmp_path / "a.tif")).arrays["v"].whole().tolist()


@pytest.mark.parametrize(
    "head", ["BMI,age\n1,2\n", "P2,P5\n1,2\n", "GRIB file,value\na,1\n", "ncols,nrows\n1,2\n", "RIFF,x\n"]
)
def test_text_that_begins_like_another_format_is_rows(tmp_path, head):
    (tmp_path / "a.csv").write_text(head)
    assert kind_of(str(tmp_path / "a.csv")) == "rows"


def test_what_is_not_there_or_is_no_store_is_refused(tmp_path):
    assert "not found" in refused(tmp_path / "nothing.nc")
    assert "no Zarr store" in refused(tmp_path)
    with pytest.raises(Unreadable, match="not a path on this machine"):
        open_source("https://example.org/a.nc")


def test_the_version_changes_with_the_content(tmp_path):
    path = tmp_path / "a.nc"
    classic(path)
    first = version(str(path))
    assert version(str(path)) == first
    path.write_bytes(path.read_bytes() + b"\0" * 8)
    assert version(str(path)) != first


def test_the_version_of_a_zarr_store_changes_when_it_grows_or_a_chunk_is_added(tmp_path):
    path = tmp_path / "a.zarr"
    array = zarr.create_array(str(path), shape=(4,), chunks=(2,), dtype="f4", zarr_format=2)
    first = version(str(path))
    array[0:2] = 1
    second = version(str(path))
    array.resize((6,))
    assert len({first, second, version(str(path))}) == 3


# --- NetCDF --------------------------------------------------------------------------------------------------


def classic(path: Path, form: str = "NETCDF3_CLASSIC", records: bool = False) -> None:
    with netCDF4.Dataset(path, "w", format=form) as root:
        for name, size in zip("tyx", FIELD.shape, strict=True):
            root.createDimension(name, None if records and name == "t" else size)
        root.createVariable("odd", "i2", ("t", "x"))[:] = FIELD[:, 0, :]
        root.createVariable("v", "f4", ("t", "y", "x"))[:] = FIELD
        root["v"].units = "K"


FORMS = ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA", "NETCDF4", "NETCDF4_CLASSIC")


@pytest.mark.parametrize("records", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_every_netcdf_format_gives_the_same_arrays(tmp_path, form, records):
    classic(tmp_path / "a.nc", form, records)
    stored = open_source(str(tmp_path / "a.nc")).arrays["v"]
    assert (stored.dims, stored.shape, stored.dtype) == (("t", "y", "x"), (2, 3, 4), np.dtype("f4"))
    assert stored.attrs["units"] == "K"
    assert np.array_equal(stored.whole(), FIELD)


@pytest.mark.parametrize("records", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("missing", [4, 40, 200])
def test_a_file_whose_end_is_cut_off_is_noticed_when_it_is_opened(tmp_path, form, records, missing):
    path = tmp_path / "a.nc"
    classic(path, form, records)
    path.write_bytes(path.read_bytes()[:-missing])
    assert "cut short" in refused(path)


def test_a_file_cut_inside_its_header_is_refused(tmp_path):
    for form in FORMS:
        path = tmp_path / f"{form}.nc"
        classic(path, form)
        path.write_bytes(path.read_bytes()[:60])
        assert "cut short" in refused(path)


def test_a_damaged_header_is_refused(tmp_path):
    path = tmp_path / "a.nc"
    classic(path)
    raw = bytearray(path.read_bytes())
    raw[8:12] = b"\0\0\0\x77"
    path.write_bytes(raw)
    refused(path)


def test_a_damaged_chunk_is_refused_and_not_a_number(tmp_path):
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w") as root:
        root.createDimension("x", 4000)
        root.createVariable("v", "f4", ("x",), zlib=True, fletcher32=True)[:] = np.random.default_rng(0).random(4000)
    raw = bytearray(path.read_bytes())
    raw[-3000:-2900] = bytes(100)
    path.write_bytes(raw)
    assert "v cannot be read" in refused(path)


def test_a_missing_padding_at_the_end_is_no_fault(tmp_path):
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as root:
        root.createDimension("x", 5)
        root.createVariable("v", "i1", ("x",))[:] = [1, 2, 3, 4, 5]
    path.write_bytes(path.read_bytes()[:-3])
    assert open_source(str(path)).arrays["v"].whole().tolist() == [1, 2, 3, 4, 5]


def test_values_are_raw_and_in_native_byte_order(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as root:
        root.createDimension("x", 3)
        packed = root.createVariable("p", ">i2", ("x",), fill_value=-1, endian="big")
        packed.setncatts(
            {"scale_factor": 0.1, "add_offset": 5.0, "_Unsigned": "true", "flags": np.array([1, 2], ">i2")}
        )
        packed.set_auto_maskandscale(False)
        packed[:] = np.array([-1, 0, 300], "i2")
    stored = open_source(str(tmp_path / "a.nc")).arrays["p"]
    block = stored.whole()
    assert block.dtype == np.dtype("int16") == stored.dtype
    assert block.dtype.isnative
    assert block.tolist() == [-1, 0, 300]
    assert stored.attrs["_Unsigned"] == "true"
    assert stored.attrs["flags"].dtype.isnative
    assert stored.attrs["flags"].tolist() == [1, 2]


def test_a_dimension_belongs_to_the_group_that_defines_it(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as root:
        root.createDimension("x", 2)
        root.title = "whole"
        for name, size in (("one", 3), ("two", 4)):
            group = root.createGroup(name)
            group.note = name
            group.createDimension("y", size)
            group.createVariable("v", "f4", ("y", "x"))[:] = 1
    opened = open_source(str(tmp_path / "a.nc"))
    assert {k: s.dims for k, s in opened.arrays.items()} == {"one/v": ("one/y", "x"), "two/v": ("two/y", "x")}
    assert opened.attrs == {"title": "whole", "one/note": "one", "two/note": "two"}
    assert opened.arrays["two/v"].shape == (4, 2)


def test_char_arrays_are_texts_and_flags_of_one_char_stay_apart(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w", format="NETCDF3_CLASSIC") as root:
        for name, size in (("n", 2), ("level", 3), ("letters", 6)):
            root.createDimension(name, size)
        root.createVariable("name", "S1", ("n", "letters"))[:] = np.array(
            [list(b"R\xc3\xa9\0\0\0"), list(b"ab    ")], "u1"
        ).view("S1")
        root.createVariable("qc", "S1", ("n", "level"))[:] = [[b"1", b"2", b"4"], [b"1", b" ", b"\0"]]
        root.createVariable("t", "f4", ("n", "level"))[:] = 0
        root.createVariable("mode", "S1", ())[...] = b"D"
    arrays = open_source(str(tmp_path / "a.nc")).arrays
    assert (arrays["name"].dims, arrays["name"].shape) == (("n",), (2,))
    assert arrays["name"].whole().tolist() == ["Ré", "ab"]
    assert arrays["qc"].dims == ("n", "level")
    assert arrays["qc"].whole().tolist() == [["1", "2", "4"], ["1", "", ""]]
    assert arrays["mode"].whole().tolist() == "D"
    assert {arrays[k].dtype for k in ("name", "qc", "mode")} == {np.dtype(object)}


def test_strings_and_enumerations_are_read_and_what_has_no_plain_type_is_left_out(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as root:
        root.createDimension("x", 2)
        root.createVariable("s", str, ("x",))[:] = np.array(["é", ""], object)
        root.createVariable("one", str, ())[...] = "alone"
        clouds = root.createEnumType(np.uint8, "cloud", {"clear": 0, "thin cloud": 3})
        root.createVariable("c", clouds, ("x",))[:] = [3, 0]
        ragged = root.createVLType(np.int32, "ragged")
        root.createVariable("r", ragged, ("x",))
        pair = root.createCompoundType(np.dtype([("a", "f4"), ("b", "i4")]), "pair")
        root.createVariable("p", pair, ("x",))
    arrays = open_source(str(tmp_path / "a.nc")).arrays
    assert set(arrays) == {"s", "c", "one"}
    assert arrays["one"].whole().dtype == np.dtype(object)
    assert arrays["one"].whole().tolist() == "alone"
    assert arrays["s"].whole().tolist() == ["é", ""]
    assert arrays["c"].whole().tolist() == [3, 0]
    assert arrays["c"].attrs["flag_values"].tolist() == [0, 3]
    assert arrays["c"].attrs["flag_meanings"] == "clear thin_cloud"


def test_latin_1_attributes_are_read(tmp_path):
    path = tmp_path / "a.nc"
    classic(path)
    raw = path.read_bytes()
    with netCDF4.Dataset(path, "a") as root:
        root["v"].units = "XC"
    path.write_bytes(path.read_bytes().replace(b"XC\0\0", b"\xb0C\0\0"))
    assert len(raw) <= path.stat().st_size
    assert open_source(str(path)).arrays["v"].attrs["units"] == "°C"


def test_plain_hdf5_has_phony_dimensions_and_scalars_are_arrays_of_no_dimension(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as root:
        root["g/v"] = np.arange(6.0).reshape(2, 3)
        root["one"] = np.float32(7)
    arrays = open_source(str(tmp_path / "a.h5")).arrays
    assert arrays["g/v"].shape == (2, 3)
    assert arrays["g/v"].dims == ("phony_dim_2", "phony_dim_3")
    assert arrays["one"].whole().shape == ()
    assert float(arrays["one"].whole()) == 7


def test_an_hdf5_file_may_begin_after_a_user_block(tmp_path):
    with h5py.File(tmp_path / "a.bin", "w", userblock_size=2048) as root:
        root["v"] = np.arange(3.0)
    assert open_source(str(tmp_path / "a.bin")).arrays["v"].whole().tolist() == [0, 1, 2]


def test_a_dimension_of_no_length_gives_nothing(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as root:
        root.createDimension("t", None)
        root.createDimension("x", 3)
        root.createVariable("v", "f4", ("t", "x"))
    assert open_source(str(tmp_path / "a.nc")).arrays["v"].whole().shape == (0, 3)


def test_reading_leaves_nothing_beside_the_data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    classic(folder / "a.nc", "NETCDF4")
    write_raster(folder / "b.tif", FIELD[0])
    before = sorted(os.listdir(folder))
    for name in before:
        for stored in open_source(str(folder / name)).arrays.values():
            stored.whole()
    assert sorted(os.listdir(folder)) == before


# --- Zarr ----------------------------------------------------------------------------------------------------


def sample() -> xr.Dataset:
    return xr.Dataset(
        {
            "v": (("t", "y", "x"), FIELD, {"units": "K"}),
            "i": (("y", "x"), np.arange(12, dtype="i2").reshape(3, 4)),
            "s": ("t", np.array(["é", "bb"], object)),
            "u": ("t", np.array(["ab", "c"], "U3")),
        },
        {"t": [0, 1], "y": [1.0, 2.0, 3.0], "x": [1.0, 2.0, 3.0, 4.0]},
        {"title": "sample"},
    )


@pytest.mark.filterwarnings("ignore")
def written(path: Path, form: int, zipped: bool, **options) -> str:
    sample().to_zarr(path, zarr_format=form, **options)
    if not zipped:
        return str(path)
    return shutil.make_archive(str(path), "zip", path.parent, path.name)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("consolidated", [True, False])
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("form", [2, 3])
def test_every_form_of_zarr_gives_the_same_arrays_without_a_warning(tmp_path, form, zipped, consolidated):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        href = written(tmp_path / "store", form, zipped, consolidated=consolidated, encoding={"i": {"_FillValue": -1}})
    opened = open_source(href)
    arrays = opened.arrays
    assert opened.attrs == {"title": "sample"}
    assert set(arrays) == {"v", "i", "s", "u", "t", "y", "x"}
    assert (arrays["v"].dims, arrays["v"].shape, arrays["v"].attrs["units"]) == (("t", "y", "x"), (2, 3, 4), "K")
    assert np.array_equal(arrays["v"].whole(), FIELD)
    assert np.isnan(float(arrays["v"].attrs["_FillValue"]))
    assert int(arrays["i"].attrs["_FillValue"]) == -1
    assert arrays["s"].whole().tolist() == ["é", "bb"]
    assert arrays["u"].whole().tolist() == ["ab", "c"]
    assert "_ARRAY_DIMENSIONS" not in arrays["v"].attrs


def test_the_fill_value_is_the_mask_in_version_2_and_not_in_version_3(tmp_path):
    for form in (2, 3):
        zarr.create_array(str(tmp_path / f"{form}.zarr"), shape=(2,), dtype="i2", fill_value=0, zarr_format=form)
    two, three = (open_source(str(tmp_path / f"{form}.zarr")).arrays[str(form)] for form in (2, 3))
    assert two.attrs["_FillValue"] == 0
    assert "_FillValue" not in three.attrs


def test_a_fill_value_in_base64_is_a_number(tmp_path):
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=3)
    array = group.create_array("v", shape=(2,), dtype="f4", fill_value=0)
    array.attrs["_FillValue"] = "AAAAAACIw8A="
    assert open_source(str(tmp_path / "a.zarr")).arrays["v"].attrs["_FillValue"] == -10000.0


@pytest.mark.filterwarnings("ignore")
def test_times_of_zarr_may_be_datetime64(tmp_path):
    days = np.array(["2020-01-01", "NaT"], "M8[s]")
    for form in (2, 3):
        zarr.create_array(str(tmp_path / f"t{form}"), data=days, zarr_format=form)
        got = open_source(str(tmp_path / f"t{form}")).arrays[f"t{form}"].whole()
        assert got.dtype.kind == "M"
        assert np.array_equal(got, days, equal_nan=True)


@pytest.mark.filterwarnings("ignore")
def test_a_dimension_of_zarr_belongs_to_the_nearest_group_with_its_coordinate(tmp_path):
    data = sample()
    tree = {"/": data[["x"]], "/fine": data[["i"]].drop_vars("x"), "/coarse": data[["v"]].isel(y=[0]).drop_vars("x")}
    xr.DataTree.from_dict(tree).to_zarr(tmp_path / "a.zarr")
    arrays = open_source(str(tmp_path / "a.zarr")).arrays
    assert arrays["fine/i"].dims == ("fine/y", "x")
    assert arrays["coarse/v"].dims == ("coarse/t", "coarse/y", "x")


def test_zarr_without_names_of_dimensions_has_phony_ones(tmp_path):
    zarr.create_array(str(tmp_path / "a.zarr"), data=np.zeros((3, 3, 2)))
    stored = open_source(str(tmp_path / "a.zarr")).arrays["a"]
    assert len(set(stored.dims)) == 3


def test_a_zarr_chunk_that_is_cut_is_refused_and_one_that_is_absent_is_fill(tmp_path):
    for name in ("cut", "whole"):
        array = zarr.create_array(
            str(tmp_path / name), shape=(4,), chunks=(2,), dtype="f4", fill_value=-1, zarr_format=2
        )
        array[0:2] = [1, 2]
    chunk = tmp_path / "cut" / "0"
    chunk.write_bytes(chunk.read_bytes()[:5])
    assert "cut cannot be read" in refused(tmp_path / "cut")
    assert open_source(str(tmp_path / "whole")).arrays["whole"].whole().tolist() == [1, 2, -1, -1]


def test_a_zip_file_that_is_cut_is_refused(tmp_path):
    path = Path(written(tmp_path / "store", 2, True))
    path.write_bytes(path.read_bytes()[:-40])
    assert "zip file cut short" in refused(path)


def test_a_store_without_readable_metadata_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "zarr.json").write_text("{")
    assert "cannot be opened" in refused(tmp_path / "a")


def test_a_zarr_store_swapped_under_a_reader_is_noticed(tmp_path):
    path = tmp_path / "a.zarr"
    zarr.create_array(str(path), data=np.ones((4, 4)), chunks=(2, 2), zarr_format=2)
    stored = open_source(str(path)).arrays["a"]
    path.rename(tmp_path / "old")
    zarr.create_array(str(path), data=np.zeros((2, 2)), zarr_format=2)
    with pytest.raises(Replaced):
        stored.whole()


# --- rasters -------------------------------------------------------------------------------------------------

NORTH_UP = Affine(0.5, 0, 10, 0, -0.5, 50)


def write_raster(path: Path, *bands: np.ndarray, crs="EPSG:4326", transform=NORTH_UP, then=lambda dst: None, **options):
    height, width = bands[0].shape
    profile = {"driver": "GTiff", "dtype": bands[0].dtype, "crs": crs, "transform": transform} | options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", width=width, height=height, count=len(bands), **profile) as dst:
            then(dst)
            for number, band in enumerate(bands, 1):
                dst.write(band, number)


def bands_of(path: Path):
    return {k: s for k, s in open_source(str(path)).arrays.items() if k not in ("x", "y", "crs")}


def test_axes_are_the_centres_of_cells_in_the_order_of_the_file(tmp_path):
    write_raster(tmp_path / "a.tif", FIELD[0])
    arrays = open_source(str(tmp_path / "a.tif")).arrays
    assert arrays["x"].whole().tolist() == [10.25, 10.75, 11.25, 11.75]
    assert arrays["y"].whole().tolist() == [49.75, 49.25, 48.75]
    assert (arrays["x"].attrs["standard_name"], arrays["y"].attrs["units"]) == ("longitude", "degrees_north")
    assert CRS.from_wkt(arrays["crs"].attrs["crs_wkt"]).to_epsg() == 4326
    assert arrays["band_1"].attrs["grid_mapping"] == "crs"
    assert np.array_equal(arrays["band_1"].whole(), FIELD[0])


def test_a_pixel_that_is_a_point_has_its_place_at_that_point(tmp_path):
    write_raster(tmp_path / "a.tif", FIELD[0], then=lambda dst: dst.update_tags(AREA_OR_POINT="Point"))
    assert open_source(str(tmp_path / "a.tif")).arrays["x"].whole().tolist() == [10.25, 10.75, 11.25, 11.75]


def test_a_projected_raster_has_projected_axes(tmp_path):
    write_raster(tmp_path / "a.tif", FIELD[0], crs="EPSG:32631", transform=Affine(10, 0, 4e5, 0, -10, 5e6))
    arrays = open_source(str(tmp_path / "a.tif")).arrays
    assert arrays["x"].attrs["standard_name"] == "projection_x_coordinate"
    assert arrays["y"].whole().tolist() == [4999995, 4999985, 4999975]


def test_a_rotated_raster_has_an_affine_in_the_place_of_axes(tmp_path):
    turned = Affine.translation(10, 50) @ Affine.rotation(30) @ Affine.scale(0.5, -0.5)
    write_raster(tmp_path / "a.tif", FIELD[0], transform=turned)
    arrays = open_source(str(tmp_path / "a.tif")).arrays
    assert set(arrays) == {"crs", "band_1"}
    assert arrays["crs"].attrs["affine"] == pytest.approx(tuple(turned)[:6])


def test_bands_are_called_by_their_descriptions_and_never_collide(tmp_path):
    def named(dst):
        for number, name in enumerate(("NDVI", "NDVI", "x", None, "a/b"), 1):
            if name:
                dst.set_band_description(number, name)

    write_raster(tmp_path / "a.tif", *(FIELD[0] + n for n in range(5)), then=named)
    bands = bands_of(tmp_path / "a.tif")
    assert list(bands) == ["NDVI", "NDVI_2", "x_3", "band_4", "a_b"]
    assert [b.whole()[0, 0] for b in bands.values()] == [0, 1, 2, 3, 4]


def test_packing_units_and_nodata_of_a_band_are_attributes(tmp_path):
    def described(dst):
        dst.scales, dst.offsets, dst.units = (0.1,), (-5.0,), ("K",)

    write_raster(tmp_path / "a.tif", np.full((3, 4), 7, "i2"), nodata=-999, then=described)
    band = bands_of(tmp_path / "a.tif")["band_1"]
    expected = {"scale_factor": 0.1, "add_offset": -5.0, "units": "K", "_FillValue": -999}
    assert {n: band.attrs[n] for n in expected} == expected
    assert band.attrs["_FillValue"].dtype == np.dtype("i2")
    assert band.whole().tolist() == [[7] * 4] * 3


def test_nodata_that_is_not_a_number_stays_so(tmp_path):
    write_raster(tmp_path / "a.tif", FIELD[0], nodata=np.nan)
    assert np.isnan(bands_of(tmp_path / "a.tif")["band_1"].attrs["_FillValue"])


@pytest.mark.parametrize("internal", [True, False])
def test_what_a_mask_hides_is_missing(tmp_path, internal):
    mask = np.full((3, 4), 255, "u1")
    mask[1, 2] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal):
        write_raster(tmp_path / "a.tif", np.full((3, 4), 255, "u1"), then=lambda dst: dst.write_mask(mask))
    band = bands_of(tmp_path / "a.tif")["band_1"]
    block = band.whole()
    assert block.dtype == band.dtype == np.dtype("i2")
    assert ((block == band.attrs["_FillValue"]) == (mask == 0)).all()
    assert set(block[mask > 0]) == {255}


def test_what_is_transparent_is_missing_and_alpha_is_no_parameter(tmp_path):
    alpha = np.full((3, 4), 255, "u1")
    alpha[0, 0] = 0
    grey = np.full((3, 4), 9, "u1")
    write_raster(tmp_path / "a.tif", grey, grey, grey, alpha, photometric="RGB", alpha="YES")
    bands = bands_of(tmp_path / "a.tif")
    assert list(bands) == ["band_1", "band_2", "band_3"]
    block = bands["band_2"].whole()
    assert block[0, 0] == bands["band_2"].attrs["_FillValue"]
    assert block[0, 1] == 9


def test_strips_of_one_row_are_joined(tmp_path):
    values = np.arange(3000 * 500, dtype="f4").reshape(3000, 500)
    write_raster(tmp_path / "a.tif", values, blockysize=1)
    band = bands_of(tmp_path / "a.tif")["band_1"]
    assert band.chunks == (524, 500)
    assert np.array_equal(band.read((slice(500, 560), slice(3, 9))), values[500:560, 3:9])


def test_a_palette_keeps_its_numbers_and_its_names(tmp_path):
    path = tmp_path / "a.tif"
    write_raster(path, np.array([[0, 2]], "u1"), then=lambda dst: dst.write_colormap(1, {0: (0, 0, 0), 2: (9, 9, 9)}))
    names = "<Category>water</Category><Category/><Category>bare soil</Category>"
    xml = f'<PAMDataset><PAMRasterBand band="1"><CategoryNames>{names}</CategoryNames></PAMRasterBand></PAMDataset>'
    Path(f"{path}.aux.xml").write_text(xml)
    band = bands_of(path)["band_1"]
    assert band.whole().tolist() == [[0, 2]]
    assert band.attrs["flag_values"].tolist() == [0, 2]
    assert band.attrs["flag_meanings"] == "water bare_soil"


@pytest.mark.parametrize("kind", ["int8", "uint32", "int64", "uint64", "float16", "float64"])
def test_every_kind_of_number_is_read_and_half_floats_are_widened(tmp_path, kind):
    write_raster(tmp_path / "a.tif", FIELD[0].astype(kind))
    band = bands_of(tmp_path / "a.tif")["band_1"]
    assert band.dtype == np.dtype("float32" if kind == "float16" else kind)
    assert band.whole().dtype == band.dtype
    assert np.array_equal(band.whole(), FIELD[0])


def test_a_cog_is_read_like_any_geotiff(tmp_path):
    values = np.arange(600 * 700, dtype="f4").reshape(600, 700)
    write_raster(tmp_path / "a.tif", values, driver="COG", blocksize=256)
    band = bands_of(tmp_path / "a.tif")["band_1"]
    assert band.chunks == (256, 256)
    assert np.array_equal(band.whole(), values)


def test_other_rasters_of_gdal_are_read(tmp_path):
    (tmp_path / "a.asc").write_text("ncols 2\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 1\nNODATA_value -9\n1 -9\n")
    arrays = open_source(str(tmp_path / "a.asc")).arrays
    assert arrays["band_1"].whole().tolist() == [[1, -9]]
    assert arrays["band_1"].attrs["_FillValue"] == -9
    assert "crs_wkt" not in arrays["crs"].attrs


def test_rasters_without_a_place_are_refused_with_what_would_do(tmp_path):
    write_raster(tmp_path / "a.tif", FIELD[0], crs=None, transform=None)
    points = [GroundControlPoint(0, 0, 1, 2), GroundControlPoint(0, 3, 2, 2), GroundControlPoint(2, 0, 1, 3)]
    write_raster(tmp_path / "b.tif", FIELD[0], transform=None, crs=CRS.from_epsg(4326), gcps=points)
    assert "nothing says where it lies" in refused(tmp_path / "a.tif")
    assert "ground control points" in refused(tmp_path / "b.tif")


def test_complex_numbers_are_refused(tmp_path):
    write_raster(tmp_path / "a.tif", FIELD[0].astype("c8"))
    assert "no band of real numbers" in refused(tmp_path / "a.tif")


@pytest.mark.parametrize("options", [{}, {"compress": "deflate"}, {"tiled": True, "blockxsize": 16, "blockysize": 16}])
def test_a_raster_whose_end_is_cut_off_is_refused(tmp_path, options):
    path = tmp_path / "a.tif"
    write_raster(path, np.random.default_rng(0).random((64, 64)), **options)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) * 3 // 4])
    refused(path)


# --- the chunk cache -----------------------------------------------------------------------------------------


@st.composite
def arrays_and_slices(draw):
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=0, max_size=4)))
    chunks = tuple(draw(st.integers(1, n)) for n in shape)
    asked = []
    for n in shape:
        start = draw(st.integers(0, n))
        asked.append(slice(start, draw(st.integers(start, n))))
    return shape, chunks, tuple(asked)


@settings(max_examples=300, deadline=None)
@given(arrays_and_slices(), st.integers(100, 20_000), st.booleans())
def test_a_block_through_the_cache_is_the_block_of_the_array(case, limit, direct):
    shape, chunks, asked = case
    whole = np.arange(np.prod(shape, dtype=int), dtype="f8").reshape(shape)
    store = Cache(limit)
    read = Chunked("a", shape, whole.dtype, chunks, lambda s: whole[s].copy(), direct=direct, through=store)
    for _ in range(2):
        got = read(asked)
        assert got.shape == whole[asked].shape
        assert np.array_equal(got, whole[asked])
    assert store.bytes <= limit


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=3), st.sampled_from(["u1", "f4", "f8"]))
def test_an_array_without_chunks_is_cut_into_rows_of_about_a_mebibyte(shape, kind):
    dtype = np.dtype(kind)
    chunks = layout(tuple(shape), dtype, None)
    size = int(np.prod(chunks)) * dtype.itemsize
    assert size <= MIB
    assert chunks == tuple(shape) or size > MIB // 2 - dtype.itemsize or size * 2 > MIB - max(shape) * dtype.itemsize


def test_chunks_are_kept_joined_or_cut():
    f4 = np.dtype("f4")
    assert layout((2184, 161, 241), f4, (168, 41, 61)) == (168, 41, 61)
    assert layout((100_000,), f4, (1,)) == (65_536,)
    assert layout((1000, 4096, 4096), f4, (1, 64, 64)) == (1, 64, 1024)
    assert np.prod(layout((4000, 4000), f4, (4000, 4000))) * 4 <= 4 * MIB
    assert layout((4000, 4000), f4, (4000, 4000), huge=None) == (4000, 4000)


def test_a_chunk_is_read_once_however_many_ask_at_once():
    calls = []

    def load(slices):
        calls.append(slices)
        time.sleep(0.02)
        return np.ones([s.stop - s.start for s in slices])

    read = Chunked("a", (100,), np.dtype("f8"), (10,), load, through=Cache(10**6))
    threads = [threading.Thread(target=read, args=((slice(n % 3, 40 + n),),)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read_at = sorted(start for (s,) in calls for start in range(s.start, s.stop, 10))
    assert read_at == sorted(set(read_at))


def test_neighbours_are_read_in_one_call():
    calls = []

    def load(slices):
        calls.append(slices)
        return np.zeros([s.stop - s.start for s in slices])

    read = Chunked("a", (130, 20), np.dtype("f8"), (10, 10), load, through=Cache(10**7))
    read((slice(0, 130), slice(0, 1)))
    assert calls == [(slice(0, 130), slice(0, 10))]


def test_a_failed_read_fails_for_all_who_wait_and_is_tried_again():
    answers = [OSError("torn"), np.ones(4)]

    def load(slices):
        time.sleep(0.02)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    read = Chunked("a", (4,), np.dtype("f8"), (4,), load, through=Cache(10**6))
    with pytest.raises(OSError, match="torn"):
        read((slice(0, 2),))
    assert read((slice(0, 2),)).tolist() == [1, 1]


def test_what_is_given_never_writes_into_the_cache():
    read = Chunked("a", (8,), np.dtype("f8"), (4,), lambda s: np.zeros(s[0].stop - s[0].start), through=Cache(10**6))
    for asked in (slice(0, 1), slice(0, 4), slice(2, 6), slice(0, 8)):
        block = read((asked,))
        if block.flags.writeable:
            block += 1
    assert read((slice(0, 8),)).tolist() == [0] * 8


def test_a_block_larger_than_the_cache_passes_beside_it():
    store = Cache(1000)
    read = Chunked("a", (1000,), np.dtype("f8"), (10,), lambda s: np.arange(1000.0)[s].copy(), through=store)
    assert np.array_equal(read((slice(5, 995),)), np.arange(5.0, 995.0))
    assert store.bytes == 0


def test_a_small_block_of_one_chunk_costs_microseconds():
    read = Chunked(
        "a", (2184, 161, 241), np.dtype("f4"), (168, 41, 61), lambda s: np.zeros([n.stop - n.start for n in s], "f4")
    )
    series = (slice(0, 2184), slice(50, 51), slice(70, 71))
    read(series)
    assert best(lambda: read((slice(3, 4), *series[1:]))) < 50e-6
    assert best(lambda: read(series)) < 300e-6


def best(call, times: int = 50) -> float:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return min(found)


# --- handles and threads -------------------------------------------------------------------------------------


def test_handles_are_bounded_and_closed_when_nothing_refers_to_them():
    events = []
    handles = Handles(
        LibraryLock(),
        lambda h: events.append(("open", h)) or h,
        lambda h: events.append(("close", h)),
        lambda h: "1",
        limit=2,
    )
    sources = [handles.source(name, "1") for name in "abc"]
    for source in sources:
        handles.use(source, str)
    assert events == [("open", "a"), ("open", "b"), ("open", "c"), ("close", "a")]
    del sources, source
    handles.use(handles.source("d", "1"), str)
    assert {("close", "b"), ("close", "c"), ("open", "d")} <= set(events)


def test_an_open_file_reads_on_after_it_was_replaced(tmp_path):
    path = tmp_path / "a.nc"
    classic(path, "NETCDF4")
    stored = open_source(str(path)).arrays["v"]
    with netCDF4.Dataset(tmp_path / "b.nc", "w") as root:
        root.createDimension("x", 1)
        root.createVariable("v", "f4", ("x",))[:] = 9
    os.replace(tmp_path / "b.nc", path)
    assert np.array_equal(stored.whole(), FIELD)
    assert open_source(str(path)).arrays["v"].whole().tolist() == [9]


def test_a_closed_handle_is_not_reopened_on_another_file(tmp_path):
    versions = {"a": "1"}
    handles = Handles(LibraryLock(), str, lambda h: None, versions.__getitem__)
    source = handles.source("a", "1")
    versions["a"] = "2"
    with pytest.raises(Replaced):
        handles.use(source, str)


def test_one_who_holds_a_library_does_not_wait_for_one_who_wants_it():
    wanted = threading.Event()

    def load(slices):
        wanted.set()
        with HDF5:
            return np.ones(4)

    read = Chunked("a", (4,), np.dtype("f8"), (4,), load, through=Cache(10**6))
    with HDF5:
        other = threading.Thread(target=read, args=((slice(0, 4),),))
        other.start()
        assert wanted.wait(5)
        assert read((slice(0, 1),)).tolist() == [1]
    other.join(5)
    assert not other.is_alive()


def test_sixteen_threads_read_netcdf_tiff_and_zarr_at_once(tmp_path):
    values = np.random.default_rng(1).random((40, 60, 60)).astype("f4")
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as root:
        for name, size in zip("tyx", values.shape, strict=True):
            root.createDimension(name, size)
        root.createVariable("v", "f4", ("t", "y", "x"), zlib=True, chunksizes=(10, 20, 20))[:] = values
    write_raster(tmp_path / "b.tif", *values, tiled=True, blockxsize=16, blockysize=16, compress="deflate")
    zarr.create_array(str(tmp_path / "c.zarr"), data=values, chunks=(10, 20, 20))
    zarr.create_array(str(tmp_path / "d.zarr"), data=values, chunks=(10, 20, 20), zarr_format=2)
    failures: list[object] = []

    def reads(seed: int) -> None:
        chance = np.random.default_rng(seed)
        try:
            for _ in range(20):
                name = ("a.nc", "b.tif", "c.zarr", "d.zarr")[chance.integers(4)]
                opened = open_source(str(tmp_path / name)).arrays
                starts = [int(chance.integers(n)) for n in values.shape]
                t, y, x = (slice(s, int(chance.integers(s, n)) + 1) for s, n in zip(starts, values.shape, strict=True))
                if name == "b.tif":
                    got = np.stack([opened[f"band_{b + 1}"].read((y, x)) for b in range(t.start, t.stop)])
                else:
                    got = next(iter(opened.values())).read((t, y, x))
                if not np.array_equal(got, values[t, y, x]):
                    failures.append((name, t, y, x))
        except Exception as error:  # noqa: BLE001  # whatever it is, the test tells it
            failures.append(error)

    threads = [threading.Thread(target=reads, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
