"""A server under load while its files are replaced: no crash, no 5xx, no wrong value, no answer of two versions."""

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import rasterio
import xarray as xr

REQUESTS, THREADS = 10_000, 16
X, Y, T = np.arange(0.0, 12.0), np.arange(40.0, 50.0), np.arange(30)
BASE = np.arange(len(T) * len(Y) * len(X), dtype=np.float32).reshape(len(T), len(Y), len(X))
VERSIONS = 6
"""Version k of a file holds BASE + 10000 k."""


def _netcdf(path: Path, version: int) -> None:
    with netCDF4.Dataset(path, "w") as nc:
        for name, axis, units in (("time", T, "days since 2020-01-01"), ("lat", Y, "degrees_north"),
                                  ("lon", X, "degrees_east")):  # fmt: skip
            nc.createDimension(name, len(axis))
            nc.createVariable(name, "f8", (name,)).units = units
            nc[name][:] = axis
        nc.createVariable("v", "f4", ("time", "lat", "lon"), zlib=True, chunksizes=(7, 4, 5)).units = "m"
        nc["v"][:] = BASE + 10_000 * version


def _zarr(path: Path, version: int) -> None:
    source = path.with_suffix(f".{version}.nc")
    _netcdf(source, version)
    with xr.open_dataset(source) as field:
        field.drop_encoding().to_zarr(path, mode="w", encoding={"v": {"chunks": (7, 4, 5)}}, consolidated=False)


def _tiff(path: Path, version: int) -> None:
    transform = rasterio.transform.from_origin(X[0] - 0.5, Y[-1] + 0.5, 1, 1)
    profile = {"driver": "GTiff", "width": len(X), "height": len(Y), "count": 1, "dtype": "float32"}
    with rasterio.open(path, "w", crs="EPSG:4326", transform=transform, **profile) as out:
        out.write(BASE[0, ::-1] + 10_000 * version, 1)


def _zipped(path: Path, version: int) -> None:
    folder = path.with_name(f"{version}.zarr")
    _zarr(folder, version)
    shutil.make_archive(str(path.with_suffix("")), "zip", folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int, Path]]:
    folder = tmp_path_factory.mktemp("soak")
    for k in range(VERSIONS):
        _netcdf(folder / f"{k}.nc", k)
        _tiff(folder / f"{k}.tif", k)
        _zipped(folder / f"{k}.zip", k)
    env = {**os.environ, "POLES_STATE": str(folder / "state")}
    poles = str(Path(sys.executable).with_name("poles"))
    for kind in ("nc", "tif", "zip"):
        shutil.copy(folder / f"0.{kind}", folder / f"live.{kind}")
        command = [poles, "publish", str(folder / f"live.{kind}"), "--id", kind, "--config", str(folder / "c.yml")]
        subprocess.run(command, check=True, env=env, capture_output=True)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [poles, "serve", "--config", str(folder / "c.yml"), "--port", str(port), "--workers", "2"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        try:
            _await(port)
            yield "127.0.0.1", port, folder
        finally:
            process.terminate()
            assert process.wait(30) == 0


def _await(port: int) -> None:
    for _ in range(600):
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError("the server is not ready after a minute")


def _replace(folder: Path, stop: threading.Event) -> None:
    """Replaces each file by another version, atomically, again and again."""
    k = 0
    while not stop.wait(0.3):
        k = (k + 1) % VERSIONS
        for kind in ("nc", "tif", "zip"):
            shutil.copy(folder / f"{k}.{kind}", folder / f"next.{kind}")
            os.replace(folder / f"next.{kind}", folder / f"live.{kind}")


def _question(draw: random.Random) -> tuple[str, np.ndarray]:
    """A path and the values of version 0 that answer it."""
    kind = draw.choice(["nc", "tif", "zip"])
    j, i = draw.randrange(len(Y)), draw.randrange(len(X))
    base = BASE[:1] if kind == "tif" else BASE
    base_path = f"/collections/{kind}"
    match draw.choice(["position", "cube", "coverage", "area"]):
        case "position":
            return f"{base_path}/position?coords=POINT({X[i]}%20{Y[j]})&f=CoverageJSON", base[:, j, i]
        case "area":
            ring = "0%2040,4%2040,4%2043,0%2043,0%2040"
            return f"{base_path}/area?coords=POLYGON(({ring}))&f=CoverageJSON", base[:, :4, :5]
        case verb:
            box = f"{X[i]},{Y[j]},{X[-1]},{Y[-1]}"
            return f"{base_path}/{verb}?bbox={box}&f=CoverageJSON", base[:, j:, i:]


def _ask(host: str, port: int, seed: int, count: int, faults: list[str], seen: Counter[int]) -> None:
    draw = random.Random(seed)
    connection = HTTPConnection(host, port, timeout=60)
    for _ in range(count):
        path, expected = _question(draw)
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        seen[response.status] += 1
        if response.status != 200:
            faults.append(f"{response.status} {path} {body[:200]!r}")
            continue
        (block,) = json.loads(body)["ranges"].values()
        shift = np.array(block["values"]) - expected.ravel()
        if np.ptp(shift):
            faults.append(f"two versions or wrong values: {path} {sorted(set(shift))[:4]}")
        elif shift[0] not in {10_000.0 * k for k in range(VERSIONS)}:
            faults.append(f"wrong values: {path} {shift[0]}")


def test_ten_thousand_mixed_requests_while_files_are_replaced(server: tuple[str, int, Path]) -> None:
    host, port, folder = server
    faults: list[str] = []
    seen: Counter[int] = Counter()
    stop = threading.Event()
    threading.Thread(target=_replace, args=(folder, stop), daemon=True).start()
    share = REQUESTS // THREADS
    threads = [threading.Thread(target=_ask, args=(host, port, k, share, faults, seen)) for k in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    assert not faults, (len(faults), faults[:5])
    assert seen == {200: share * THREADS}
    assert "Traceback" not in (folder / "log").read_text()
