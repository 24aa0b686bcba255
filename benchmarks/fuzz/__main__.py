"""Asks a running server at random: `python -m benchmarks.fuzz` (make fuzz) prints the table and writes docs/fuzz.md.

Exit code 1 where anything is found. `--view oisst` asks only views whose path holds that, `--url` a server that runs
already, `--max-examples N` more or less often, `--seed N` otherwise; then the page is not written.
"""

import argparse
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from benchmarks.load import free_port, serving

from . import table
from .asking import SEED, Finding, Told, View, asked
from .seeds import Document, read

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "fuzz"
MOST = 30
PROCESSES = 2
THOROUGH = ("odatis-oisst-daily", "formater-gnss-kilauea", "theia-departements")
"""Views whose documents are covered whole: cells, stations, features."""
BROKEN = re.compile(r'"traceback"|WORKER TIMEOUT|was sent SIG|Exception ignored')
"""What a server writes into its log when something went wrong that its answers did not tell."""


def main(arguments: Sequence[str]) -> int:
    """Asks, prints, writes; 1 where something was found."""
    asked_for = _arguments(arguments)
    with _server(asked_for.url) as (host, log):
        views = [v for v in _views(host) if asked_for.view is None or asked_for.view in (v.path or "root")]
        found = _all(views, host, asked_for.max_examples, asked_for.seed)
        if log is not None:
            found[0].findings += _of_log(log)
    print(table.text(found))
    if (asked_for.view, asked_for.url, asked_for.max_examples, asked_for.seed) == (None, None, MOST, SEED):
        table.write(found, MOST)
    return int(any(told.findings for told in found))


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--max-examples", type=int, default=MOST, help="how many of each operation and phase")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed asks otherwise")
    parser.add_argument("--view", help="only views whose path holds this; root for the root")
    parser.add_argument("--url", help="a server that runs already")
    return parser.parse_args(arguments)


def _views(host: str) -> list[View]:
    """The root, and the view of every data set."""
    collections = read(f"{host}/collections")["collections"]
    named = [View(f"/datasets/{c['id']}", _kind(c), c["id"] in THOROUGH) for c in collections]
    return [View("", "root"), *sorted(named, key=lambda v: v.kind)]


def _kind(collection: Document) -> str:
    queries = set(collection.get("data_queries", {"items": {}}))
    if "items" not in queries:
        return "grids"
    return "features" if queries == {"items"} else "observations"


def _all(views: Sequence[View], host: str, most: int, seed: int) -> list[Told]:
    """Every view, some at a time, each in a process that knows only its strategies; in their order."""
    found: dict[View, Told] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, context, max_tasks_per_child=1) as pool:
        waiting = {pool.submit(asked, v, host, most, seed): v for v in sorted(views, key=lambda v: not v.thorough)}
        for done in as_completed(waiting):
            told = found[waiting[done]] = done.result()
            print(
                "\n".join([f"{told.view.path or '/'}: {len(told.findings)} findings", *table.listed([told])]),
                flush=True,
            )
    return [found[v] for v in views]


# --- the server ----------------------------------------------------------------------------------------------------


@contextmanager
def _server(running: str | None) -> Iterator[tuple[str, Path | None]]:
    """The address of a server on the demonstration and its log, with a state folder of its own."""
    if running is not None:
        yield running.rstrip("/"), None
        return
    BUILD.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), BUILD / "server.log"
    log.unlink(missing_ok=True)
    state = tempfile.mkdtemp(prefix="state-", dir=BUILD)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("POLES_", "PYGEOAPI_"))} | {"POLES_STATE": state}
    poles = [sys.executable, "-c", "import sys; from poles.cli import main; sys.exit(main(sys.argv[1:]))"]
    config = ["--config", str(ROOT / "pygeoapi-config.yml")]
    host = f"http://127.0.0.1:{port}"
    try:
        # What each file holds is known before the first question, as it is where data are published.
        subprocess.run([*poles, "check", "--open", *config], env=env, check=True, capture_output=True)
        serve = [*poles, "serve", *config, "--port", str(port), "--workers", str(PROCESSES)]
        with serving(serve, f"{host}/ready", env, str(log)):
            yield host, log
    finally:
        shutil.rmtree(state, ignore_errors=True)


def _of_log(log: Path) -> list[Finding]:
    """What the server wrote of itself while it was asked."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [Finding("/", "the log", "quiet_log", line, "") for line in lines if BROKEN.search(line)]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
