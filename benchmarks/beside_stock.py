"""Poles beside stock pygeoapi and beside a bare Flask view that sends the same bytes, in one run.

Writes a section of docs/benchmarks.md. One gunicorn worker each, four connections, medians of three rounds.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import report
import xarray as xr
import yaml
from load import fetched, free_port, rate, serving

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SHAPE = {"time": 2184, "lat": 161, "lon": 241}
CHUNKS = (168, 41, 61)
POSITION = "position?coords=POINT(2.3%2045.1)&parameter-name=t2m&f={f}"
CUBE = "cube?bbox=0,40,2.5,42.5&datetime=2020-01-01T00:00:00Z/2020-01-01T23:00:00Z&parameter-name=t2m&f={f}"


def write_data(folder: Path) -> dict[str, Path]:
    """The same field as Zarr and as NetCDF."""
    values = np.random.default_rng(0).normal(285, 8, tuple(SHAPE.values())).astype(np.float32)
    field = xr.Dataset(
        {"t2m": (tuple(SHAPE), values, {"units": "K", "long_name": "2 m temperature"})},
        {
            "time": np.datetime64("2020-01-01", "ns") + np.arange(SHAPE["time"]) * np.timedelta64(1, "h"),
            "lat": ("lat", 35 + 0.125 * np.arange(SHAPE["lat"]), {"units": "degrees_north"}),
            "lon": ("lon", -10 + 0.125 * np.arange(SHAPE["lon"]), {"units": "degrees_east"}),
        },
    )
    paths = {"Zarr": folder / "field.zarr", "NetCDF": folder / "field.nc"}
    field.to_zarr(paths["Zarr"], encoding={"t2m": {"chunks": CHUNKS}}, consolidated=False)
    field.to_netcdf(paths["NetCDF"], encoding={"t2m": {"chunksizes": CHUNKS, "zlib": True, "complevel": 1}})
    return paths


def stock_block(name: str, path: Path) -> dict[str, object]:
    """The collection as stock pygeoapi serves it, with every help of configuration."""
    provider = {
        "type": "edr",
        "name": "xarray-edr",
        "data": str(path),
        "x_field": "lon",
        "y_field": "lat",
        "time_field": "time",
        "format": {"name": "netcdf", "mimetype": "application/x-netcdf"},
    }
    return {
        "type": "collection",
        "title": name,
        "description": name,
        "keywords": ["benchmark"],
        "links": [],
        "extents": {"spatial": {"bbox": [-10, 35, 20, 55], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}},
        "providers": [provider],
    }


def publish(config: Path, items: dict[str, Path], env: dict[str, str]) -> None:
    for name, path in items.items():
        command = [str(BIN / "poles"), "publish", str(path), "--id", name.lower(), "--config", str(config)]
        subprocess.run(command, check=True, capture_output=True, env=env)


def gunicorn(app: str, port: int, *more: str) -> list[str]:
    return [str(BIN / "gunicorn"), "-w", "1", "-b", f"127.0.0.1:{port}", *more, app]


def serve_poles(config: Path, port: int) -> list[str]:
    return [str(BIN / "poles"), "serve", "--config", str(config), "--port", str(port), "--workers", "1"]


def stock_config(folder: Path, config: Path, blocks: dict[str, object], port: int) -> dict[str, str]:
    """Stock pygeoapi over the same server sections, and its environment."""
    printed = subprocess.run([str(BIN / "poles"), "config", "--config", str(config)], check=True, capture_output=True)
    merged = yaml.safe_load(printed.stdout)
    merged["server"]["url"] = f"http://127.0.0.1:{port}"
    merged["resources"] = blocks
    file, openapi = folder / f"stock-{port}.yml", folder / f"stock-{port}.openapi.json"
    file.write_text(yaml.safe_dump(merged))
    env = {**os.environ, "PYGEOAPI_CONFIG": str(file), "PYGEOAPI_OPENAPI": str(openapi)}
    command = [str(BIN / "pygeoapi"), "openapi", "generate", str(file), "-of", str(openapi), "-f", "json"]
    subprocess.run(command, check=True, capture_output=True, env=env)
    return env


def bare(folder: Path, bodies: dict[str, bytes]) -> None:
    """A Flask application of one view a body."""
    for name, body in bodies.items():
        (folder / f"{name}.bin").write_bytes(body)
    (folder / "bare.py").write_text(
        "from pathlib import Path\nfrom flask import Flask, Response\napp = Flask(__name__)\n"
        "here = Path(__file__).parent\nbodies = {p.stem: p.read_bytes() for p in here.glob('*.bin')}\n"
        "@app.get('/<name>')\ndef view(name):\n"
        "    return Response(bodies[name], mimetype='application/prs.coverage+json')\n"
    )


def measure_queries(folder: Path) -> list[str]:
    """Position and cube on both stores: Poles, stock, bare Flask."""
    log, config = str(folder / "log"), folder / "poles.yml"
    paths = write_data(folder)
    env = {**os.environ, "POLES_STATE": str(folder / "state")}
    publish(config, paths, env)
    ours, bodies = {}, {}
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with serving(serve_poles(config, port), f"{base}/ready", env, log):
        for store in paths:
            for name, query in (("position", POSITION), ("cube", CUBE)):
                url = f"{base}/collections/{store.lower()}/" + query.format(f="CoverageJSON")
                bodies[f"{store}-{name}"] = fetched(url)
                ours[store, name] = rate(url)
    stock = {}
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    stock_env = stock_config(folder, config, {s.lower(): stock_block(s, p) for s, p in paths.items()}, port)
    with serving(gunicorn("pygeoapi.flask_app:APP", port), f"{base}/", stock_env, log):
        for store in paths:
            for name, query in (("position", POSITION), ("cube", CUBE)):
                stock[store, name] = rate(f"{base}/collections/{store.lower()}/" + query.format(f="json"))
    bare(folder, bodies)
    flask = {}
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    more = ("--worker-class", "gthread", "--threads", "8", "--chdir", str(folder))
    with serving(gunicorn("bare:app", port, *more), f"{base}/Zarr-position", dict(os.environ), log):
        for store, name in ours:
            flask[store, name] = rate(f"{base}/{store}-{name}")
    rows = ["| store | query | body | Poles, requests/s | stock pygeoapi | ratio | bare Flask | share of bare Flask |",
            "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for key, value in ours.items():
        size = len(bodies[f"{key[0]}-{key[1]}"])
        rows.append(
            f"| {key[0]} | {key[1]} | {size / 1000:.0f} kB | {value:.0f} | {stock[key]:.1f} | {value / stock[key]:.1f} "
            f"| {flask[key]:.0f} | {100 * value / flask[key]:.0f} % |"
        )
    return rows


def measure_listing(folder: Path, count: int = 1000, stock_count: int = 100) -> list[str]:
    """The listing of a thousand grids; stock builds every provider, so it is asked for fewer."""
    log, config = str(folder / "log"), folder / "listing.yml"
    env = {**os.environ, "POLES_STATE": str(folder / "listing-state")}
    small = folder / "small"
    small.mkdir()
    field = xr.Dataset(
        {"v": (("time", "lat", "lon"), np.zeros((4, 10, 20), np.float32), {"units": "K"})},
        {
            "time": np.datetime64("2020-01-01", "ns") + np.arange(4) * np.timedelta64(1, "D"),
            "lat": ("lat", np.arange(10.0), {"units": "degrees_north"}),
            "lon": ("lon", np.arange(20.0), {"units": "degrees_east"}),
        },
    )
    field.to_netcdf(small / "one.nc")
    publish(config, {"grid": small / "one.nc"}, env)
    merged = yaml.safe_load(config.read_text())
    template = merged["resources"].pop("grid")
    for i in range(count):
        (small / f"{i}.nc").hardlink_to(small / "one.nc")
        block = yaml.safe_load(yaml.safe_dump(template))
        block["poles"]["source"] = f"small/{i}.nc"
        for provider in block["providers"]:
            provider["data"] = f"grid-{i}"
        merged["resources"][f"grid-{i}"] = block
    config.write_text(yaml.safe_dump(merged, sort_keys=False))
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with serving(serve_poles(config, port), f"{base}/ready", env, log) as start:
        first, then = _timed(f"{base}/collections"), _timed(f"{base}/collections")
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    blocks: dict[str, object] = {f"grid-{i}": stock_block(f"grid-{i}", small / f"{i}.nc") for i in range(stock_count)}
    stock_env = stock_config(folder, config, blocks, port)
    with serving(
        gunicorn("pygeoapi.flask_app:APP", port, "--timeout", "300"), f"{base}/", stock_env, log
    ) as stock_start:
        stock = _timed(f"{base}/collections?f=json")
    return [
        "| server | collections | start to ready, s | first listing, s | next listing, s |",
        "|---|---|---|---|---|",
        f"| Poles | {count} | {start:.2f} | {first:.3f} | {then:.3f} |",
        f"| stock pygeoapi | {stock_count} | {stock_start:.2f} | {stock:.2f} | |",
    ]


def _timed(url: str) -> float:
    import time

    began = time.perf_counter()
    fetched(url)
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        queries, listing = measure_queries(folder), measure_listing(folder)
    lines = [
        "One gunicorn worker each, four connections, medians of three rounds.", "",
        f"A field of {' x '.join(map(str, SHAPE.values()))} float32 in chunks of {' x '.join(map(str, CHUNKS))}.",
        f"A position is {SHAPE['time']:,} steps of one cell; the cube is 24 steps of 21 x 21 cells.", "",
        *queries, "", "The listing opens no data:", "", *listing,
    ]  # fmt: skip
    print(report.write("Grids beside stock pygeoapi", lines))


if __name__ == "__main__":
    main()
