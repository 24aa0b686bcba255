"""Bytes that are made once, with their entity tags, up to a budget."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from web.manners.compression import KEPT, zipped
from web.manners.freshness import tag

BYTES = 96 * 1024 * 1024


@dataclass(slots=True)
class _Document:
    body: bytes
    tag: str
    zipped: bytes | None = None

    @property
    def size(self) -> int:
        return len(self.body) + len(self.zipped or b"")


class Kept:
    """Documents, plain and in gzip; above the budget, what was kept first goes first."""

    def __init__(self, budget: int = BYTES) -> None:
        self.budget = budget
        self._documents: OrderedDict[Hashable, _Document] = OrderedDict()
        self._tagged: dict[str, Hashable] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def document(self, key: Hashable, make: Callable[[], bytes]) -> tuple[bytes, str]:
        """The bytes of a document, and their entity tag; `make` is called where they are not kept."""
        if (found := self._documents.get(key)) is None:
            body = make()
            found = self._add(key, _Document(body, tag(body)))
        return found.body, found.tag

    def zipped(self, entity_tag: str) -> bytes | None:
        """A document in gzip, packed at the first question; None where no document of that tag is kept."""
        key = self._tagged.get(entity_tag)
        found = self._documents.get(key)
        if found is None:
            return None
        if found.zipped is not None:
            return found.zipped
        body = zipped(found.body, KEPT)
        with self._lock:
            if found.zipped is None and self._documents.get(key) is found:
                found.zipped = body
                self._bytes += len(body)
                self._trim()
        return body

    def _add(self, key: Hashable, document: _Document) -> _Document:
        with self._lock:
            if (there := self._documents.get(key)) is not None:
                return there
            self._documents[key] = document
            self._tagged[document.tag] = key
            self._bytes += document.size
            self._trim()
        return document

    def _trim(self) -> None:
        while self._bytes > self.budget and len(self._documents) > 1:
            key, oldest = self._documents.popitem(last=False)
            self._bytes -= oldest.size
            if self._tagged.get(oldest.tag) == key:
                del self._tagged[oldest.tag]
