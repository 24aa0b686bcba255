"""GDAL's own programs over a running server: coverages and original files, cell by cell what the files hold."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import netCDF4
import numpy as np
import pytest
import rasterio
import yaml
from numpy.typing import NDArray
from rasterio.transform import Affine, from_origin
from werkzeug.http import parse_options_header

from poles.catalogue import facts, read
from poles.describe import describe

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-c", "import sys; from poles.cli import main; sys.exit(main(sys.argv[1:]))", "serve"]
HIGH, WIDE = 300, 520
"""More than one of GDAL's blocks of 256 cells along both sides."""
NAMED = 'été – "a" b;c.tif'
"""A file of a name that no header holds as it is."""

gdal = pytest.mark.skipif(
    shutil.which("gdal_translate") is None, reason="gdal-bin is not installed: make deps installs it"
)


# --- data ----------------------------------------------------------------------------------------------------------


def cells(bands: int = 1, dtype: str = "float32") -> NDArray[Any]:
    """Values that tell band, row and column."""
    shape = (bands, HIGH, WIDE)
    band, row, column = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    return (500_000 * band + 1000 * row + column).astype(dtype)


def write_image(path: Path, crs: str, transform: Affine, values: NDArray[Any], **options: Any) -> None:
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[1], width=values.shape[2], count=len(values), crs=crs,
        dtype=values.dtype, transform=transform, **options,
    ) as file:  # fmt: skip
        file.write(values)


def write_grid(path: Path) -> None:
    """`sst(time, depth, lat, lon)` and `ice(time, lat, lon)` on longitudes 0.5 to 359.5, north first."""
    with netCDF4.Dataset(path, "w") as nc:
        for name, values, units in (
            ("time", [0, 1, 2], "days since 2020-01-01"),
            ("depth", [0.0, 10.0], "m"),
            ("lat", np.arange(89.5, -90, -1), "degrees_north"),
            ("lon", np.arange(0.5, 360), "degrees_east"),
        ):
            nc.createDimension(name, len(values))
            variable = nc.createVariable(name, "f8", (name,))
            variable[:], variable.units = values, units
        nc["depth"].positive = "down"
        t, z, y, x = np.meshgrid(range(3), range(2), range(180), range(360), indexing="ij")
        nc.createVariable("sst", "f4", ("time", "depth", "lat", "lon"))[:] = 1e6 * t + 5e5 * z + 1e3 * y + x
        nc.createVariable("ice", "i2", ("time", "lat", "lon"))[:] = (t + y)[:, 0]


def write_polar_rows(path: Path) -> None:
    """Rows whose centres are the poles, with bounds that end there: 73 by 144 cells of 2.5 degrees."""
    with netCDF4.Dataset(path, "w") as nc:
        lat, lon = np.linspace(-90, 90, 73), np.arange(0, 360, 2.5)
        for name, values, units in (("lat", lat, "degrees_north"), ("lon", lon, "degrees_east")):
            nc.createDimension(name, len(values))
            variable = nc.createVariable(name, "f8", (name,))
            variable[:], variable.units = values, units
        nc.createDimension("bnds", 2)
        nc["lat"].bounds = "lat_bnds"
        edges = np.column_stack([lat - 1.25, lat + 1.25]).clip(-90, 90)
        nc.createVariable("lat_bnds", "f8", ("lat", "bnds"))[:] = edges
        nc.createVariable("v", "f4", ("lat", "lon"))[:] = 1000 * np.arange(73)[:, None] + np.arange(144)


IMAGES: dict[str, tuple[str, Affine, NDArray[Any]]] = {
    "utm": ("EPSG:32631", from_origin(500_000, 5_400_000, 10, 10), cells(3)),
    "polar": ("EPSG:3413", from_origin(-2_000_000, 1_500_000, 6_250, 6_250), cells()),
    "south-polar": ("EPSG:3031", from_origin(-2_000_000, 1_500_000, 6_250, 6_250), cells()),
    "northing-first": ("EPSG:3035", from_origin(3_000_000, 3_200_000, 1_000, 1_000), cells()),
    "lambert": ("EPSG:2154", from_origin(200_000, 6_800_000, 1_000, 1_000), cells(dtype="float64")),
    "latitude-first": ("EPSG:4326", from_origin(-10, 60, 0.05, 0.05), cells(dtype="int32")),
    "etrs89": ("EPSG:4258", from_origin(-10, 60, 0.05, 0.05), cells()),
    "one-row": ("EPSG:4326", from_origin(2, 49, 0.1, 0.2), cells()[:, :1]),
    "one-column": ("EPSG:32631", from_origin(500_000, 5_400_000, 10, 20), cells()[:, :, :1]),
    "one-cell": ("EPSG:4326", from_origin(2, 49, 0.1, 0.2), cells()[:, :1, :1]),
    "whole-numbers": ("EPSG:32631", from_origin(500_000, 5_400_000, 10, 10), cells(dtype="int64")),
}


# --- the server ----------------------------------------------------------------------------------------------------


@dataclass
class Served:
    url: str
    folder: Path

    def collection(self, identifier: str) -> str:
        return f"{self.url}/collections/{identifier}"

    def document(self, path: str) -> Any:
        with urlopen(f"{self.url}{path}") as answer:
            return json.load(answer)

    def run(self, program: str, *arguments: str) -> str:
        """What one of GDAL's programs prints; it fails on any error of GDAL's."""
        environment = {**os.environ, "GDAL_DEFAULT_WMS_CACHE_PATH": str(self.folder / "cache")}
        done = subprocess.run([program, *arguments], capture_output=True, text=True, env=environment, timeout=120)
        assert done.returncode == 0, done.stderr
        assert "ERROR" not in done.stderr, done.stderr
        return done.stdout

    def translated(self, identifier: str, *options: str) -> tuple[NDArray[Any], Affine]:
        """A coverage, as `gdal_translate` copies it."""
        out = self.folder / f"{identifier}.{time.monotonic_ns()}.tif"
        source = f"OGCAPI:{self.collection(identifier)}"
        self.run("gdal_translate", "-q", "-oo", "CACHE=NO", *options, source, str(out))
        with rasterio.open(out) as file:
            return file.read(), file.transform


def block(identifier: str, source: Path, **own: Any) -> dict[str, Any]:
    """A resource of the configuration, served as a coverage."""
    return {
        "type": "collection",
        "title": identifier,
        "description": identifier,
        "keywords": ["cells"],
        "extents": {"spatial": {"bbox": [-180, -90, 180, 90]}},
        "links": [],
        "poles": {"source": str(source), **own},
        "providers": [
            {
                "type": "coverage",
                "name": "providers.Coverage",
                "data": identifier,
                "format": {"name": "GeoTIFF", "mimetype": "image/tiff; application=geotiff"},
            }
        ],
    }


def demo_grids() -> dict[str, Any]:
    """The collections of the demonstration that are served as coverages, their sources by whole paths."""
    found = {}
    for identifier, resource in yaml.safe_load((ROOT / "pygeoapi-config.yml").read_text("utf-8"))["resources"].items():
        if any(p["type"] == "coverage" for p in resource.get("providers", ())):
            resource["poles"]["source"] = str(ROOT / resource["poles"]["source"])
            found[identifier] = resource
    return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("gdal")
    resources = demo_grids()
    for identifier, (crs, transform, values) in IMAGES.items():
        write_image(folder / f"{identifier}.tif", crs, transform, values)
        resources[identifier] = block(identifier, folder / f"{identifier}.tif")
    write_grid(folder / "global.nc")
    resources["global"] = block("global", folder / "global.nc")
    write_polar_rows(folder / "poles.nc")
    resources["poles"] = block("poles", folder / "poles.nc")
    tiled = {"tiled": True, "blockxsize": 64, "blockysize": 64}
    for day in ("20200101", "20200102"):
        write_image(folder / f"day_{day}.tif", *IMAGES["utm"][:2], cells(), **tiled)
    resources["days"] = block("days", folder / "day_*.tif")
    write_image(folder / NAMED, *IMAGES["utm"])
    resources["named"] = block("named", folder / NAMED)
    resources["shut"] = block("shut", folder / "utm.tif", access_rights="restricted")
    text = (ROOT / "poles" / "configuration.yml").read_text(encoding="utf-8")
    config = folder / "pygeoapi-config.yml"
    config.write_text(yaml.safe_dump({**yaml.safe_load(text), "resources": resources}), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(("POLES_", "PYGEOAPI_")) or n in ("HOST", "PORT")]:
            patch.delenv(name)
        patch.setenv("POLES_STATE", str(folder / "state"))
        for dataset in read(config).datasets.values():
            facts.keep(dataset, describe(dataset), facts.stamp(dataset))
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*COMMAND, "--config", str(config), "--port", str(port), "--workers", "1"],
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            yield Served(_ready(f"http://127.0.0.1:{port}", process, folder / "log"), folder)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> str:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            with urlopen(f"{url}/ready"):
                return url
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text()[-2000:])


# --- coverages -----------------------------------------------------------------------------------------------------


@gdal
@pytest.mark.parametrize("identifier", sorted(IMAGES))
def test_an_image_is_read_cell_by_cell_where_it_lies(served: Served, identifier: str) -> None:
    found, transform = served.translated(identifier)
    _, place, values = IMAGES[identifier]
    assert np.array_equal(found, values)
    assert transform.almost_equals(place, 1e-6)


@gdal
def test_a_grid_is_read_at_its_last_time_and_its_uppermost_level(served: Served) -> None:
    found, transform = served.translated("global")
    with netCDF4.Dataset(served.folder / "global.nc") as nc:
        expected = nc["sst"][2, 0]
    assert np.array_equal(found[0], np.roll(expected, 180, axis=1))
    assert len(found) == 1  # ice has no level
    assert transform.almost_equals(from_origin(-180, 90, 1, 1))
    link = _image_link(served, "global")
    assert link["href"].endswith("?f=GeoTIFF&datetime=2020-01-03T00:00:00Z&subset=depth(0.0)")
    assert link["title"] == "Coverage as GeoTIFF (2020-01-03T00:00:00Z, depth(0.0))"


@gdal
def test_rows_at_the_poles_are_cells_like_all_others(served: Served) -> None:
    found, transform = served.translated("poles")
    values = np.roll(1000 * np.arange(73)[::-1, None] + np.arange(144), 72, axis=1)
    assert np.array_equal(found[0], values)
    assert transform.almost_equals(from_origin(-181.25, 91.25, 2.5, 2.5))
    half, transform = served.translated("poles", "-outsize", "72", "73")
    assert np.array_equal(half[0], values[:, 1::2])
    assert transform.almost_equals(from_origin(-181.25, 91.25, 5, 2.5))


def of_raster(name: str) -> Callable[[], NDArray[Any]]:
    def read_() -> NDArray[Any]:
        with rasterio.open(ROOT / "demo" / name) as file:
            return np.asarray(file.read(masked=True).astype("float64").filled(np.nan))

    return read_


def of_netcdf(name: str, *variables: str, step: tuple[int, ...] = (), flipped: bool = False) -> Callable[[], Any]:
    def read_() -> NDArray[Any]:
        with netCDF4.Dataset(ROOT / "demo" / name) as nc:
            planes = [np.ma.filled(nc[v][step].astype("float64"), np.nan) for v in variables]
            across = nc[nc[variables[0]].dimensions[-1]]
            degrees = "east" in getattr(across, "units", "")
            order = np.argsort((across[:] + 180) % 360) if degrees else np.arange(len(across))
        return np.stack([(p[::-1] if flipped else p)[:, order] for p in planes])

    return read_


DEMO = {
    "theia-copdem-grenoble": of_raster("theia/copdem_grenoble.tif"),
    "theia-landsat7-olinda": of_raster("theia/landsat7_etm_olinda.tif"),
    "theia-nlcd-puerto-rico": of_raster("theia/nlcd_landcover.tif"),
    "formater-insar-kilauea": of_raster("formater/displacement_20160711_20160804.tif"),
    "formater-insar-los-vectors": of_raster("formater/los_enu.tif"),
    "odatis-wave-bathymetry-gironde": of_raster("odatis/s2_wave_bathymetry_gironde.tif"),
    "aeris-ncep-air-temperature": of_netcdf("aeris/ncep_air_temperature_small.nc", "air", step=(-1,)),
    "aeris-bcsd-monthly": of_netcdf("aeris/bcsd_obs_1999.nc", "pr", "tas", step=(-1,), flipped=True),
    "aeris-msg-brightness-temperature": of_netcdf("aeris/msg_bt108_stereographic.nc", "data"),
    "formater-etopo-relief": of_netcdf("formater/etopo120.cdf", "ROSE", flipped=True),
    "odatis-duacs-mediterranean": of_netcdf("odatis/duacs_med_l4_20160515.nc", "adt", "sla", step=(0,), flipped=True),
    "odatis-oisst-daily": of_netcdf(
        "odatis/oisst_v2_reduced.nc", "sst", "anom", "err", "ice", step=(0, 0), flipped=True
    ),
    "odatis-ostia-monthly": of_netcdf("odatis/ostia_monthly.nc", "surface_temperature", step=(-1,), flipped=True),
}


@gdal
@pytest.mark.parametrize("identifier", sorted(DEMO))
def test_the_demonstration_is_read_as_its_files_are(served: Served, identifier: str) -> None:
    found, _ = served.translated(identifier)
    expected = DEMO[identifier]()
    assert found.shape == expected.shape
    # packed values are unpacked by another reader: the last bit of its floats is its own
    assert np.allclose(
        found.astype("float64"), expected, rtol=1e-7 if found.dtype != "float64" else 1e-15, equal_nan=True
    )
    assert np.array_equal(np.isnan(found.astype("float64")), np.isnan(expected))


@gdal
def test_every_link_that_gdal_would_follow_opens(served: Served) -> None:
    linked = [c["id"] for c in served.document("/collections")["collections"] if _image_link(served, c["id"])]
    assert {*DEMO, *IMAGES, "global", "days"} <= set(linked)
    for identifier in linked:
        href = next(
            k["href"] for k in served.document(f"/collections/{identifier}")["links"] if "rangetype" in k["rel"]
        )
        fields = served.document(href.removeprefix(served.url))["field"]
        told = served.run("gdalinfo", "-oo", "CACHE=NO", f"OGCAPI:{served.collection(identifier)}")
        assert len(re.findall(r"^Band \d", told, re.MULTILINE)) == len(fields)


@gdal
def test_a_smaller_image_is_made_of_cells_that_are_there(served: Served) -> None:
    found, transform = served.translated("utm", "-outsize", "50%", "50%")
    _, place, values = IMAGES["utm"]
    assert np.array_equal(found, values[:, ::2, 1::2])
    assert transform.almost_equals(place @ Affine.scale(2))


@gdal
def test_a_window_of_an_image_is_that_window(served: Served) -> None:
    found, transform = served.translated("polar", "-srcwin", "250", "100", "20", "30")
    _, place, values = IMAGES["polar"]
    assert np.array_equal(found, values[:, 100:130, 250:270])
    assert transform.almost_equals(place @ Affine.translation(250, 100), 1e-6)


@gdal
def _image_link(served: Served, identifier: str) -> dict[str, Any]:
    links = served.document(f"/collections/{identifier}")["links"]
    found = [k for k in links if k["rel"].endswith("/coverage") and k["type"] == "image/tiff; application=geotiff"]
    return found[0] if found else {}


def test_domain_set_and_range_type_say_where_cells_lie_and_what_they_hold(served: Served) -> None:
    grid = served.document("/collections/global/coverage/domainset")["generalGrid"]
    assert grid["srsName"] == "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    assert grid["axisLabels"] == ["Lon", "Lat", "time", "depth"]
    assert grid["axis"][0] == {
        "type": "RegularAxis", "axisLabel": "Lon", "lowerBound": -180.0, "upperBound": 180.0, "resolution": 1.0,
        "uomLabel": "deg",
    }  # fmt: skip
    assert grid["axis"][2]["coordinate"] == [f"2020-01-0{day}T00:00:00Z" for day in (1, 2, 3)]
    assert [a["upperBound"] for a in grid["gridLimits"]["axis"]] == [359, 179, 2, 1]
    fields = served.document("/collections/global/coverage/rangetype")["field"]
    assert [f["id"] for f in fields] == ["sst", "ice"]
    assert {f["definition"] for f in fields} == {"ogcType:float32"}
    whole = served.document("/collections/whole-numbers/coverage/rangetype")["field"][0]
    assert whole["encodingInfo"]["dataType"].endswith("/signedLong")
    assert whole["definition"] == "ogcType:float64"  # GDAL knows no integers of 64 bits here
    projected = served.document("/collections/utm/coverage/domainset")["generalGrid"]
    assert projected["srsName"] == "http://www.opengis.net/def/crs/EPSG/0/32631"
    assert projected["axisLabels"] == ["E", "N"]


def test_a_grid_whose_cells_make_no_image_links_none(served: Served) -> None:
    for identifier in ("odatis-orca2-temperature", "aeris-um-mean-sea-level-pressure"):
        assert _image_link(served, identifier) == {}
    with pytest.raises(HTTPError, match="404"):
        served.document("/collections/odatis-orca2-temperature/coverage/domainset")


# --- files ---------------------------------------------------------------------------------------------------------


@gdal
def test_an_answer_is_opened_over_the_network(served: Served) -> None:
    told = served.run("gdalinfo", "-checksum", f"/vsicurl/{served.collection('utm')}/coverage?f=GeoTIFF")
    local = served.run("gdalinfo", "-checksum", str(served.folder / "utm.tif"))
    assert re.findall(r"Checksum=\d+", told) == re.findall(r"Checksum=\d+", local)
    assert "Size is 520, 300" in told


def test_originals_are_linked_with_their_size_and_sent_as_they_are(served: Served) -> None:
    links = [k for k in served.document("/collections/days")["links"] if k["rel"] == "enclosure"]
    assert [k["href"].rsplit("/", 1)[1] for k in links] == ["day_20200101.tif", "day_20200102.tif"]
    for link in links:
        path = served.folder / link["href"].rsplit("/", 1)[1]
        assert link["length"] == path.stat().st_size
        with urlopen(link["href"]) as answer:
            assert answer.headers["Content-Type"] == "image/tiff; application=geotiff"
            assert answer.read() == path.read_bytes()
        with urlopen(Request(link["href"], method="HEAD")) as answer:
            assert int(answer.headers["Content-Length"]) == link["length"]
            assert answer.headers["Accept-Ranges"] == "bytes"
            assert answer.read() == b""
    with rasterio.open(f"/vsicurl/{links[0]['href']}") as file:
        assert np.array_equal(file.read(), cells())


def test_a_file_of_any_name_is_sent_under_that_name(served: Served) -> None:
    link = next(k for k in served.document("/collections/named")["links"] if k["rel"] == "enclosure")
    with urlopen(link["href"]) as answer:
        assert answer.read() == (served.folder / NAMED).read_bytes()
        kind, told = parse_options_header(answer.headers["Content-Disposition"])
    assert (kind, told["filename"]) == ("attachment", NAMED)


@pytest.mark.parametrize(
    ("asked", "status", "bytes_"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=-999999999", 206, slice(0, None)),
        ("bytes=5-999999999", 206, slice(5, None)),
        ("bytes=0-1,4-5", 200, slice(None)),
        ("rows=0-1", 200, slice(None)),
        ("bytes=nonsense", 200, slice(None)),
        ("bytes=999999999-", 416, None),
    ],
)
def test_a_range_of_a_file_is_those_bytes(served: Served, asked: str, status: int, bytes_: slice | None) -> None:
    whole = (served.folder / "utm.tif").read_bytes()
    request = Request(f"{served.collection('utm')}/files/utm.tif", headers={"Range": asked})
    if bytes_ is None:
        with pytest.raises(HTTPError) as refused:
            urlopen(request)
        assert (refused.value.code, refused.value.headers["Content-Range"]) == (416, f"bytes */{len(whole)}")
        return
    with urlopen(request) as answer:
        body = answer.read()
    assert (answer.status, body) == (status, whole[bytes_])
    if status == 206:
        start = bytes_.indices(len(whole))[0]
        assert answer.headers["Content-Range"] == f"bytes {start}-{start + len(body) - 1}/{len(whole)}"


def test_a_range_is_only_taken_of_the_version_that_is_held(served: Served) -> None:
    url = f"{served.collection('utm')}/files/utm.tif"
    with urlopen(url) as answer:
        held = answer.headers["ETag"]
    assert held.startswith('"')
    for condition, status in ((held, 206), ('"other"', 200), (f"W/{held}", 200)):
        with urlopen(Request(url, headers={"Range": "bytes=0-9", "If-Range": condition})) as answer:
            assert answer.status == status
    with pytest.raises(HTTPError, match="304"):
        urlopen(Request(url, headers={"If-None-Match": held}))


@pytest.mark.parametrize(
    "path",
    [
        "utm/files/day_20200101.tif", "utm/files/..%2Futm.tif", "utm/files/%2Fetc%2Fpasswd", "utm/files/./utm.tif",
        "utm/files/utm.tif.aux.xml", "utm/files/utm.tif/", "shut/files/utm.tif", "global/files/global.nc",
    ],
)  # fmt: skip
def test_nothing_but_the_files_of_an_open_data_set_is_sent(served: Served, path: str) -> None:
    with pytest.raises(HTTPError, match="404"):
        urlopen(f"{served.url}/collections/{path}")
    assert not [k for k in served.document("/collections/shut")["links"] if k["rel"] == "enclosure"]


@gdal
def test_cloud_optimized_files_are_told_as_such(served: Served) -> None:
    from poles.sources.tiff import is_cloud_optimized

    cog = served.folder / "cog.tiff"
    served.run(
        "gdal_translate", "-q", "-of", "COG", "-outsize", "1200", "900", str(served.folder / "utm.tif"), str(cog)
    )
    assert is_cloud_optimized(str(cog)) is True
    large = served.folder / "large.tiff"
    served.run("gdal_translate", "-q", "-outsize", "1200", "900", str(served.folder / "utm.tif"), str(large))
    assert is_cloud_optimized(str(large)) is False
    assert is_cloud_optimized(str(served.folder / "global.nc")) is None
