"""What was made of the parts of a data set, kept until they change; made by one thread, used by all."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from poles.dataset import Dataset
from poles.parts import Part, parts

Parts = tuple[Part, ...]


class Kept[T]:
    """The latest made of each data set, the least recently used of more than `limit` forgotten."""

    def __init__(self, made: Callable[[Dataset, Parts], T], viewed: Callable[[T, Dataset], T], limit: int = 64) -> None:
        """`made` reads the parts; `viewed` gives the same under another description of the data set."""
        self._made, self._viewed, self._limit = made, viewed, limit
        self._known: OrderedDict[str, tuple[Dataset, Parts, T]] = OrderedDict()
        self._gates: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def of(self, dataset: Dataset) -> T:
        """What there is of the data set as its parts are. Raises Unreadable."""
        members = parts(dataset)
        found = self._fresh(dataset, members)
        if found is not None:
            return found
        with self._lock:
            gate = self._gates.setdefault(dataset.id, threading.Lock())
        with gate:
            found = self._fresh(dataset, members)
            return found if found is not None else self._keep(dataset, members)

    def _fresh(self, dataset: Dataset, members: Parts) -> T | None:
        with self._lock:
            known = self._known.get(dataset.id)
            if known is None or known[1] != members or _how(known[0]) != _how(dataset):
                return None
            self._known.move_to_end(dataset.id)
            if known[0] is dataset:
                return known[2]
        return self._store(dataset, members, self._viewed(known[2], dataset))

    def _keep(self, dataset: Dataset, members: Parts) -> T:
        return self._store(dataset, members, self._made(dataset, members))

    def _store(self, dataset: Dataset, members: Parts, value: T) -> T:
        with self._lock:
            self._known[dataset.id] = dataset, members, value
            self._known.move_to_end(dataset.id)
            while len(self._known) > self._limit:
                self._gates.pop(self._known.popitem(last=False)[0], None)
        return value


def _how(dataset: Dataset) -> tuple[object, ...]:
    """What of the description changes how the data are read."""
    return dataset.source, dataset.names, dataset.crs
