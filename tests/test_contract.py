"""The contract with pygeoapi: the same questions, through our web and under an unmodified `pygeoapi serve`.

Stock runs on what `poles config` prints. What it refuses or loses before it reaches a provider stands in `LOST`, each
with its place in pygeoapi 0.24; the test tells when one of them is no longer true.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

GRID, RASTER = "/collections/odatis-grid", "/collections/theia-raster"
TIDE, PLACES = "/collections/formater-tide", "/collections/theia-places"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
Question = tuple[str, dict[str, str]]

ASKED: tuple[Question, ...] = (
    (f"{GRID}/position", {"coords": "POINT(2 45)"}),
    (f"{GRID}/position", {"coords": "POINT(2 45)", "datetime": "2020-01-03T00:00:00Z", "z": "10"}),
    (f"{GRID}/position", {"coords": "POINT(2 45)", "datetime": "2020-01-02/2020-01-03", "parameter-name": "sst"}),
    (f"{GRID}/position", {"coords": "POINT(2 45)", "datetime": "../2020-01-02", "parameter-name": "sst,ice"}),
    (f"{GRID}/position", {"coords": "POINT(2 45)", "z": "10/50"}),
    (f"{GRID}/position", {"coords": "POINT(2 45)", "z": "0,50"}),
    (f"{GRID}/position", {"coords": "POINT(2 45)", "z": "R2/0/10"}),
    (f"{GRID}/position", {"coords": "MULTIPOINT((2 45),(3 46))", "parameter-name": "ice"}),
    (f"{GRID}/position", {"coords": "POINT(-5 40)", "parameter-name": "sst", "z": "0"}),
    (f"{GRID}/position", {"coords": "POINT(100 45)"}),
    (f"{GRID}/position", {"coords": "POINT(2 45)", "z": "high"}),
    (f"{GRID}/position", {"coords": "POINT(2 45)", "parameter-name": "sst,nothing"}),
    (f"{GRID}/position", {}),
    (f"{GRID}/area", {"coords": "POLYGON((0 41,4 41,4 45,0 45,0 41))", "datetime": "2020-01-01", "z": "0"}),
    (f"{GRID}/area", {"coords": "POLYGON((0.6 41.6,2.4 41.6,1.4 43.4,0.6 41.6))", "parameter-name": "sst"}),
    (f"{GRID}/cube", {"bbox": "0,41,2,43", "z": "10"}),
    (f"{GRID}/cube", {"bbox": "0,41,0,41", "datetime": "2020-01-02/.."}),
    (f"{GRID}/cube", {"bbox": "0,50,1,40"}),
    (f"{GRID}/coverage", {"bbox": "0,41,2,43"}),
    (f"{GRID}/coverage", {"subset": "depth(10)", "properties": "sst"}),
    (f"{GRID}/coverage", {"subset": "lat(41:43),lon(0:2)", "datetime": "2020-01-02"}),
    (f"{GRID}/coverage", {"subset": 'time("2020-01-02":"2020-01-03")', "properties": "ice"}),
    (f"{GRID}/coverage", {"bbox": "100,0,101,1"}),
    (f"{GRID}/coverage", {"properties": "nothing"}),
    (f"{RASTER}/position", {"coords": "POINT(3.0003 48.7567)"}),
    (f"{RASTER}/coverage", {}),
    (f"{TIDE}/locations", {}),
    (f"{TIDE}/locations/brest", {}),
    (f"{TIDE}/locations/sete", {"datetime": "2020-01-02/.."}),
    (f"{TIDE}/position", {"coords": "POINT(3.7 43.4)"}),
    (f"{TIDE}/items", {"limit": "4"}),
    (f"{TIDE}/items", {"datetime": "2020-01-02T00:00:00Z"}),
    (f"{PLACES}/items", {"limit": "4"}),
    (f"{PLACES}/items", {"limit": "2", "offset": "1"}),
    (f"{PLACES}/items", {"bbox": "0,41.5,5,43.5"}),
    (f"{PLACES}/items", {"height": "20"}),
    (f"{PLACES}/items", {"properties": "name", "limit": "2"}),
    (f"{PLACES}/items", {"sortby": "-height", "offset": "1", "limit": "2"}),
    (f"{PLACES}/items", {"filter": "height > 10 AND height <= 30"}),
    (f"{PLACES}/items", {"filter": "name LIKE 'place%' AND NOT height = 20"}),
    (f"{PLACES}/items", {"filter": "height BETWEEN 10 AND 30"}),
    (f"{PLACES}/items", {"filter": "height IN (0, 20)", "filter-lang": "cql2-text"}),
    (f"{PLACES}/items", {"filter": "height NOT IN (0, 20, 40)"}),
    (f"{PLACES}/items", {"filter": "name IS NOT NULL AND height * 2 + 1 < 41"}),
    (f"{PLACES}/items", {"filter": "casei(name) = 'place 1'"}),
    (f"{PLACES}/items", {"filter": "measured < DATE('2020-01-03')"}),
    (f"{PLACES}/items", {"filter": "S_INTERSECTS(geometry, POLYGON((0 40.5,5 40.5,5 42.5,0 42.5,0 40.5)))"}),
    (f"{PLACES}/items", {"filter": "S_INTERSECTS(geometry, POINT(2 41)) OR height = 40", "limit": "1"}),
    (f"{PLACES}/items", {"filter": "altitude > 10"}),
    (f"{PLACES}/items", {"filter": "height > 'x'"}),
    (f"{PLACES}/items", {"filter": "height >"}),
    (f"{PLACES}/items", {"filter-lang": "sql", "filter": "height > 1"}),
    (f"{PLACES}/items", {"limit": "unlimited"}),
    (f"{PLACES}/items/p3", {}),
    (f"{PLACES}/items/nobody", {}),
)  # fmt: skip

LOST: tuple[tuple[Question, str], ...] = (
    ((f"{GRID}/position", {"coords": "POINT(2 45)", "datetime": "2020-01-01,2020-01-03"}), "api/__init__.py:1231"),
    (
        (f"{GRID}/position", {"coords": "POINT(2 45)", "datetime": "R2/2020-01-01T00:00:00Z/P1D"}),
        "api/__init__.py:1203",
    ),
    ((f"{GRID}/position", {"coords": "POINT(2 45)", "datetime": "2020-02-30"}), "api/__init__.py:1231"),
    ((f"{GRID}/position", {"coords": "POINT(2 45)", "datetime": "1999-01-01"}), "api/__init__.py:1241"),
    ((f"{GRID}/position", {"coords": "POINT(2 45)", "nonsense": "1"}), "no check of names anywhere"),
    ((f"{GRID}/position", {"coords": "POINT(2 45)", "f": "CoverageJSON"}), "api/__init__.py:443 (case)"),
    ((f"{GRID}/coverage", {"f": "CSV"}), "api/coverages.py:193 (one native format)"),
    ((f"{GRID}/coverage", {"bbox": "a,41,2,43"}), "api/coverages.py:121 (500)"),
    ((f"{GRID}/coverage", {"subset": "dEPTH(10)"}), "api/coverages.py:169 (case of axes)"),
    ((f"{GRID}/coverage", {"crs": "http://www.opengis.net/def/crs/EPSG/0/4326"}), "api/coverages.py: crs is not read"),
    ((f"{GRID}/position", {"coords": "POINT(260000 6250000)", "crs": "http://www.opengis.net/def/crs/EPSG/0/3857"}),
     "crs.py:571 (a CRS that the block does not list)"),
    ((f"{PLACES}/items", {"filter": "height div 3 = 3"}), "pygeofilter cql2_text/grammar.lark (no div, %, ^)"),
    ((f"{PLACES}/items", {"filter": "T_AFTER(measured, DATE('2020-01-03'))"}), "grammar.lark:72 (infix alone)"),
    ((f"{PLACES}/items", {"filter": "S_INTERSECTS(geometry, BBOX(0,40.5,5,42.5))"}), "grammar.lark (BBOX a predicate)"),
    ((f"{PLACES}/items", {"filter": "S_INTERSECTS(geometry, POINT(41 2))", "filter-crs": f"{EPSG}4326"}),
     "api/itemtypes.py:498 (the CRS is used where the provider's block has storage_crs)"),
    ((f"{PLACES}/items", {"filter": '{"op": "=", "args": [{"property": "height"}, 20]}', "filter-lang": "cql2-json"}),
     "api/itemtypes.py:494 (a filter in the address is text)"),
    ((f"{PLACES}/items", {"sortby": "-id"}), "api/itemtypes.py:457 (fields alone)"),
    ((f"{PLACES}/items/p4", {}), "util.py:270 (< becomes &lt;)"),
    ((f"{PLACES}/items", {"nonsense": "1"}), "api/itemtypes.py:431 (discarded)"),
)  # fmt: skip


@pytest.fixture(scope="module")
def stock(catalogue: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an unmodified `pygeoapi serve` over the same catalogue."""
    folder = tmp_path_factory.mktemp("stock")
    config, openapi = folder / "config.yml", folder / "openapi.json"
    merged = yaml.safe_load(_run([sys.executable, "-c", "from poles.cli import main; main(['config'])"], os.environ))
    port = _free_port()
    merged["server"] |= {"bind": {"host": "127.0.0.1", "port": port}, "url": f"http://127.0.0.1:{port}"}
    config.write_text(yaml.safe_dump(merged, allow_unicode=True, sort_keys=False))
    environ = {**os.environ, "PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(openapi)}
    environ.pop("POLES_CONFIG")
    pygeoapi = [sys.executable, "-c", "from pygeoapi import cli; cli()"]
    openapi.write_text(_run([*pygeoapi, "openapi", "generate", str(config), "--format", "json"], environ))
    with subprocess.Popen(
        [*pygeoapi, "serve"], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as server:
        try:
            yield _awaited(f"http://127.0.0.1:{port}", server)
        finally:
            os.killpg(server.pid, signal.SIGTERM)


def _run(command: list[str], environ: Any) -> str:
    done = subprocess.run(command, env=dict(environ), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _awaited(url: str, server: "subprocess.Popen[bytes]") -> str:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        assert server.poll() is None, "pygeoapi serve ended"
        try:
            urllib.request.urlopen(f"{url}/conformance?f=json", timeout=5).close()
            return url
        except OSError:
            time.sleep(0.2)
    raise AssertionError("pygeoapi serve did not start")


def asked_of_stock(url: str, question: Question) -> tuple[int, Any]:
    """Status and content of stock's answer."""
    path, parameters = question
    query = urllib.parse.urlencode({"f": "json", **parameters})
    for _ in range(30):
        try:
            with urllib.request.urlopen(f"{url}{path}?{query}", timeout=60) as answer:
                return answer.status, content(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, None
        except OSError:  # its reloader starts it again when a file of ours changes
            time.sleep(1)
    raise AssertionError("stock does not answer")


def asked_of_us(client: Any, question: Question) -> tuple[int, Any]:
    """Status and content of our answer."""
    path, parameters = question
    answer = client.get(path, query_string={"f": "json", **parameters})
    return answer.status_code, content(answer.data) if answer.status_code < 400 else None


def content(body: bytes) -> Any:
    """What an answer says: without links, times of day and what stock writes around it."""
    if not body:
        return None
    try:
        document = json.loads(body)
    except ValueError:
        return body
    match document.get("type"):
        case "FeatureCollection":
            return [feature(f) for f in document["features"]], document.get("numberMatched")
        case "Feature":
            return feature(document)
        case _:
            return document


def feature(document: dict[str, Any]) -> Any:
    """A feature without the address at which its data are asked: each server has its own."""
    properties = {k: v for k, v in document["properties"].items() if k != "edrqueryendpoint"}
    return document["id"], document["geometry"], properties


@pytest.mark.parametrize("question", ASKED, ids=lambda q: f"{q[0]}?{urllib.parse.urlencode(q[1])}")
def test_stock_gives_the_same_answer(client: Any, stock: str, question: Question) -> None:
    ours, theirs = asked_of_us(client, question), asked_of_stock(stock, question)
    assert ours == theirs
    assert ours[0] in (200, 204, 400, 404)


@pytest.mark.parametrize("lost", LOST, ids=lambda q: f"{q[0][0]}?{urllib.parse.urlencode(q[0][1])}")
def test_what_stock_loses_is_still_lost_there_and_answered_here(
    client: Any, stock: str, lost: tuple[Question, str]
) -> None:
    question, _ = lost
    ours, theirs = asked_of_us(client, question), asked_of_stock(stock, question)
    assert ours[0] in (200, 204, 400)
    assert ours != theirs, "it is no longer lost: move it to ASKED"


def test_stock_lists_and_describes_every_collection_and_the_process(stock: str) -> None:
    listed = json.loads(urllib.request.urlopen(f"{stock}/collections?f=json", timeout=60).read())["collections"]
    assert [c["id"] for c in listed] == ["odatis-grid", "theia-raster", "formater-tide", "theia-places"]
    assert set(listed[0]["parameter_names"]) == {"sst", "ice"}
    assert set(listed[0]["data_queries"]) == {"position", "area", "cube"}
    processes = json.loads(urllib.request.urlopen(f"{stock}/processes?f=json", timeout=60).read())["processes"]
    assert [p["id"] for p in processes] == ["extract-subset"]


def test_stock_executes_the_process(stock: str, client: Any) -> None:
    inputs = {"inputs": {"collection": "odatis-grid", "bbox": [0.6, 41.6, 2.4, 43.4], "format": "CSV"}}
    request = urllib.request.Request(
        f"{stock}/processes/extract-subset/execution", json.dumps(inputs).encode(), {"Content-Type": "application/json"}
    )
    theirs = urllib.request.urlopen(request, timeout=60).read()
    assert theirs == client.post("/processes/extract-subset/execution", json=inputs).data
