"""Views: whole smaller APIs, each a filter over the one catalogue, and what is kept of one version of it."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from pygeoapi.plugin import load_plugin

from poles.catalogue import Catalogue
from poles.dataset import POLES, Dataset, Text
from poles.errors import NotFound, PolesError
from web.kept import Kept

Document = dict[str, Any]
NAMES: dict[str, Text] = {
    "theia": Text("Theia: land surfaces", "Theia : surfaces continentales"),
    "aeris": Text("AERIS: atmosphere", "AERIS : atmosphère"),
    "formater": Text("ForM@Ter: solid Earth", "ForM@Ter : Terre solide"),
    "odatis": Text("ODATIS: ocean", "ODATIS : océan"),
}
MOST_ADDRESSES = 32
"""Addresses of one server that are known at a time."""


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """A smaller API: the data sets it holds, and where it stands."""

    root: str
    """Public URL of the whole server."""
    path: str
    """Below the root: empty, `/poles/{pole}` or `/datasets/{id}`."""
    title: Text
    description: Text
    datasets: Mapping[str, Dataset]
    pole: str | None = None
    only: str | None = None
    """The one data set of a data set's view."""

    @property
    def url(self) -> str:
        """The public URL of the view."""
        return self.root + self.path

    @property
    def whole(self) -> bool:
        """Whether this is the whole server."""
        return not self.path

    def dataset(self, identifier: str) -> Dataset:
        """A data set of this view; another is not there."""
        found = self.datasets.get(identifier)
        if found is None:
            raise NotFound("collection", f"{identifier} is not in this API", f"see {self.url}/collections")
        return found


class Views:
    """All views of one version of the catalogue under one address, its providers, and the bytes of its documents.

    A changed catalogue makes another `Views` beside this one; then they are swapped.
    """

    def __init__(self, catalogue: Catalogue, root: str, beside: "Views | None" = None) -> None:
        self.catalogue = catalogue
        self.root = _root(catalogue, root)
        self._poles = {pole: _of_pole(catalogue, root, pole) for pole in POLES}
        self._doors: dict[tuple[str, str], Any] = beside._doors if beside else {}
        self._kept: Kept = beside._kept if beside else Kept()
        self._texts: dict[Hashable, str] = {}
        self._elsewhere: OrderedDict[str, Views] = OrderedDict()
        self._lock = threading.Lock()

    def under(self, root: str) -> "Views":
        """The same under another address, as a trusted proxy tells it; providers and the room for bytes are shared."""
        if root == self.root.root:
            return self
        if (found := self._elsewhere.get(root)) is None:
            found = Views(self.catalogue, root, self)
            with self._lock:
                self._elsewhere[root] = found
                if len(self._elsewhere) > MOST_ADDRESSES:
                    self._elsewhere.popitem(last=False)
        return found

    def view(self, pole: str | None = None, dataset: str | None = None) -> View:
        """The root, the view of a pole, or that of a data set."""
        if pole is not None:
            if pole not in self._poles:
                raise NotFound("pole", f"{pole} is not a pole", f"give one of {', '.join(POLES)}")
            return self._poles[pole]
        if dataset is not None:
            return _of_dataset(self.root.dataset(dataset), self.root.root)
        return self.root

    def door(self, dataset: Dataset, api: str) -> Any:
        """The provider of one API of a data set, as the configuration names it. No block, no API."""
        key = (dataset.id, api)
        if key not in self._doors:
            self._doors[key] = load_plugin("provider", {**self._definition(dataset, api), "data": dataset})
        return self._doors[key]

    def _definition(self, dataset: Dataset, api: str) -> Document:
        for definition in self.catalogue.config["resources"][dataset.id]["providers"]:
            if definition["type"] == api:
                return dict(definition)
        raise NotFound(api, f"{dataset.id} is not offered by this API", f"it offers {', '.join(dataset.apis)}")

    def first(self, dataset: Dataset, verb: str) -> str:
        """The id of the first of the `items` or `locations` of a data set, as an example; `1` where none is at hand."""
        try:
            found = self.door(dataset, "feature" if verb == "items" else "edr").ask(verb, {"limit": "1"})
        except PolesError:
            return "1"
        return next((str(i) for batch in list(found.batches()) for i in batch.column("id").to_pylist()), "1")

    def remembered(self, key: Hashable, make: Callable[[], str]) -> str:
        """A short text made once a view and data set."""
        if (found := self._texts.get(key)) is None:
            found = self._texts[key] = make()
        return found

    def kept(self, key: Hashable, make: Callable[[], bytes]) -> tuple[bytes, str]:
        """Bytes made once for this version of the catalogue and this address, and their entity tag."""
        return self._kept.document((self.root.root, key), make)

    def zipped(self, entity_tag: str) -> bytes | None:
        """A document that is kept, in gzip."""
        return self._kept.zipped(entity_tag)


def text_of(value: Any, otherwise: str = "") -> Text:
    """A text of the configuration: a string, or one a language."""
    if isinstance(value, Mapping):
        english = str(value.get("en") or next(iter(value.values()), otherwise))
        return Text(english, str(value.get("fr") or english))
    return Text(str(value or otherwise), str(value or otherwise))


def _root(catalogue: Catalogue, root: str) -> View:
    named = catalogue.config.get("metadata", {}).get("identification", {})
    title = text_of(named.get("title"), "Poles")
    return View(root, "", title, text_of(named.get("description"), title.en), catalogue.datasets)


def _of_pole(catalogue: Catalogue, root: str, pole: str) -> View:
    held = {k: d for k, d in catalogue.datasets.items() if d.pole == pole}
    described = Text(f"The data sets of the pole {NAMES[pole].en}", f"Les jeux de données du pôle {NAMES[pole].fr}")
    return View(root, f"/poles/{pole}", NAMES[pole], described, held, pole=pole)


def _of_dataset(dataset: Dataset, root: str) -> View:
    return View(
        root,
        f"/datasets/{dataset.id}",
        dataset.title,
        dataset.description,
        {dataset.id: dataset},
        pole=dataset.pole,
        only=dataset.id,
    )
