"""The grids of a data set, opened once a version of its parts and kept."""

import threading
from collections import OrderedDict

from poles import sources
from poles.dataset import Dataset, Kind
from poles.errors import Unreadable
from poles.grids.grid import Grid, grids, is_sampling, joined
from poles.parts import Part, opened, parts
from poles.rows.sampling import is_sampling as is_discrete
from poles.sources import Replaced, kind_of
from poles.sources.rows import kind_of_rows
from poles.stores import duck
from poles.stores.postgis import is_table

_KEPT = 256
_Key = tuple[object, ...]
_open: OrderedDict[_Key, tuple[Grid, ...]] = OrderedDict()
_lock = threading.Lock()
_opening: dict[_Key, threading.Lock] = {}


def loaded() -> None:
    """Loads the libraries of all formats and the embedded store, so that no request of a server waits for one."""
    sources.loaded()
    duck.loaded()


def kind(dataset: Dataset) -> Kind:
    """What kind of data these are: as the block says, as is known, else as the first part shows."""
    if dataset.kind is not None:
        return dataset.kind
    if dataset.facts is not None:
        return dataset.facts.kind
    if is_table(dataset.source):
        return "features"
    return kind_of_parts(parts(dataset), dataset)


def kind_of_parts(members: tuple[Part, ...], dataset: Dataset) -> Kind:
    """The kind that the first part shows, its columns and CRS as the data set names them."""
    if not members:
        raise Unreadable("source", "no file matches", "give paths or a pattern that match files")
    if kind_of(members[0].href) == "rows":
        return kind_of_rows(members[0].href, dataset)
    source = opened(members[0])
    return "observations" if is_discrete(source) or is_sampling(source) else "grid"


def grids_of(dataset: Dataset) -> tuple[Grid, ...]:
    """All grids of a data set, its parts joined; opened by one thread, kept for all."""
    members = parts(dataset)
    key: _Key = (dataset.id, dataset.source, dataset.crs, dataset.names, tuple((p.href, p.version) for p in members))
    with _lock:
        if key in _open:
            _open.move_to_end(key)
            return _open[key]
        gate = _opening.setdefault(key, threading.Lock())
    with gate:
        with _lock:
            if key in _open:
                return _open[key]
        found = joined([(part, _grids(part, dataset)) for part in members])
        with _lock:
            _forget(dataset.id)
            _open[key] = found
            while len(_open) > _KEPT:
                _open.popitem(last=False)
            _opening.pop(key, None)
    return found


def _grids(part: Part, dataset: Dataset) -> tuple[Grid, ...]:
    """The grids of one part. Raises Unreadable, naming its path."""
    try:
        return grids(opened(part), dataset.crs, dataset.names)
    except Unreadable as error:
        if isinstance(error, Replaced) or error.subject == part.href:
            raise
        found = error.found if error.subject == "data" else f"{error.subject}: {error.found}"
        raise Unreadable(part.href, found, error.remedy) from error


def _forget(identifier: str) -> None:
    """Drops what was opened of earlier versions of a data set."""
    for key in [k for k in _open if k[0] == identifier]:
        del _open[key]
