"""One lock per C library that is not thread-safe, and the files that are open under it.

Whoever calls HDF5/NetCDF or GDAL, to open, read, write or close, does it inside `with HDF5:` or `with GDAL:`, and
never yields inside. The locks are reentrant, so that a writer may read.
"""

import atexit
import os
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import TracebackType

from poles.errors import Unreadable

# Before any of these libraries is loaded: data folders may be read-only, and network disks have no locks.
os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
os.environ.setdefault("GDAL_DISABLE_READDIR_ON_OPEN", "TRUE")
os.environ.setdefault("GDAL_CACHEMAX", "64")
# GDAL's own reader of FlatGeobuf to Arrow tells wrong lengths of geometries where one is null; its common one does not.
os.environ.setdefault("OGR_FLATGEOBUF_STREAM_BASE_IMPL", "YES")


_TRIES = 10


class Replaced(Unreadable):
    """A file is no longer the one that was opened: open it again."""

    def __init__(self, href: str) -> None:
        super().__init__(href, "replaced while it was read", "ask again")


class LibraryLock:
    """A reentrant lock that a forked child finds free."""

    def __init__(self) -> None:
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.RLock()
        self._owner, self._depth = 0, 0

    def __enter__(self) -> None:
        self._lock.acquire()
        self._owner = threading.get_ident()
        self._depth += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = 0
        self._lock.release()

    @property
    def mine(self) -> bool:
        """Whether this thread holds it."""
        return self._owner == threading.get_ident()


HDF5 = LibraryLock()
GDAL = LibraryLock()


def held() -> bool:
    """Whether this thread holds a library: then it must not wait for a thread that may want it."""
    return HDF5.mine or GDAL.mine


class Source:
    """One version of one file: while something refers to it, its handle may stay open."""

    __slots__ = ("__weakref__", "href", "version")

    def __init__(self, href: str, version: str) -> None:
        self.href, self.version = href, version


@dataclass(frozen=True, slots=True, eq=False)
class _Held[H]:
    """An open handle, which file it is of, and in which version."""

    handle: H
    file: tuple[int, int] | None
    version: str


class Handles[H]:
    """At most `limit` open handles of one library, the least recently used closed first.

    A handle that was closed is opened again when it is needed, if the file is still the same version; else
    `Replaced` is raised. An open handle keeps reading the file it was opened on, whatever took its place, but not one
    that was written over in its place.

    `single`: the library must not have one file open twice (libnetcdf loses the texts of both when one is closed).
    Names of one file (links, relative paths) then share its handle, and a file that was written over in its place
    is closed before it is opened again.
    """

    def __init__(
        self,
        lock: LibraryLock,
        opened: Callable[[str], H],
        closed: Callable[[H], None],
        version: Callable[[str], str],
        limit: int = 128,
        *,
        single: bool = False,
    ) -> None:
        self._lock, self._opened, self._closed, self._version, self._limit = lock, opened, closed, version, limit
        self._open: OrderedDict[tuple[str, str], _Held[H]] = OrderedDict()
        self._single = single
        self._sources: weakref.WeakValueDictionary[tuple[str, str], Source] = weakref.WeakValueDictionary()
        self._naming = threading.Lock()
        self._dropped: deque[tuple[str, str]] = deque()
        self._left: list[_Held[H]] = []
        os.register_at_fork(after_in_child=self._leave)
        atexit.register(self.close)

    def source(self, href: str, version: str) -> Source:
        """A version of a file; its handle is closed some time after the last reference to this is gone."""
        with self._naming:
            found = self._sources.get((href, version))
            if found is None:
                found = self._sources[href, version] = Source(href, version)
                weakref.finalize(found, self._dropped.append, (href, version)).atexit = False
            return found

    def first[T](self, href: str, call: Callable[[Source, H], T]) -> T:
        """What `call` makes of the file as it is at this moment, opened under the lock of the library."""
        with self._lock:
            for _ in range(_TRIES):
                source = self.source(href, self._version(href))
                try:
                    return self.use(source, partial(call, source))
                except Replaced:
                    continue
            raise Replaced(href)

    def use[T](self, source: Source, call: Callable[[H], T]) -> T:
        """What `call` makes of the open handle, under the lock of the library."""
        with self._lock:
            self._close_dropped()
            return call(self._handle(source.href, source.version))

    def _handle(self, href: str, version: str) -> H:
        key = href, version
        held = self._open.get(key)
        if held is not None:
            if self._is_written_over(held, href):
                self._drop(held)
                raise Replaced(href)
            self._open.move_to_end(key)
            return held.handle
        held = self._open[key] = self._held(href, version)
        while len(self._open) > self._limit:
            self._let_go(self._open.popitem(last=False)[1])
        return held.handle

    def _is_written_over(self, held: _Held[H], href: str) -> bool:
        """Whether the file that is open has another content now; one that took its place is another file."""
        if held.file is None or _file(href) != held.file:
            return False
        try:
            return self._version(href) != held.version
        except Unreadable:
            return False

    def _held(self, href: str, version: str) -> _Held[H]:
        """The file, opened, or its open handle under another name; one of an older version is closed before."""
        if self._single:
            file = _file(href)
            for held in [h for h in self._open.values() if h.file == file is not None]:
                if held.version == version == self._version(href):
                    return held
                self._drop(held)
        handle = self._same(href, version)
        return _Held(handle, _file(href), version)

    def _drop(self, held: _Held[H]) -> None:
        """Closes a handle under all its names."""
        names = [k for k, h in self._open.items() if h is held]
        for key in names:
            del self._open[key]
        if names:
            self._closed(held.handle)

    def _let_go(self, held: _Held[H]) -> None:
        """Closes a handle that no name has any longer."""
        if not any(h is held for h in self._open.values()):
            self._closed(held.handle)

    def _same(self, href: str, version: str) -> H:
        if self._version(href) != version:
            raise Replaced(href)
        try:
            handle = self._opened(href)
        except Unreadable:
            if self._version(href) != version:
                raise Replaced(href) from None
            raise
        if self._version(href) != version:
            self._closed(handle)
            raise Replaced(href)
        return handle

    def _close_dropped(self) -> None:
        while self._dropped:
            key = self._dropped.popleft()
            held = None if key in self._sources else self._open.pop(key, None)
            if held is not None:
                self._let_go(held)

    def _leave(self) -> None:
        """A forked child opens its own: parent and child would move one file position."""
        self._left.extend(self._open.values())
        self._open.clear()
        self._naming = threading.Lock()

    def close(self) -> None:
        """Closes all; what is still needed is opened again. An ending interpreter would do it too late, and say so."""
        with self._lock:
            while self._open:
                self._let_go(self._open.popitem()[1])


def _file(href: str) -> tuple[int, int] | None:
    """Which file a path leads to, whatever its name; None where there is none."""
    try:
        found = os.stat(href)
    except OSError:
        return None
    return found.st_dev, found.st_ino
