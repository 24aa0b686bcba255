"""What a worker grows by while it sends a million features, by store and format."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import feature_data as rows
import yaml
from feature_peers import Peer, poles
from load import serving

COUNT = 1_000_000
FORMATS = ("GeoJSON", "GeoJSONSeq", "CSV", "FlatGeobuf", "GeoParquet")
AIM_MB = 150


def measure(folder: Path, database: str) -> list[str]:
    """The lines of the section."""
    source = {"million": rows.write(rows.points(COUNT), folder / "million.gpkg")}
    lines = [
        f"{COUNT:,} points of eight properties in one answer (`limits.items_max` of the collection allows it),",
        f"each format by a worker of its own. Aim: it grows by less than {AIM_MB} MB.", "",
        "| store | format | body, MB | s | worker before, MB | grows by at most, MB | aim met |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, store in (("Poles on PostGIS", database), ("Poles embedded", None)):
        peer = poles(folder, f"{name} million", source, store)
        _allowed(folder / f"poles-{peer.name.replace(' ', '-')}.yml")
        for fmt in FORMATS:
            before, grown, size, seconds = _exported(peer, fmt, folder / "log")
            met = "yes" if grown < AIM_MB else "**no**"
            lines.append(f"| {name} | {fmt} | {size:.0f} | {seconds:.1f} | {before:.0f} | {grown:.0f} | {met} |")
            print(lines[-1], flush=True)
    return lines


def _allowed(config: Path) -> None:
    """Lets the collection give all in one answer."""
    found = yaml.safe_load(config.read_text())
    found["resources"]["million"]["poles"]["limits"] = {"items_max": COUNT}
    config.write_text(yaml.safe_dump(found, sort_keys=False))


def _exported(peer: Peer, fmt: str, log: Path) -> tuple[float, float, float, float]:
    """MB of the worker before and what it grew by, MB of the body, seconds."""
    items = f"{peer.base}/collections/million/items?f={fmt}"
    with serving(peer.command, peer.base + peer.ready, dict(peer.env), str(log)):
        _read(f"{items}&limit=1000")
        with _worker() as peak:
            before = peak()
            began = time.perf_counter()
            size = _read(f"{items}&limit={COUNT}")
            return before, peak() - before, size / 1e6, time.perf_counter() - began


def _read(url: str) -> int:
    size = 0
    with urlopen(url, timeout=600) as response:
        while piece := response.read(1 << 20):
            size += len(piece)
    return size


@contextmanager
def _worker() -> Iterator[Callable[[], float]]:
    """The peak of the memory of the worker, MB, from here on."""
    found = _serving()
    Path(f"/proc/{found}/clear_refs").write_text("5")

    def peak() -> float:
        told = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{found}/status").read_text())
        assert told is not None
        return int(told[1]) / 1000

    yield peak


def _serving() -> int:
    """The worker of the only server that runs: the last of those of gunicorn that descend from this process."""
    parents, named = {}, set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found = re.search(r"PPid:\s+(\d+)", (folder / "status").read_text())
            command = (folder / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if found is not None:
            parents[int(folder.name)] = int(found[1])
        if b"gunicorn" in command:
            named.add(int(folder.name))
    ours = [os.getpid()]
    for pid in ours:
        ours.extend(child for child, parent in parents.items() if parent == pid)
    return [pid for pid in ours if pid in named][-1]
