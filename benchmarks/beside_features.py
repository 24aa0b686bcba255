"""Rows by Poles beside tipg and stock pygeoapi, in one run: writes a section of docs/benchmarks.md.

One process each, all of them up; the rounds of the servers take turns, so that what else the machine does hits all.
`--export` measures what a worker grows by while it sends a million features, and writes a section of its own.
"""

import argparse
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import feature_data as rows
import feature_export
import orjson
import psycopg
import report
from feature_peers import ROOT, Peer, poles, stock, tipg
from load import fetched, once, serving

sys.path.insert(0, str(ROOT / "tests"))
from postgres import running

CONNECTIONS, SECONDS, ROUNDS = 4, 2.0, 5
SLOW = 0.2
"""Requests a second below which one round is enough."""
SETTLED = 20.0
"""Seconds after which a server has loaded what it loads behind its first answers."""
BOX = "2,45,2.866,45.866"
"""About a thousand of the points."""
STOCK_FILES, STOCK_TABLES, TIPG, ON_TABLES, EMBEDDED = (
    "stock, GeoJSON", "stock, PostgreSQL", "tipg", "Poles on PostGIS", "Poles embedded",
)  # fmt: skip


@dataclass(frozen=True)
class Question:
    """One request, the same of all servers."""

    name: str
    collection: str
    rest: str
    only: tuple[str, ...] = ()
    """Servers that are asked; none: all that serve the collection."""


QUESTIONS = (
    Question("items, limit=10", "points", "items?limit=10"),
    Question("items at offset 190,000, limit=10", "points", "items?limit=10&offset=190000"),
    Question("bbox, about 1,000 points", "points", f"items?bbox={BOX}&limit=1000"),
    Question("10,000 points", "points", "items?limit=10000"),
    Question("5,000 polygons", "polygons", "items?limit=5000"),
    Question("8,760 values of a station, items", "series", f"items?station={rows.STATION}&limit=10000"),
    Question(
        "8,760 values of a station, CoverageJSON", "series", f"locations/{rows.STATION}?f=CoverageJSON",
        (ON_TABLES, EMBEDDED),
    ),
)  # fmt: skip
FIRST, DEEP, IN_BOX, MANY, SHAPES, SAMPLES, LOCATION = QUESTIONS
Rates = dict[tuple[Question, str], float]


@dataclass(frozen=True)
class Aim:
    """What the figures are to show: `measured` is at least, or at most, `bound`."""

    text: str
    measured: float
    bound: float
    least: bool

    @property
    def row(self) -> str:
        met = self.measured >= self.bound if self.least else self.measured <= self.bound
        words = "at least" if self.least else "at most"
        return f"| {self.text} | {words} {self.bound:g} | {self.measured:.2f} | {'yes' if met else '**no**'} |"


# --- asking ----------------------------------------------------------------------------------------------------------


def asked(peers: Sequence[Peer], question: Question) -> dict[str, str]:
    """The addresses of a question, by the name of the server."""
    found = {p.name: _url(p, question) for p in peers if not question.only or p.name in question.only}
    return {name: url for name, url in found.items() if url is not None}


def _url(peer: Peer, question: Question) -> str | None:
    rest = question.rest
    if peer.name in (ON_TABLES, EMBEDDED):
        rest = rest.replace("station=", "platform=")
    elif peer.name != TIPG:
        rest += "&f=json"
    return peer.url(question.collection, rest)


def checked(urls: Mapping[str, str]) -> dict[str, int]:
    """Bytes of each answer. Raises where the servers do not give as many features."""
    bodies = {name: fetched(url) for name, url in urls.items()}
    counts = {name: len(orjson.loads(body).get("features", ())) for name, body in bodies.items()}
    if len(set(counts.values())) > 1:
        raise RuntimeError(f"the servers do not answer alike: {counts}")
    return {name: len(body) for name, body in bodies.items()}


def rates(urls: Mapping[str, str], connections: int = CONNECTIONS) -> dict[str, float]:
    """Requests a second of each server, medians of rounds that take turns."""
    found: dict[str, list[float]] = {name: [] for name in urls}
    for _ in range(ROUNDS):
        for name, url in urls.items():
            if not found[name] or found[name][0] > SLOW:
                found[name].append(once(url, seconds=SECONDS, connections=connections))
    return {name: statistics.median(rates_) for name, rates_ in found.items()}


def beside(url: str, read: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of a request, one at a time, and of reading the same rows by hand; in turns, medians."""
    read()
    ours, raw = [], []
    for _ in range(ROUNDS):
        ours.append(1 / once(url, seconds=SECONDS, connections=1))
        raw.append(_seconds(read))
    return statistics.median(ours), statistics.median(raw)


def _seconds(read: Callable[[], Any]) -> float:
    times, until = [], time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        began = time.perf_counter()
        read()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


# --- what the stores themselves take ---------------------------------------------------------------------------------


@contextmanager
def records(database: str) -> Iterator[Callable[[], Any]]:
    """The 10,000 points as GeoJSON of PostGIS, a text a row."""
    text = f"SELECT ST_AsGeoJSON(t.*) FROM public.points t ORDER BY fid LIMIT {10_000}"
    with psycopg.connect(database, autocommit=True) as connection:
        yield lambda: connection.execute(text).fetchall()


@contextmanager
def samples(state: Path, how: str) -> Iterator[Callable[[], Any]]:
    """Times and values of one station out of the embedded store, as `fetchall` or `arrow` gives them."""
    file = next(f for f in state.glob("rows/*/*.duckdb") if _holds(f, "temperature"))
    text = "SELECT time, temperature FROM items WHERE platform = $1"
    with duckdb.connect(str(file), read_only=True, config={"threads": 1}) as connection:
        reading = {
            "fetchall": lambda: connection.execute(text, (rows.STATION,)).fetchall(),
            "arrow": lambda: connection.execute(text, (rows.STATION,)).to_arrow_table(),
        }[how]
        assert len(reading()) == rows.HOURS
        yield reading


def _holds(file: Path, column: str) -> bool:
    with duckdb.connect(str(file), read_only=True) as connection:
        return column in [c[0] for c in connection.execute("DESCRIBE items").fetchall()]


# --- the run ---------------------------------------------------------------------------------------------------------


def measure(folder: Path, database: str) -> list[str]:
    """The lines of the section."""
    peers = _peers(folder, database)
    figures: Rates = {}
    sizes: dict[Question, dict[str, int]] = {}
    with ExitStack() as up:
        for peer in peers:
            up.enter_context(serving(peer.command, peer.base + peer.ready, dict(peer.env), str(folder / "log")))
        time.sleep(SETTLED)
        for question in QUESTIONS:
            urls = asked(peers, question)
            sizes[question] = checked(urls)
            figures.update({(question, name): rate for name, rate in rates(urls).items()})
            print(question.name, {n: round(figures[question, n], 2) for n in urls}, flush=True)
        raw = _raw(folder, database, peers)
    return [*_table(peers, figures, sizes), "", *_aims(figures, raw), "", *_notes(raw)]


def _peers(folder: Path, database: str) -> tuple[Peer, ...]:
    """All servers, over the same rows."""
    layers = (rows.points(), rows.polygons())
    packages = {layer.name: rows.write(layer, folder / f"{layer.name}.gpkg") for layer in layers}
    texts = {layer.name: rows.write(layer, folder / f"{layer.name}.geojson") for layer in layers}
    for layer in layers:
        rows.load(database, layer)
    series = rows.series()
    rows.load_series(database, series)
    series.to_netcdf(folder / "series.nc")
    sources = {**packages, "series": folder / "series.nc"}
    return (
        *stock(folder, texts, database),
        tipg(database),
        poles(folder, ON_TABLES, sources, database),
        poles(folder, EMBEDDED, sources),
    )


def _raw(folder: Path, database: str, peers: Sequence[Peer]) -> dict[tuple[str, Question, str], tuple[float, float]]:
    """Seconds of our answers beside those of a store read by hand: how, what, by whom."""
    found = {}
    state = folder / f"state-{EMBEDDED.replace(' ', '-')}"
    with records(database) as read:
        found["psycopg", MANY, ON_TABLES] = beside(asked(peers, MANY)[ON_TABLES], read)
    for how in ("fetchall", "arrow"):
        with samples(state, how) as read:
            for question in (SAMPLES, LOCATION):
                found[how, question, EMBEDDED] = beside(asked(peers, question)[EMBEDDED], read)
    return found


# --- what is written -------------------------------------------------------------------------------------------------


def _table(peers: Sequence[Peer], figures: Rates, sizes: Mapping[Question, Mapping[str, int]]) -> list[str]:
    names = [p.name for p in peers]
    lines = [f"| requests/s | body, kB | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    for question in QUESTIONS:
        cells = [f"{figures[question, n]:.3g}" if (question, n) in figures else "" for n in names]
        lines.append(f"| {question.name} | {sizes[question][EMBEDDED] / 1000:.0f} | {' | '.join(cells)} |")
    return lines


def _aims(figures: Rates, raw: Mapping[tuple[str, Question, str], tuple[float, float]]) -> list[str]:
    def times_tipg(question: Question, name: str, bound: float) -> Aim:
        return Aim(
            f"{name}: {question.name}, times tipg", figures[question, name] / figures[question, TIPG], bound, True
        )

    def times_raw(how: str, question: Question, name: str, bound: float) -> Aim:
        ours, read = raw[how, question, name]
        return Aim(f"{name}: {question.name}, times {_READ[how]}", ours / read, bound, False)

    first, deep = figures[FIRST, ON_TABLES], figures[DEEP, ON_TABLES]
    aims = [
        times_tipg(FIRST, ON_TABLES, 8),
        times_raw("psycopg", MANY, ON_TABLES, 2),
        times_tipg(SHAPES, ON_TABLES, 5),
        Aim(f"{ON_TABLES}: the page at offset 190,000, times the first", first / deep, 1.5, False),
        times_tipg(FIRST, EMBEDDED, 5),
        times_tipg(IN_BOX, EMBEDDED, 10),
        times_tipg(MANY, EMBEDDED, 20),
        times_tipg(SHAPES, EMBEDDED, 6),
        *(times_raw(how, q, EMBEDDED, 3) for q in (LOCATION, SAMPLES) for how in ("fetchall", "arrow")),
    ]
    return ["| what | aim | measured | met |", "|---|---|---|---|", *(a.row for a in aims)]


_READ = {
    "psycopg": "`ST_AsGeoJSON(t.*)` read by psycopg",
    "fetchall": "the raw query read as Python values",
    "arrow": "the raw query read as Arrow",
}


def _notes(raw: Mapping[tuple[str, Question, str], tuple[float, float]]) -> list[str]:
    listed = [
        f"| {question.name} | {name} | {1000 * ours:.1f} | {_READ[how]} | {1000 * read:.1f} |"
        for (how, question, name), (ours, read) in raw.items()
    ]
    return [
        "One request at a time, beside the store read by hand:", "",
        "| answer | by | ms | by hand | ms |", "|---|---|---|---|---|", *listed,
    ]  # fmt: skip


INTRODUCTION = [
    line.strip()
    for line in f"""
    {rows.POINTS:,} points and {rows.POLYGONS:,} polygons of {rows.VERTICES} vertices, eight properties each;
    {rows.STATIONS * rows.HOURS:,} observations, {rows.HOURS:,} at each of {rows.STATIONS} stations.
    One process each, {CONNECTIONS} connections that are kept, all servers up; medians of {ROUNDS} rounds of
    {SECONDS:g} s that take turns (a server of under {SLOW:g} answers a second has one round); no access logs.
    tipg, stock pygeoapi and Poles ask the same PostgreSQL, whose tables have keys, indexes and statistics;
    Poles asks the tables that it published.
    """.strip().splitlines()
]


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    given.add_argument("--export", action="store_true", help="only what a worker grows by while it sends a million")
    given.add_argument("--keep", type=Path, help="a folder for the data and the logs, else one that is gone afterwards")
    options = given.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the servers are ended with it
    with ExitStack() as held:
        folder = options.keep or Path(held.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(exist_ok=True, parents=True)
        database = held.enter_context(running()).url
        if options.export:
            print(report.write("A million features", feature_export.measure(folder, database)))
        else:
            lines = [*INTRODUCTION, "", *measure(folder, database)]
            print(report.write("Features beside tipg and stock pygeoapi", lines))


if __name__ == "__main__":
    main()
