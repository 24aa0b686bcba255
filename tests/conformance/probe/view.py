"""A view of the server as a suite sees it: documents asked once, requests derived from the OpenAPI document."""

import os
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from . import openapi, shapes
from .http import GEOJSON, JSON, Answer, Client, asked, without_query

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared" / "schemas"
CONFIG = ROOT / "pygeoapi-config.yml"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
FEATURES = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/"
FEATURES_CRS = "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs"
EDR = "http://www.opengis.net/spec/ogcapi-edr-1/1.0/conf/"
LIMITED, LIMITED_OF = "conformance-limited", "odatis-oisst-daily"
"""A data set of the demonstration that is served a second time under a small limit, to be refused."""
PROBED = 10
"""Features that the suites ask where a request has no limit."""
Document = dict[str, Any]


def demo(api: str) -> list[str]:
    """The data sets of the demonstration that have an API: `feature`, `edr` or `coverage`."""
    text = Path(os.environ.get("CONFORMANCE_CONFIG", CONFIG)).read_text(encoding="utf-8")
    resources = yaml.load(text, Loader=yaml.CSafeLoader)["resources"]
    return [
        name for name, block in resources.items() if api in (p.get("type") for p in block.get("providers", []))
    ]  # fmt: skip


class View:
    """One data set's view: a whole API that holds one collection."""

    def __init__(self, client: Client, path: str) -> None:
        self.client = client
        self.base = client.root + path

    def get(self, below: str, accept: str = JSON, **parameters: Any) -> Answer:
        """A GET below the view."""
        return self.client.get(asked(self.base + below, **parameters), accept)

    @cached_property
    def landing(self) -> Document:
        """The landing page."""
        return dict(self.get("").ok().document)

    def link(self, rel: str, media: str | None = None) -> Document:
        """A link of the landing page."""
        return found(self.landing, rel, media)

    @cached_property
    def api(self) -> Document:
        """The OpenAPI document, by the first link that the EDR suite would follow, its query string lost."""
        link = next((k for k in links(self.landing) if k.get("rel") in ("service-desc", "service-doc")), None)
        assert link is not None, "the landing page has neither service-desc nor service-doc"
        document = self.client.get(without_query(link["href"]), OPENAPI).ok().document
        assert str(document.get("openapi", "")).startswith("3.0"), f"{link['href']}: no OpenAPI 3.0"
        return dict(document)

    @cached_property
    def conforms(self) -> list[str]:
        """The conformance classes."""
        return list(self.client.get(self.link("conformance")["href"]).ok().document["conformsTo"])

    @cached_property
    def collections(self) -> Document:
        """The document at /collections, at the server that the OpenAPI document names."""
        return dict(self.get("/collections").ok().document)

    @property
    def listed(self) -> Document:
        """The view's collection as /collections tells it."""
        held = self.collections.get("collections")
        assert held, f"{self.base}/collections: no collections"
        assert len(held) == 1, f"{self.base}/collections: a data set's view holds one collection, not {len(held)}"
        return dict(held[0])

    @property
    def id(self) -> str:
        return str(self.listed["id"])

    @cached_property
    def collection(self) -> Document:
        """The document at /collections/{id}."""
        return dict(self.get(f"/collections/{self.id}").ok().document)

    def encodings(self, own: str, *otherwise: str) -> set[str]:
        """Media types of one resource that the declared classes promise, beside its own."""
        types = {own, *otherwise}
        if FEATURES + "html" in self.conforms or EDR + "html" in self.conforms:
            types.add("text/html")
        return types

    # --- items ---------------------------------------------------------------------------------------------------

    @property
    def items_url(self) -> str:
        """Where the items are: the link `items` in GeoJSON, its query string lost."""
        return without_query(found(self.listed, "items", GEOJSON)["href"])

    @property
    def items_path(self) -> str:
        """The path of the OpenAPI document that the items link is an instance of."""
        path = openapi.path_of(self.api, self.items_url)
        assert path is not None, (
            f"{self.items_url}: no path of the OpenAPI document, servers {openapi.servers(self.api)}"
        )
        return path

    def items(self, accept: str = GEOJSON, **parameters: Any) -> Answer:
        """A page of items; ten where no limit is said, as the suites ask."""
        return self.client.get(asked(self.items_url, **{"limit": PROBED} | parameters), accept)

    def parameter(self, name: str) -> Document:
        """How the OpenAPI document declares a parameter of the items."""
        declared = openapi.parameter(self.api, self.items_path, name)
        assert declared is not None, f"{self.items_path}: {name} is not declared"
        return declared

    @property
    def maximum(self) -> int:
        """The largest `limit` that is declared."""
        return int(openapi.resolved(self.api, self.parameter("limit")["schema"])["maximum"])

    def pages(self, answer: Answer, most: int = 5) -> list[Document]:
        """A page and those after it, by `next`."""
        pages = [answer.ok().document]
        while (following := links(pages[-1], "next")) and len(pages) < most:
            pages.append(self.client.get(following[0]["href"], GEOJSON).ok().document)
        assert not following or len(pages) == most
        return pages

    @property
    def crs(self) -> list[str]:
        """The CRS of the collection, those of the list for `#/crs`."""
        own = list(self.collection.get("crs") or [shapes.CRS84])
        shared = list(self.collections.get("crs") or [])
        return [c for k in own for c in (shared if k == "#/crs" else [k])]

    @property
    def extent(self) -> shapes.Box:
        """The first box of the spatial extent: four numbers."""
        bounds = self.listed["extent"]["spatial"]["bbox"][0]
        assert len(bounds) == 4, f"extent.spatial.bbox: {bounds}: the suites misread six numbers"
        return tuple(map(float, bounds))  # type: ignore[return-value]

    @property
    def interval(self) -> list[str | None] | None:
        """The first interval of the temporal extent, if there is one."""
        temporal = self.listed["extent"].get("temporal")
        return None if temporal is None else list(temporal["interval"][0])


def links(document: Document, rel: str | None = None, media: str | None = None) -> list[Document]:
    """The links of a document, of one relation, of one media type."""
    return [
        k
        for k in document.get("links", [])
        if (rel is None or k.get("rel") == rel) and (media is None or k.get("type") == media)
    ]


def found(document: Document, rel: str, media: str | None = None) -> Document:
    """A link that must be there."""
    held = links(document, rel, media)
    told = [(k.get("rel"), k.get("type")) for k in links(document)]
    assert held, f"no link {rel} {media or ''} among {told}"
    return held[0]


def complete(document: Document, *rels: str) -> None:
    """Whether links (of some relations) have href, relation and media type."""
    for link in links(document):
        if not rels or link.get("rel") in rels:
            lacking = [key for key in ("href", "rel", "type") if not link.get(key)]
            assert not lacking, f"link {link}: no {', '.join(lacking)}"


def alternates(document: Document, types: set[str]) -> None:
    """A link to itself, and one to every other encoding."""
    own = found(document, "self")
    complete(document, "self", "alternate")
    offered = {str(k["type"]).partition(";")[0] for k in links(document, "alternate")}
    missing = types - {str(own["type"]).partition(";")[0]} - offered
    assert not missing, f"no link alternate to {sorted(missing)}"
