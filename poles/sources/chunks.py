"""The chunk cache: decoded chunks, still packed, shared by the process and bounded in bytes."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import cache as once
from itertools import product
from math import prod
from typing import Any

import numpy as np

from poles.settings import settings
from poles.sources.locks import held
from poles.stored import Array, Slices

Key = tuple[str, int]
Load = Callable[[Slices], Array]

MIB = 1024 * 1024
HUGE = 32 * MIB
"""Bytes above which a stored chunk is cut."""

_SMALL, _GROWN = MIB // 16, MIB // 4
_RUN = 16 * MIB
_TEXT_BYTES = 64


class Cache:
    """Least recently used chunks go first. Safe to use from any thread; one thread reads a chunk, others wait."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._bytes = 0
        self._lock = threading.Lock()
        self._entries: OrderedDict[Key, Array] = OrderedDict()
        self._loading: dict[Key, Future[Array]] = {}
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._loading = {}

    @property
    def bytes(self) -> int:
        """What is held."""
        return self._bytes

    def clear(self) -> None:
        """Forget every chunk."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def one(self, key: Key) -> Array | None:
        """The chunk, if it is there."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
            return found

    def many(
        self, token: str, indices: Sequence[int], read: Callable[[list[int]], Iterator[tuple[int, Array]]]
    ) -> dict[int, Array]:
        """The chunks of one array by index, those that are missing read by `read`."""
        found, mine, others = self._sorted(token, indices)
        if mine:
            try:
                for index, chunk in read(mine):
                    found[index] = chunk
                    self._put((token, index), chunk)
            except BaseException as error:
                self._fail(token, [i for i in mine if i not in found], error)
                raise
        if others and held():
            found.update(read(list(others)))
            return found
        for index, future in others.items():
            found[index] = future.result()
        return found

    def _sorted(
        self, token: str, indices: Sequence[int]
    ) -> tuple[dict[int, Array], list[int], dict[int, Future[Array]]]:
        """What is there, what this thread must read, and what another thread is reading."""
        found: dict[int, Array] = {}
        mine: list[int] = []
        others: dict[int, Future[Array]] = {}
        with self._lock:
            entries = self._entries
            for index in indices:
                key = token, index
                chunk = entries.get(key)
                if chunk is not None:
                    entries.move_to_end(key)
                    found[index] = chunk
                elif key in self._loading:
                    others[index] = self._loading[key]
                else:
                    self._loading[key] = Future()
                    mine.append(index)
        return found, mine, others

    def _put(self, key: Key, chunk: Array) -> None:
        chunk.setflags(write=False)
        with self._lock:
            self._entries[key] = chunk
            self._bytes += _size(chunk)
            while self._bytes > self.limit and self._entries:
                self._bytes -= _size(self._entries.popitem(last=False)[1])
            future = self._loading.pop(key, None)
        if future is not None:
            future.set_result(chunk)

    def _fail(self, token: str, indices: list[int], error: BaseException) -> None:
        with self._lock:
            futures = [self._loading.pop((token, i), None) for i in indices]
        for future in futures:
            if future is not None:
                future.set_exception(error)


@once
def cache() -> Cache:
    """The one of this process."""
    return Cache(settings().cache_bytes)


def _item(dtype: np.dtype[Any]) -> int:
    return _TEXT_BYTES if dtype.kind == "O" else dtype.itemsize


def _size(chunk: Array) -> int:
    return chunk.size * _item(chunk.dtype) + 128


# --- how an array is cut -----------------------------------------------------------------------------------


def layout(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    stored: Sequence[int] | None,
    *,
    small: int = _SMALL,
    grown: int = _GROWN,
    huge: int | None = HUGE,
) -> tuple[int, ...]:
    """The pieces in which an array is read and cached.

    A true chunk is one piece. Those below `small` bytes are joined, last dimension first, up to `grown` bytes;
    those above `huge` are cut. An array without chunks is cut into rows of about 1 MiB.
    """
    item = _item(dtype)
    if stored is None:
        return _grown((1,) * len(shape), shape, item, MIB)
    chunk = tuple(min(c, max(n, 1)) for c, n in zip(stored, shape, strict=True))
    if prod(chunk) * item < small:
        return _grown(chunk, shape, item, grown)
    if huge is not None and prod(chunk) * item > huge:
        return _cut(chunk, item, 4 * MIB)
    return chunk


def _grown(chunk: tuple[int, ...], shape: tuple[int, ...], item: int, target: int) -> tuple[int, ...]:
    sizes = list(chunk)
    for d in reversed(range(len(shape))):
        times = target // max(prod(sizes) * item, 1)
        if times >= 2:
            sizes[d] = min(sizes[d] * times, max(shape[d], 1))
    return tuple(sizes)


def _cut(chunk: tuple[int, ...], item: int, target: int) -> tuple[int, ...]:
    sizes = list(chunk)
    for d in range(len(chunk)):
        rest = prod(sizes) // sizes[d] * item
        sizes[d] = min(sizes[d], max(target // rest, 1))
    return tuple(sizes)


# --- reading through the cache -----------------------------------------------------------------------------


class Chunked:
    """`Stored.read` of one array: raw blocks through the chunk cache.

    `load` reads from the file. `direct` says that a small part costs little to read by itself (the array is stored
    without chunks), so that a point's series in a large array does not pull the whole of it through the cache.
    """

    __slots__ = ("_cache", "_counts", "_direct", "_load", "_strides", "_token", "chunks", "dtype", "shape")

    def __init__(
        self,
        token: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        chunks: tuple[int, ...],
        load: Load,
        *,
        direct: bool = False,
        through: Cache | None = None,
    ) -> None:
        self._token, self.shape, self.dtype, self.chunks, self._load = token, shape, dtype, chunks, load
        self._counts = tuple(-(-n // c) for n, c in zip(shape, chunks, strict=True))
        self._strides = tuple(prod(self._counts[d + 1 :]) for d in range(len(shape)))
        self._direct = direct
        self._cache = through

    def __call__(self, slices: Slices) -> Array:
        """The raw block; it may be a view that cannot be written to."""
        store = self._cache or cache()
        index, inside = 0, []
        for s, c, stride in zip(slices, self.chunks, self._strides, strict=True):
            start, stop = s.start, s.stop
            if start >= stop:
                return np.empty([max(s.stop - s.start, 0) for s in slices], self.dtype)
            first = start // c
            if (stop - 1) // c != first:
                return self._several(slices, store)
            index += first * stride
            inside.append(slice(start - first * c, stop - first * c))
        chunk = store.one((self._token, index))
        if chunk is None:
            chunk = store.many(self._token, [index], self._read)[index]
        return _given(chunk, tuple(inside))

    def _several(self, slices: Slices, store: Cache) -> Array:
        shape = [s.stop - s.start for s in slices]
        if min(shape) == 0:
            return np.empty(shape, self.dtype)
        if self._beside(slices, shape, store.limit):
            return self._load(slices)
        cuts = [self._cuts(*each) for each in zip(slices, self.chunks, self._strides, strict=True)]
        pieces = [(sum([p[0] for p in each]), each) for each in product(*cuts)]
        found = store.many(self._token, [index for index, _ in pieces], self._read)
        block = np.empty(shape, self.dtype)
        for index, each in pieces:
            block[tuple([p[2] for p in each])] = found[index][tuple([p[1] for p in each])]
        return block

    @staticmethod
    def _cuts(asked: slice, chunk: int, stride: int) -> list[tuple[int, slice, slice]]:
        """Along one dimension: what each chunk adds to the index, the slice inside it, and the slice of the answer."""
        cuts = []
        for number in range(asked.start // chunk, (asked.stop - 1) // chunk + 1):
            origin = number * chunk
            start, stop = max(asked.start, origin), min(asked.stop, origin + chunk)
            inside = slice(start - origin, stop - origin)
            cuts.append((number * stride, inside, slice(start - asked.start, stop - asked.start)))
        return cuts

    def _beside(self, slices: Slices, shape: list[int], limit: int) -> bool:
        """Whether to read beside the cache: it could not hold the chunks, or the part is small and cheap to read."""
        item = _item(self.dtype)
        touched = item * prod(
            min(((s.stop - 1) // c - s.start // c + 1) * c, n)
            for s, c, n in zip(slices, self.chunks, self.shape, strict=True)
        )
        if touched > limit // 2:
            return True
        return self._direct and prod(self.shape) * item > limit // 4 and touched > 64 * prod(shape) * item

    def _read(self, indices: list[int]) -> Iterator[tuple[int, Array]]:
        """The chunks of those indices, neighbours read in one call."""
        for run, along in self._runs(indices):
            first, last = self._bounds(run[0]), self._bounds(run[-1])
            block = self._load(tuple(slice(a.start, b.stop) for a, b in zip(first, last, strict=True)))
            if len(run) == 1:
                yield run[0], block
                continue
            for index in run:
                bounds = self._bounds(index)[along]
                start = first[along].start
                within = (slice(None),) * along + (slice(bounds.start - start, bounds.stop - start),)
                yield index, block[within].copy()

    def _runs(self, indices: list[int]) -> Iterator[tuple[list[int], int]]:
        """Neighbours along one dimension, as many as are read in one call, and that dimension."""
        most = max(_RUN // max(prod(self.chunks) * _item(self.dtype), 1), 1)
        run: list[int] = []
        along = 0
        for index in sorted(indices):
            if run and len(run) < most:
                step = self._step(run[-1], index)
                if step is not None and (len(run) == 1 or step == along):
                    run.append(index)
                    along = step
                    continue
            if run:
                yield run, along
            run = [index]
        yield run, along

    def _step(self, one: int, other: int) -> int | None:
        """The dimension along which two chunks are neighbours."""
        for d, stride in enumerate(self._strides):
            if other - one == stride and self._counts[d] > 1:
                return d if one // stride % self._counts[d] + 1 < self._counts[d] else None
        return None

    def _bounds(self, index: int) -> Slices:
        return tuple(
            slice(i * c, min((i + 1) * c, n))
            for i, c, n in (
                (index // stride % count, c, n)
                for stride, count, c, n in zip(self._strides, self._counts, self.chunks, self.shape, strict=True)
            )
        )


def _given(chunk: Array, inside: Slices) -> Array:
    """The part of a chunk: a copy where it is small, so that it does not keep the chunk alive."""
    part = chunk[inside] if inside else chunk
    return part if part.nbytes * 2 > chunk.nbytes else part.copy()
