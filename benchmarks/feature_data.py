"""The rows of the benchmark: points, polygons and series, as files and as tables of PostgreSQL."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg
import pyarrow as pa
import pyogrio
import shapely
import xarray as xr
from pyarrow import csv

POINTS, POLYGONS, VERTICES = 200_000, 20_000, 65
STATIONS, HOURS = 500, 8_760
STATION = "S0250"
WEST, SOUTH, EAST, NORTH = -5.0, 41.0, 10.0, 51.0
BEGIN = np.datetime64("2023-01-01", "ms")
_TYPES = {pa.string(): "text", pa.int64(): "bigint", pa.float64(): "double precision"}


@dataclass(frozen=True)
class Layer:
    """Rows of one kind: properties, and geometries as WKB in longitude and latitude."""

    name: str
    geometry_type: str
    rows: pa.Table


def points(count: int = POINTS) -> Layer:
    """Places at random, of eight properties."""
    rng = np.random.default_rng(0)
    shapes = shapely.points(*_places(rng, count))
    return Layer("points", "Point", _rows(rng, shapes))


def polygons(count: int = POLYGONS) -> Layer:
    """Rings of 65 positions around places at random, of eight properties."""
    rng = np.random.default_rng(1)
    x, y = _places(rng, count)
    angle = np.linspace(0, 2 * np.pi, VERTICES)[:-1]
    radius = rng.uniform(0.005, 0.02, (count, 1)) * rng.uniform(0.8, 1.2, (count, VERTICES - 1))
    ring = np.stack([x[:, None] + radius * np.cos(angle), y[:, None] + radius * np.sin(angle)], axis=2).round(6)
    shapes = shapely.polygons(np.concatenate([ring, ring[:, :1]], axis=1))
    return Layer("polygons", "Polygon", _rows(rng, shapes))


def _places(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.uniform(WEST, EAST, count).round(6), rng.uniform(SOUTH, NORTH, count).round(6)


def _rows(rng: np.random.Generator, shapes: np.ndarray) -> pa.Table:
    count = len(shapes)
    kinds = np.array(["spring", "well", "river", "lake", "coast"], object)
    seconds = rng.integers(0, 365 * 86_400, count).astype("timedelta64[s]")
    return pa.table({
        "name": [f"Place {i} near Saint-Élie" for i in range(count)],
        "code": [f"FR{i:07d}" for i in range(count)],
        "kind": pa.array(kinds[rng.integers(0, len(kinds), count)], pa.string()),
        "rank": pa.array(rng.integers(0, 100, count)),
        "visits": pa.array(rng.integers(0, 1_000_000, count)),
        "level": pa.array(rng.normal(120, 40, count).round(3)),
        "flow": pa.array(rng.gamma(2, 5, count).round(4)),
        "time": pa.array(BEGIN + seconds, pa.timestamp("ms", "UTC")),
        "geometry": pa.array(shapely.to_wkb(shapes), pa.binary()),
    })  # fmt: skip


# --- as files --------------------------------------------------------------------------------------------------------


def write(layer: Layer, path: Path) -> Path:
    """The layer as a file of the format that its suffix tells."""
    driver = {".gpkg": "GPKG", ".geojson": "GeoJSON"}[path.suffix]
    pyogrio.write_arrow(
        layer.rows, path, driver=driver, geometry_name="geometry", geometry_type=layer.geometry_type, crs="EPSG:4326"
    )
    return path


def series() -> xr.Dataset:
    """A value an hour at each station: CF time series, stations by times."""
    rng = np.random.default_rng(2)
    x, y = _places(rng, STATIONS)
    daily = 8 * np.sin(np.arange(HOURS) * 2 * np.pi / 24)
    values = (15 + daily + rng.normal(0, 3, (STATIONS, HOURS))).round(2).astype(np.float32)
    said = {"units": "degC", "long_name": "Temperature of the water", "coordinates": "time lat lon station"}
    hours = BEGIN.astype("datetime64[ns]") + np.arange(HOURS) * np.timedelta64(1, "h")
    return xr.Dataset(
        {"temperature": (("station", "time"), values, said)},
        {
            "station": ("station", [f"S{i:04d}" for i in range(STATIONS)], {"cf_role": "timeseries_id"}),
            "time": ("time", hours, {"standard_name": "time"}),
            "lat": ("station", y, {"units": "degrees_north", "standard_name": "latitude"}),
            "lon": ("station", x, {"units": "degrees_east", "standard_name": "longitude"}),
        },
        {"Conventions": "CF-1.8", "featureType": "timeSeries"},
    )


# --- as tables of PostgreSQL -----------------------------------------------------------------------------------------


def load(url: str, layer: Layer) -> None:
    """The layer as `public.NAME`, with what a careful owner gives it: a key, indexes of place and time, statistics."""
    columns = [(f.name, _TYPES.get(f.type, "timestamptz")) for f in layer.rows.schema if f.name != "geometry"]
    listed = ", ".join(f"{name} {kind}" for name, kind in columns)
    _filled(
        url,
        layer.name,
        f"fid bigint PRIMARY KEY, {listed}, geom geometry({layer.geometry_type}, 4326)",
        ("USING gist (geom)", "(time)"),
        _pieces(_keyed(layer.rows)),
    )


def load_series(url: str, found: xr.Dataset) -> None:
    """The series as `public.series`, a row a value, with an index of station and time."""
    columns = (
        "fid bigint PRIMARY KEY, station text, time timestamptz, temperature real, geom geometry(Point, 4326)"
    )  # fmt: skip
    _filled(url, "series", columns, ("(station, time)",), _samples(found))


def _samples(found: xr.Dataset) -> Iterator[pa.Table]:
    """The samples of each station."""
    places = shapely.to_wkb(shapely.points(found.lon.values, found.lat.values), hex=True)
    times = pa.array(found.time.values.astype("datetime64[ms]"), pa.timestamp("ms", "UTC"))
    for i, station in enumerate(found.station.values):
        yield pa.table({
            "fid": pa.array(np.arange(i * HOURS, (i + 1) * HOURS)),
            "station": pa.repeat(str(station), HOURS),
            "time": times,
            "temperature": pa.array(found.temperature.values[i]),
            "geom": pa.repeat(places[i], HOURS),
        })  # fmt: skip


def _keyed(rows: pa.Table) -> pa.Table:
    shapes = [w.hex() for w in rows["geometry"].to_pylist()]
    return rows.drop_columns("geometry").add_column(0, "fid", [range(1, len(rows) + 1)]).append_column("geom", [shapes])


def _pieces(rows: pa.Table, size: int = 20_000) -> Iterator[pa.Table]:
    return (rows.slice(i, size) for i in range(0, len(rows), size))


def _filled(url: str, name: str, columns: str, indexes: tuple[str, ...], pieces: Iterator[pa.Table]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE public.{name} ({columns})")
        with connection.cursor().copy(f"COPY public.{name} FROM STDIN (FORMAT csv)") as copy:
            for piece in pieces:
                sink = io.BytesIO()
                csv.write_csv(piece, sink, csv.WriteOptions(include_header=False))
                copy.write(sink.getvalue())
        for index in indexes:
            connection.execute(f"CREATE INDEX ON public.{name} {index}")
        connection.execute(f"VACUUM ANALYZE public.{name}")
