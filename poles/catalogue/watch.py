"""A changed catalogue is taken up while the server runs: files that are edited, facts that are kept."""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from poles.catalogue import Catalogue, included, read
from poles.catalogue import facts as kept_facts
from poles.dataset import Dataset, Facts
from poles.errors import PolesError
from poles.settings import settings

log = logging.getLogger(__name__)

RESTED = 2
"""Polls without a change before a change is taken up: half a YAML file is valid YAML."""
LOOKED_AT = 30
"""Polls between two looks at the data themselves."""
SETTLED = 3
"""Polls that changed data rest before they are described; longer than `poles.parts` believes what it saw."""

_State = tuple[tuple[str, int, int], ...]


@dataclass(slots=True)
class Watch:
    """Looks at the files of a catalogue and calls back with each version of it.

    `swap` is called in the watching thread; it makes what it needs beside the old, then swaps one reference.
    A catalogue that cannot be read keeps the old one, and is logged once. With `describe`, data sets that were
    never described, or changed since, are described in the background, by one process at a time.
    """

    path: Path
    swap: Callable[[Catalogue], None]
    current: Catalogue | None = None
    describe: Callable[[Dataset], Facts] | None = None
    pause: float = 1.0
    _taken: _State = ()
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Watches in a daemon thread; each process calls it for itself, after any fork."""
        self._taken = self._state() if self.current is not None else ()
        tasks = [self._watch] + ([self._keep_described] if self.describe is not None else [])
        self._threads = [threading.Thread(target=t, name=t.__name__.strip("_"), daemon=True) for t in tasks]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends the threads at their next poll."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=5 * self.pause)

    def _state(self) -> _State:
        return _state(self.path, self.current.include if self.current is not None else ())

    def _watch(self) -> None:
        seen, rested = self._taken, 0
        while not self._stop.wait(self.pause):
            found = self._state()
            rested = rested + 1 if found == seen else 0
            seen = found
            if found != self._taken and rested >= RESTED:
                self._take(found)

    def _take(self, found: _State) -> None:
        self._taken = found  # a change during the reading is seen at the next poll
        try:
            catalogue = read(self.path)
            if self.current is None or catalogue.version != self.current.version:
                self.swap(catalogue)
            self.current = catalogue
        except PolesError as error:
            log.error("the catalogue is kept as it was: %s", error)
        except Exception:  # a watcher that dies would leave the server with an old catalogue for ever
            log.exception("the catalogue is kept as it was")

    def _keep_described(self) -> None:
        """Describes what is stale; what fails is tried again when its data change."""
        failed: dict[str, kept_facts.Stamp] = {}
        looked, due = None, 0
        while not self._stop.wait(self.pause):
            due -= 1
            if self.current is not None and (self.current is not looked or due <= 0):
                looked, due = self.current, LOOKED_AT
                self._describe_stale(looked, failed)

    def _describe_stale(self, catalogue: Catalogue, failed: dict[str, kept_facts.Stamp]) -> None:
        try:
            with FileLock(_lock(), timeout=0):
                for dataset in _stale(catalogue, failed):
                    self._describe_one(dataset, failed)
        except (Timeout, OSError):
            pass  # another process is at it, or the state folder cannot be written

    def _describe_one(self, dataset: Dataset, failed: dict[str, kept_facts.Stamp]) -> None:
        stamped = kept_facts.stamp(dataset)
        if kept_facts.kept(dataset)[0] is not None:  # changed: at rest, and no longer believed to be as before
            self._stop.wait(SETTLED * self.pause)
        if self._stop.is_set() or self.describe is None or kept_facts.stamp(dataset) != stamped:
            return
        began = time.monotonic()
        try:
            kept_facts.keep(dataset, self.describe(dataset), stamped)
        except Exception as error:  # noqa: BLE001  one bad file must not end the describing of others
            failed[dataset.id] = stamped
            log.warning("%s is served as its block says: %s", dataset.id, error)
        self._stop.wait(time.monotonic() - began)  # requests come first


def _stale(catalogue: Catalogue, failed: dict[str, kept_facts.Stamp]) -> list[Dataset]:
    """Data sets whose kept facts are not those of their data at this moment."""
    return [
        dataset
        for dataset in catalogue.datasets.values()
        if not kept_facts.kept(dataset)[1] and failed.get(dataset.id) != kept_facts.stamp(dataset)
    ]


def _lock() -> str:
    folder = kept_facts.folder()
    folder.mkdir(parents=True, exist_ok=True)
    return str(settings().state / "describing.lock")


def _state(path: Path, include: tuple[str, ...]) -> _State:
    """Name, time and size of every file that makes the catalogue, and of the facts kept."""
    found = [_stat(str(p)) for p in (path, *included(include, path.parent))]
    try:
        with os.scandir(kept_facts.folder()) as entries:
            found += sorted(_stat(e.path) for e in entries if e.name.endswith(".json"))
    except OSError:
        pass
    return tuple(found)


def _stat(path: str) -> tuple[str, int, int]:
    try:
        told = os.stat(path)
    except OSError:
        return path, 0, -1
    return path, told.st_mtime_ns, told.st_size
