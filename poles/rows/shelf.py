"""The store of each data set of rows: made from its source once a version, then asked instead of it."""

import hashlib
import os
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from filelock import FileLock

from poles import __version__
from poles.dataset import Dataset, Kind
from poles.errors import Unreadable
from poles.parts import Part, fingerprint, parts
from poles.rows import features, observations
from poles.rows.sampled import Index
from poles.settings import settings
from poles.stores import Store, duck, postgis
from poles.stores.layout import Contents

_CONTENTS: dict[Kind, Callable[[Dataset, Sequence[Part]], Contents]] = {
    "features": features.contents,
    "observations": observations.contents,
}
_KEPT = 256


class _Held:
    """The store that a process holds of one data set, and what it was made of."""

    def __init__(self) -> None:
        self.gate = threading.Lock()
        self.store: Store | None = None
        self.index: Index | None = None

    def of(self, version: str) -> Store | None:
        """The store, if it is of that version."""
        return self.store if self.store is not None and self.store.version == version else None


_held: OrderedDict[str, _Held] = OrderedDict()
_lock = threading.Lock()
os.register_at_fork(after_in_child=lambda: _held.clear())  # a child opens its own


def store_of(dataset: Dataset, kind: Kind) -> Store:
    """The rows of the data set as they are now. Raises Unreadable.

    A source that is gone does not take its rows away: the last version that was read is served on.
    """
    if postgis.is_table(dataset.source):
        return postgis.foreign(dataset.source[0], dataset.names, dataset.crs)
    key = _key(dataset, kind)
    held = _of(key)
    try:
        members = parts(dataset)
    except Unreadable:
        with held.gate:
            held.store = held.store or _latest(dataset, key)
        if held.store is None:
            raise
        return held.store
    version = fingerprint(members)
    found = held.of(version)
    if found is not None:
        return found
    with held.gate:
        found = held.of(version)
        if found is None:
            found = held.store = _stored(dataset, kind, key, version, members)
        return found


def forget(dataset: Dataset) -> None:
    """Drops the rows that were read of a data set that is no longer published. Raises Unreadable."""
    if postgis.is_table(dataset.source):
        return
    for kind in _CONTENTS:
        key = _key(dataset, kind)
        _held.pop(key, None)
        if dataset.store is not None:
            postgis.forget(dataset.store, key)
        shutil.rmtree(_folder(key), ignore_errors=True)


def index_of(dataset: Dataset) -> Index:
    """The platforms of observations, kept beside their store."""
    store = store_of(dataset, "observations")
    held = _of(_key(dataset, "observations"))
    index = held.index
    if index is None or index.store is not store:
        index = held.index = Index(store)
    return index


def _of(key: str) -> _Held:
    with _lock:
        found = _held.setdefault(key, _Held())
        _held.move_to_end(key)
        while len(_held) > _KEPT:
            _held.popitem(last=False)
        return found


def _key(dataset: Dataset, kind: Kind) -> str:
    """What is read, how, and by which Poles: descriptions may change without the rows being read again."""
    store = None if dataset.store is None else postgis.shown(dataset.store)  # another password, the same rows
    return f"{dataset.id}-{_digest((__version__, kind, dataset.source, dataset.crs, dataset.names, store))}"


@lru_cache(4096)
def _digest(how: tuple[object, ...]) -> str:
    return hashlib.sha256(repr(how).encode()).hexdigest()[:12]


def _stored(dataset: Dataset, kind: Kind, key: str, version: str, members: Sequence[Part]) -> Store:
    """The store of a version; made where there is none, by one process while the others wait."""
    if dataset.store is not None:
        return postgis.stored(dataset.store, key, version, lambda: _contents(dataset, kind, members))
    path = _folder(key) / f"{version}.duckdb"
    found = _opened(path)
    if found is not None:
        return found
    with _locked(path.parent):
        found = _opened(path)
        if found is None:
            duck.write(path, _contents(dataset, kind, members), version)
            found = duck.opened(path)
            _forget(path)
    assert found is not None
    return found


def _contents(dataset: Dataset, kind: Kind, members: Sequence[Part]) -> Contents:
    """What the sources hold, which may go while they are read. Raises Unreadable."""
    try:
        return _CONTENTS[kind](dataset, members)
    except OSError as error:
        raise Unreadable(dataset.id, f"cannot be read ({error.strerror})", "check the path") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process alone writes in a folder of the state folder. Raises Unreadable where none can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock")
        lock.acquire()
    except OSError as error:
        found = f"the state folder cannot be written ({error.strerror})"
        raise Unreadable(folder.name, found, "give it room, and this process the right to write") from error
    try:
        yield
    finally:
        lock.release()


def _opened(path: Path) -> Store | None:
    """The store in a file, if there is one that can be read: else it is made again."""
    try:
        return duck.opened(path) if path.exists() else None
    except Unreadable:
        return None


def _folder(key: str) -> Path:
    return settings().state / "rows" / key


def _latest(dataset: Dataset, key: str) -> Store | None:
    """The version that was made last."""
    if dataset.store is not None:
        return postgis.current(dataset.store, key)
    made = sorted(_folder(key).glob("[!.]*.duckdb"), key=lambda p: p.stat().st_mtime)
    return _opened(made[-1]) if made else None


def _forget(path: Path) -> None:
    """Drops all versions but this one: who reads another goes on, as its file is open."""
    for other in path.parent.glob("*.duckdb"):
        if other != path:
            os.unlink(other)
