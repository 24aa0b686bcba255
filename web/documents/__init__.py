"""The documents of a view: landing page, conformance, collections, schema and queryables, OpenAPI; JSON and HTML."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from flask import Response

from poles.dataset import POLES, Dataset, Text
from poles.errors import NotFound
from poles.metadata import ogc, schemas
from poles.query import CRS84
from web import listing, openapi, pages
from web.asked import HTML, JSON, OPENAPI, SCHEMA, VARY, Asked, chosen, declared, not_modified, unchanged
from web.documents import shell
from web.documents.conformance import classes
from web.views import NAMES, View

Document = dict[str, Any]


TITLES = {
    "self": Text("This document", "Ce document"),
    "alternate": Text("This document as HTML", "Ce document en HTML"),
    "service-desc": Text("The API, in OpenAPI 3.0", "L'API, en OpenAPI 3.0"),
    "service-doc": Text("The API, to read and to try", "L'API, à lire et à essayer"),
    "conformance": Text("Conformance classes", "Classes de conformité"),
    "data": Text("Collections", "Collections"),
    "processes": Text("Processes", "Traitements"),
    "jobs": Text("Jobs", "Exécutions"),
    "up": Text("The whole server", "Le serveur entier"),
    "next": Text("Next page", "Page suivante"),
    "prev": Text("Previous page", "Page précédente"),
}


def landing(asked: Asked) -> Response:
    """The landing page of a view."""
    declared(asked, ())
    counts = {pole: sum(d.pole == pole for d in asked.view.datasets.values()) for pole in POLES}
    return sent(asked, "landing", lambda: landing_document(asked.view, asked.language), counts=counts)


def landing_document(view: View, language: str) -> Document:
    """Title, description and links; `service-desc` stands before `service-doc`."""
    url = view.url
    found = [
        _link(url or "/", "self", JSON, TITLES["self"], language),
        _link(f"{url}/?f=html", "alternate", HTML, TITLES["alternate"], language),
        _link(f"{url}/openapi", "service-desc", OPENAPI, TITLES["service-desc"], language),
        _link(f"{url}/openapi?f=html", "service-doc", HTML, TITLES["service-doc"], language),
        _link(f"{url}/conformance", "conformance", JSON, TITLES["conformance"], language),
        _link(f"{url}/conformance", f"{ogc.REL}conformance", JSON, TITLES["conformance"], language),
        _link(f"{url}/collections", "data", JSON, TITLES["data"], language),
        _link(f"{url}/collections", f"{ogc.REL}data", JSON, TITLES["data"], language),
        _link(f"{url}/processes", f"{ogc.REL}processes", JSON, TITLES["processes"], language),
        _link(f"{url}/jobs", f"{ogc.REL}job-list", JSON, TITLES["jobs"], language),
    ]
    if view.whole:
        found += [_link(f"{url}/poles/{pole}", "service", JSON, NAMES[pole], language) for pole in POLES]
    else:
        found.append(_link(view.root or "/", "up", JSON, TITLES["up"], language))
    return {"title": view.title.in_(language), "description": view.description.in_(language), "links": found}


def conformance(asked: Asked) -> Response:
    """What the view conforms to: what its data sets are served by, no more."""
    declared(asked, ())
    return sent(asked, "conformance", lambda: {"conformsTo": list(classes(_apis(asked)))})


def _apis(asked: Asked) -> set[str]:
    """The APIs by which the data sets of a view are served, and the processes."""
    offered = {api for d in asked.view.datasets.values() for api in d.apis}
    return offered | ({"process"} if shell.processes(asked.views) else set())


def collections(asked: Asked) -> Response:
    """The collections of a view: all, or those that a search leaves, or a page of them."""
    declared(asked, listing.PARAMETERS)
    found, page = listing.searched(asked)
    return sent(asked, "collections", lambda: _listed(asked, found, page))


def _listed(asked: Asked, found: Sequence[Dataset], page: listing.Page) -> bytes:
    """The list, joined from documents that are kept."""
    url = f"{asked.view.url}/collections"
    links = [
        _link(listing.address(url, asked, page.offset), "self", JSON, TITLES["self"], asked.language),
        _link(
            listing.address(url, asked, page.offset, f="html"), "alternate", HTML, TITLES["alternate"], asked.language
        ),
    ]
    if page.next is not None:
        links.append(_link(listing.address(url, asked, page.next), "next", JSON, TITLES["next"], asked.language))
    if page.previous is not None:
        links.append(_link(listing.address(url, asked, page.previous), "prev", JSON, TITLES["prev"], asked.language))
    shown = found[page.offset : page.offset + page.limit]
    head = {"links": links, "crs": [CRS84], "numberMatched": len(found), "numberReturned": len(shown)}
    documents = b",".join(collection_bytes(asked, d) for d in shown)
    return orjson.dumps(head)[:-1] + b',"collections":[' + documents + b"]}"


def collection(asked: Asked, collection: str) -> Response:
    """One collection."""
    declared(asked, ())
    dataset = asked.view.dataset(collection)
    return sent(asked, "collection", lambda: collection_bytes(asked, dataset))


def collection_bytes(asked: Asked, dataset: Dataset) -> bytes:
    """The document of one collection, made once a view and language."""
    view, language = asked.view, asked.language
    root = None if view.only else view.root
    make = lambda: orjson.dumps(ogc.collection(dataset, view.url, language, root))  # noqa: E731
    return asked.views.kept(("collection", view.path, dataset.id, language), make)[0]


def schema(asked: Asked, collection: str) -> Response:
    """The JSON schema of a collection's items or cells: its returnables."""
    return _schema(asked, collection, "schema", schemas.schema)


def queryables(asked: Asked, collection: str) -> Response:
    """What items or cells can be asked by."""
    return _schema(asked, collection, "queryables", schemas.queryables)


def sortables(asked: Asked, collection: str) -> Response:
    """What items can be sorted by."""
    return _schema(asked, collection, "sortables", schemas.sortables)


def _schema(asked: Asked, collection: str, kind: str, make: Callable[[Dataset, str, str], Document]) -> Response:
    """A JSON schema; its `$id` is its own address, where it is answered as `application/schema+json`."""
    declared(asked, ())
    dataset = asked.view.dataset(collection)
    if kind not in (offered := ogc.described_by(dataset)):
        raise NotFound(kind, f"{collection} has none", f"it has {', '.join(offered)}")
    address = f"{asked.view.url}/collections/{dataset.id}/{kind}"
    return sent(asked, kind, lambda: make(dataset, address, asked.language), (SCHEMA, JSON), _above(asked, dataset))


def api(asked: Asked) -> Response:
    """The OpenAPI document of a view, and the page that shows it."""
    declared(asked, ("ui",))
    views = asked.views
    make = lambda: openapi.document(asked.view, shell.processes(views), asked.language, views.first)  # noqa: E731
    return sent(asked, "openapi", make, (OPENAPI, JSON))


def processes(asked: Asked) -> Response:
    """The processes."""
    declared(asked, ("limit",))
    limit = listing.limited(asked.one("limit"))
    return sent(asked, "processes", lambda: shell.process_list(asked.views, asked.view, asked.language, limit))


def process(asked: Asked, process: str) -> Response:
    """The description of one process."""
    declared(asked, ())
    return sent(asked, "process", lambda: shell.process(asked.views, asked.view, process, asked.language))


def jobs(asked: Asked) -> Response:
    """The jobs: none, as processes run while the client waits."""
    declared(asked, ("limit", "offset"))
    listing.limited(asked.one("limit"))
    listing.started(asked.one("offset"))
    url = f"{asked.view.url}/jobs"
    links = [
        _link(url, "self", JSON, TITLES["self"], asked.language),
        _link(f"{url}?f=html", "alternate", HTML, TITLES["alternate"], asked.language),
    ]
    return sent(asked, "jobs", lambda: {"jobs": [], "links": links})


# --- sending -------------------------------------------------------------------------------------------------------


def sent(
    asked: Asked,
    kind: str,
    make: Callable[[], Document | bytes],
    media: tuple[str, ...] = (JSON,),
    collection: Document | None = None,
    **more: Any,
) -> Response:
    """A document in JSON, or as the page over the same JSON; kept, with its entity tag, for this catalogue."""
    media_type = chosen(asked, (*media, HTML))
    key = (kind, asked.view.path, asked.path, asked.request.query_string, asked.language)
    body, etag = asked.views.kept(key, lambda: _bytes(make()))
    if media_type == HTML:
        body, etag = asked.views.kept((*key, HTML), lambda: _page(asked, kind, body, collection, more).encode())
    if unchanged(asked, etag):
        return not_modified(etag)
    return Response(body, headers=headers(media_type, etag, asked.language))


def headers(media_type: str, etag: str, language: str) -> list[tuple[str, str]]:
    """The headers of a document."""
    found = [("Content-Type", media_type), ("ETag", etag), ("Vary", VARY), ("Content-Language", language)]
    if media_type == HTML:
        found[0] = ("Content-Type", f"{HTML}; charset=utf-8")
        found.append(("Content-Security-Policy", pages.CONTENT_SECURITY_POLICY))
    return found


def _bytes(document: Document | bytes) -> bytes:
    return document if isinstance(document, bytes) else orjson.dumps(document)


def _page(asked: Asked, kind: str, body: bytes, collection: Document | None, more: Document) -> str:
    return pages.render(
        kind,
        body,
        language=asked.language,
        base=asked.view.root,
        path=asked.path,
        view=asked.view.path,
        parameters=asked.pairs,
        collection=collection,
        **more,
    )


def _above(asked: Asked, dataset: Dataset) -> Document | None:
    """The collection's document, for the pages below it."""
    return above(asked, dataset) if chosen(asked, (JSON, SCHEMA, HTML)) == HTML else None


def above(asked: Asked, dataset: Dataset) -> Document:
    """The collection's document, parsed."""
    found: Document = orjson.loads(collection_bytes(asked, dataset))
    return found


def _link(href: str, rel: str, media_type: str, title: Text, language: str) -> Document:
    return ogc.link(href, rel, media_type, title.in_(language))
