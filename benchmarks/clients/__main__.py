"""Clients that users have, each at a user's task over the demonstration; numbers are checked by other readers.

`python -m benchmarks.clients` (make clients) prints the table and writes it into docs/clients.md. A client that is
not here is "not run", with the reason; a number that differs fails the run. `CLIENTS=QGIS,OWSLib` runs these alone, and
`CLIENTS_URL` asks a server that runs already; neither writes the table.
"""

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from environments import BUILD, ROOT, Environment, Missing, debian_gdal, node, ours, python312, system  # noqa: E402
from known import Task, tasks  # noqa: E402
from load import free_port, serving  # noqa: E402

DOCUMENT = ROOT / "docs" / "clients.md"
BEGIN, END = "<!-- table of make clients -->", "<!-- end of the table -->"
EXACT = 1e-6
"""How far a sum or mean of floats may lie from that of the other reader, relatively."""

FEATURES = ("features", "magnitudes", "box", "june", "strong", "boxed_strong", "polygons", "named", "area")
PLAIN = ("features", "magnitudes", "box", "june", "strong", "polygons")
SAMPLES = ("value", "times", "series", "cube")


@dataclass(frozen=True, slots=True)
class Client:
    """A client: the script that drives it, where that runs, and the tasks it does."""

    name: str
    script: str
    environment: Environment
    keys: tuple[str, ...]


CLIENTS = (
    Client("QGIS (headless)", "qgis_layers.py", system, (*FEATURES, "slice")),
    Client("ogrinfo OAPIF (Debian)", "ogr.py", debian_gdal, ("collections", *FEATURES)),
    Client("pyogrio OAPIF", "pyogrio_client.py", ours, FEATURES),
    Client("gdal_translate OGCAPI, vsicurl (Debian)", "gdal_coverages.py", debian_gdal, ("cells", "bands", "slice")),
    Client(
        "OWSLib Features, Coverages, EDR", "owslib_client.py", ours,
        ("collections", *FEATURES[:-1], "slice", *SAMPLES),
    ),
    Client("@camptocamp/ogc-client", "ogc_client.mjs", node, ("collections", *PLAIN)),
    Client("@ogcapi-js/features", "ogcapi_js.mjs", node, PLAIN),
    Client("covjson-reader", "covjson_reader.mjs", node, SAMPLES),
    Client("edr-xarray", "edr_xarray_client.py", python312, SAMPLES),
    Client("covjson-pydantic, edr-pydantic", "pydantic_models.py", ours, ("valid", *SAMPLES[:-1])),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one task of one client."""

    client: str
    version: str
    task: str
    found: str
    expected: str
    result: str


def main() -> int:
    """Runs all clients, prints the table; 1 where one failed."""
    chosen = [c for c in CLIENTS if any(n.strip().lower() in c.name.lower() for n in _named())]
    with _server() as base:
        rows = [row for client in chosen for row in _run(client, base, tasks())]
    table = _table(rows)
    print(table)
    if len(chosen) == len(CLIENTS) and "CLIENTS_URL" not in os.environ:
        _write(table)
    return int(any(r.result == "failed" for r in rows))


def _named() -> list[str]:
    return os.environ.get("CLIENTS", "").split(",")


# --- the server ----------------------------------------------------------------------------------------------------


@contextmanager
def _server() -> Iterator[str]:
    """The URL of a server on the demonstration, with a state folder of its own."""
    if running := os.environ.get("CLIENTS_URL"):
        yield running.rstrip("/")
        return
    BUILD.mkdir(parents=True, exist_ok=True)
    base = f"http://127.0.0.1:{free_port()}"
    state = tempfile.mkdtemp(prefix="state-", dir=BUILD)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("POLES_", "PYGEOAPI_"))} | {"POLES_STATE": state}
    poles = [sys.executable, "-c", "import sys; from poles.cli import main; sys.exit(main(sys.argv[1:]))"]
    config = ["--config", str(ROOT / "pygeoapi-config.yml")]
    serve = [*poles, "serve", *config, "--port", base.rsplit(":", 1)[1]]
    try:
        # What each file holds is known before the first question, as it is where data are published.
        subprocess.run([*poles, "check", "--open", *config], env=env, check=True, capture_output=True)
        with serving(serve, f"{base}/ready", env, str(BUILD / "server.log")):
            yield base
    finally:
        shutil.rmtree(state, ignore_errors=True)


# --- one client ----------------------------------------------------------------------------------------------------


def _run(client: Client, base: str, known: dict[str, Task]) -> list[Row]:
    try:
        command = client.environment()
    except Missing as missing:
        return [Row(client.name, "", "", "", "", f"not run: {missing}")]
    done = _done([*command, str(_script(client)), base])
    try:
        told = json.loads(done.stdout.strip().splitlines()[-1])
        version, found = told["version"], told["found"]
    except (IndexError, ValueError, KeyError, TypeError):
        print(f"{client.name}: {done.stderr[-3000:]}", file=sys.stderr)
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return [
            Row(client.name, "", known[k].text, last[:80], _number(known[k].expected), "failed") for k in client.keys
        ]
    if done.stderr:
        print(f"{client.name}: {done.stderr[-2000:]}", file=sys.stderr)
    return [_row(client.name, str(version), known[key], found.get(key)) for key in client.keys]


def _script(client: Client) -> Path:
    """The script; one of Node stands beside the packages that it imports."""
    script = Path(__file__).parent / client.script
    return Path(shutil.copy(script, BUILD / "node")) if script.suffix == ".mjs" else script


def _done(command: list[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", "did not end within five minutes")


def _row(client: str, version: str, task: Task, found: float | None) -> Row:
    right = found is not None and math.isclose(found, task.expected, rel_tol=EXACT)
    shown = "nothing" if found is None else _number(found)
    return Row(client, version, task.text, shown, _number(task.expected), "passed" if right else "failed")


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3f}"


# --- the table -----------------------------------------------------------------------------------------------------


def _table(rows: list[Row]) -> str:
    lines = ["| Client | Version | Task | Found | In the file | |", "|---|---|---|---:|---:|---|"]
    shown = ""
    for row in rows:
        client, version = (row.client, row.version) if row.client != shown else ("", "")
        shown = row.client
        lines.append(f"| {client} | {version} | {row.task} | {row.found} | {row.expected} | {row.result} |")
    counted = {kind: sum(r.result.startswith(kind) for r in rows) for kind in ("passed", "failed", "not run")}
    said = ", ".join(f"{n} {kind}" for kind, n in counted.items())
    return "\n".join([*lines, "", f"{len({r.client for r in rows})} clients, {len(rows)} tasks: {said}."])


def _write(table: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
