"""What a view holds, as the server tells it: the ground on which questions grow."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.request import urlopen

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seeds:
    """Extent, CRSs, names and ids of a view: of its one collection, else of all."""

    bbox: tuple[float, float, float, float] = (-180.0, -90.0, 180.0, 90.0)
    interval: tuple[str, str] = ("2020-01-01T00:00:00Z", "2020-12-31T00:00:00Z")
    crs: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    queryables: Mapping[str, Document] = field(default_factory=dict)
    sortables: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    samples: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Values of the first items, by property."""
    items: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    inputs: Mapping[str, Mapping[str, Document]] = field(default_factory=dict)
    """Those of each process, by their names."""


def told(base: str) -> Seeds:
    """Asks the server what stands in a view."""
    listed = read(f"{base}/collections")["collections"]
    processes = [p["id"] for p in read(f"{base}/processes")["processes"]]
    inputs = {p: read(f"{base}/processes/{p}")["inputs"] for p in processes}
    if len(listed) == 1:
        return _of(f"{base}/collections/{listed[0]['id']}", listed[0], inputs)
    return Seeds(
        inputs=inputs,
        collections=tuple(c["id"] for c in listed),
        crs=tuple(sorted({uri for c in listed for uri in c.get("crs", ())}))[:40],
        parameters=tuple(sorted({k for c in listed for k in c.get("parameter_names", {})})),
    )


def _of(url: str, collection: Document, inputs: Mapping[str, Mapping[str, Document]]) -> Seeds:
    features = _there(f"{url}/items?limit=5&f=json").get("features", [])
    start, end = _interval(collection)
    return Seeds(
        inputs=inputs,
        bbox=_flat(collection["extent"]["spatial"]["bbox"][0]),
        interval=(start, end),
        crs=tuple(collection.get("crs", ())),
        collections=(collection["id"],),
        queryables=_there(f"{url}/queryables").get("properties", {}),
        sortables=tuple(_there(f"{url}/sortables").get("properties", {})),
        parameters=tuple(collection.get("parameter_names", {})),
        samples=_samples(features),
        items=tuple(str(f["id"]) for f in features),
        locations=tuple(str(f["id"]) for f in _there(f"{url}/locations?limit=5&f=json").get("features", [])),
        files=tuple(link["href"].rsplit("/", 1)[1] for link in collection["links"] if "/files/" in link["href"]),
    )


def _interval(collection: Document) -> tuple[str, str]:
    found = collection["extent"].get("temporal", {}).get("interval", [[None, None]])[0]
    usual = Seeds().interval
    return found[0] or usual[0], found[1] or usual[1]


def _flat(bbox: list[float]) -> tuple[float, float, float, float]:
    west, south, east, north = bbox if len(bbox) == 4 else (*bbox[:2], *bbox[3:5])
    return west, south, east, north


def _samples(features: list[Document]) -> dict[str, tuple[Any, ...]]:
    keys = {k for f in features for k in f["properties"]}
    found = {k: [f["properties"].get(k) for f in features] for k in sorted(keys)}
    return {
        k: tuple(v for v in values if v is not None and not isinstance(v, list | dict)) for k, values in found.items()
    }


def read(url: str) -> Document:
    """A JSON document."""
    with urlopen(url, timeout=120) as response:
        document: Document = json.load(response)
    return document


def _there(url: str) -> Document:
    """A document that a view need not have."""
    try:
        return read(url)
    except OSError:
        return {}
