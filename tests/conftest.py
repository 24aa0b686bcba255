"""A small catalogue of known values: a grid, a raster, stations and features, and clients over it."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import rasterio
import yaml
from rasterio.transform import from_origin

sys.path.append(str(Path(__file__).parent))
from postgres import postgres

__all__ = ["postgres"]

TIMES, DEPTHS = 4, (0.0, 10.0, 50.0)
LATS, LONS = np.arange(40.0, 50.0), np.arange(-5.0, 10.0)


def grid_value(t: int, z: int, y: int, x: int) -> float:
    """The value of `sst` at indices."""
    return 1000.0 * t + 100.0 * z + 10.0 * y + x


def write_grid(path: Path, offset: float = 0.0) -> None:
    """`sst(time, depth, lat, lon)` on 4 days from 2020-01-01; the cell of the south-west corner is missing."""
    with netCDF4.Dataset(path, "w") as nc:
        for name, values, attrs in (
            ("time", np.arange(TIMES), {"units": "days since 2020-01-01", "standard_name": "time"}),
            ("depth", DEPTHS, {"units": "m", "standard_name": "depth", "positive": "down"}),
            ("lat", LATS, {"units": "degrees_north", "standard_name": "latitude"}),
            ("lon", LONS, {"units": "degrees_east", "standard_name": "longitude"}),
        ):
            nc.createDimension(name, len(values))
            variable = nc.createVariable(name, "f8", (name,))
            variable[:] = values
            variable.setncatts(attrs)
        sst = nc.createVariable("sst", "f4", ("time", "depth", "lat", "lon"), fill_value=-999.0)
        sst.setncatts({"units": "degC", "standard_name": "sea_water_temperature", "long_name": "temperature"})
        t, z, y, x = np.meshgrid(np.arange(TIMES), range(3), range(10), range(15), indexing="ij")
        values = (1000 * t + 100 * z + 10 * y + x + offset).astype("f4")
        values[:, :, 0, 0] = -999.0
        sst[:] = values
        ice = nc.createVariable("ice", "f4", ("time", "lat", "lon"))
        ice.setncatts({"units": "1", "long_name": "ice fraction"})
        ice[:] = 0.0


def write_raster(path: Path) -> None:
    """A band of 6 rows and 5 columns of 10 m in UTM 31N: the value is 10 * row + column."""
    with rasterio.open(
        path, "w", driver="GTiff", width=5, height=6, count=1, dtype="float32", crs="EPSG:32631",
        transform=from_origin(500000, 5400060, 10, 10), nodata=-1.0,
    ) as raster:  # fmt: skip
        raster.write((10 * np.arange(6)[:, None] + np.arange(5)).astype("float32"), 1)


def write_stations(path: Path) -> None:
    """Two stations, three days each; one value is missing, one is zero."""
    rows = ["station,lon,lat,time,tide"]
    for name, lon, lat, values in (("brest", -4.5, 48.4, ("1.5", "", "0")), ("sete", 3.7, 43.4, ("2.5", "3.5", "4.5"))):
        rows += [f"{name},{lon},{lat},2020-01-0{day}T00:00:00Z,{value}" for day, value in enumerate(values, 1)]
    path.write_text("\n".join(rows) + "\n")


def write_features(path: Path) -> None:
    """Five places along a meridian; the name of the last has signs that HTML knows."""
    features = [
        {
            "type": "Feature",
            "id": f"p{i}",
            "properties": {
                "name": "the <last> place" if i == 4 else f"place {i}",
                "height": i * 10,
                "measured": f"2020-01-0{i + 1}",
            },
            "geometry": {"type": "Point", "coordinates": [2.0, 40.0 + i]},
        }
        for i in range(5)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def block(identifier: str, pole: str, source: Path, apis: tuple[str, ...], **own: Any) -> dict[str, Any]:
    """A resource of the configuration."""
    names = {"edr": "providers.EDR", "coverage": "providers.Coverage", "feature": "providers.Feature"}
    native = {"format": {"name": "NetCDF", "mimetype": "application/x-netcdf"}}
    return {
        "type": "collection",
        "title": {"en": f"Title of {identifier}", "fr": f"Titre de {identifier}"},
        "description": {"en": f"About {identifier}", "fr": f"À propos de {identifier}"},
        "keywords": {"en": ["sea"], "fr": ["mer"]},
        "extents": {"spatial": {"bbox": [-5.5, 39.5, 9.5, 49.5]}},
        "links": [],
        "poles": {"pole": pole, "source": str(source), "licence": "CC-BY-4.0", "doi": "10.1234/x", **own},
        "providers": [
            {"type": api, "name": names[api], "data": identifier, **(native if api == "coverage" else {})}
            for api in apis
        ],
    }


def configuration(folder: Path) -> dict[str, Any]:
    """The whole catalogue, over files that are written into a folder."""
    write_grid(folder / "grid.nc")
    write_raster(folder / "raster.tif")
    write_stations(folder / "stations.csv")
    write_features(folder / "places.geojson")
    resources = {
        "odatis-grid": block("odatis-grid", "odatis", folder / "grid.nc", ("edr", "coverage")),
        "theia-raster": block("theia-raster", "theia", folder / "raster.tif", ("edr", "coverage")),
        "formater-tide": block(
            "formater-tide", "formater", folder / "stations.csv", ("edr", "feature"), kind="observations"
        ),
        "theia-places": block("theia-places", "theia", folder / "places.geojson", ("feature",)),
        "extract-subset": {"type": "process", "processor": {"name": "processes.ExtractSubset"}},
    }
    day = datetime(2020, 1, 1, tzinfo=UTC)
    for name in ("odatis-grid", "formater-tide"):
        resources[name]["extents"]["temporal"] = {"begin": day, "end": day + timedelta(days=3)}
    text = Path(__file__).parents[1].joinpath("poles", "configuration.yml").read_text(encoding="utf-8")
    return {**yaml.safe_load(text), "resources": resources}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of a small catalogue whose data are described; the environment names it for one module."""
    from poles.catalogue import facts, read
    from poles.describe import describe

    folder = tmp_path_factory.mktemp("catalogue")
    file = folder / "pygeoapi-config.yml"
    file.write_text(yaml.safe_dump(configuration(folder), allow_unicode=True, sort_keys=False), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("POLES_URL", "POLES_HOST", "POLES_PORT", "HOST", "PORT", "PYGEOAPI_CONFIG"):
            patch.delenv(name, raising=False)
        patch.setenv("POLES_CONFIG", str(file))
        patch.setenv("POLES_STATE", str(folder / "state"))
        for dataset in read(file).datasets.values():
            facts.keep(dataset, describe(dataset), facts.stamp(dataset))
        yield file


@pytest.fixture(scope="session", autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A state folder of the tests: nothing is ever written into that of the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POLES_STATE", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="module")
def client(catalogue: Path) -> Any:
    """A client of the application over the small catalogue."""
    from web.app import create_app

    return create_app(watch=False).test_client()
