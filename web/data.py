"""Data answers: EDR, coverages and items. A provider is asked, an encoding writes; nothing of data is known here."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any
from urllib.parse import quote, urlencode

from flask import Response

from poles.coverage import Coverages, Table
from poles.dataset import Dataset
from poles.encodings import Context, Format, Kind, choose, misfit
from poles.errors import Invalid, NotAcceptable, NotFound
from poles.metadata import ogc
from web import documents, pages
from web.asked import HTML, JSON, VARY, Asked, not_modified, unchanged, wants_html
from web.views import tag

GEOJSON = "application/geo+json"
COVERAGES = (*ogc.MEDIA_TYPES.values(), JSON)
GATHERED = 256 * 1024
"""An answer up to this size is sent whole, with its length; a longer one is streamed."""
TEXTS = ("CoverageJSON", "GeoJSON", "CSV")
Answer = Coverages | Table


def edr(asked: Asked, collection: str, query: str) -> Response:
    """`position`, `area` and `cube`."""
    return _edr(asked, collection, query, query)


def locations(asked: Asked, collection: str) -> Response:
    """The list of the locations of a collection."""
    return _edr(asked, collection, "locations", "locations")


def location(asked: Asked, collection: str, location: str) -> Response:
    """The data of one location."""
    return _edr(asked, collection, "locations", "location", locationId=location)


def _edr(asked: Asked, collection: str, query: str, verb: str, **path: str) -> Response:
    dataset = asked.view.dataset(collection)
    served = ogc.queries(dataset)
    if query not in served:
        raise NotFound(query, f"{collection} does not answer it", f"it answers {', '.join(served) or 'no EDR query'}")
    return _answered(asked, dataset, "edr", verb, path)


def coverage(asked: Asked, collection: str) -> Response:
    """The coverage of a collection, or a subset of it."""
    return _answered(asked, asked.view.dataset(collection), "coverage", "coverage", {})


def items(asked: Asked, collection: str) -> Response:
    """A page of items."""
    return _answered(asked, asked.view.dataset(collection), "feature", "items", {})


def item(asked: Asked, collection: str, item: str) -> Response:
    """One item."""
    return _answered(asked, asked.view.dataset(collection), "feature", "item", {"itemId": item})


# --- one request, from top to bottom -------------------------------------------------------------------------------


def _answered(asked: Asked, dataset: Dataset, api: str, verb: str, path: dict[str, str]) -> Response:
    """The door is asked, and its answer is written in the format that is wanted."""
    door = asked.views.door(dataset, api)
    kind: Kind = "table" if verb in ("items", "item", "locations") else "coverages"
    html = wants_html(asked.f, asked.accept, (GEOJSON, JSON) if kind == "table" else COVERAGES)
    default = "GeoJSON" if kind == "table" else "CoverageJSON"
    written_as = choose(None if html else asked.f, None if html else asked.accept, kind, default)
    etag = tag(
        asked.views.catalogue.version,
        door.version,
        asked.request.path,
        repr(sorted(asked.parameters.items())),
        HTML if html else written_as.name,
        asked.language,
    )
    if unchanged(asked, etag):
        return not_modified(etag)
    found: Answer = door.ask(verb, {**asked.parameters, **path}, text=html or written_as.name in TEXTS)
    if isinstance(found, Coverages) and found.empty and not html:
        return nothing(_headers(dataset, asked, etag))
    _carried(found, written_as, asked)
    body = written_as.write(found, _context(asked, dataset, verb, found))
    if html:
        return _page(asked, dataset, verb, found, body, etag)
    return _sent(body, found, written_as, _headers(dataset, asked, etag), dataset)


def _carried(found: Answer, written_as: Format, asked: Asked) -> None:
    """Refuses a format that cannot carry the answer, naming those that can."""
    if (fault := misfit(written_as, found)) is not None:
        raise Invalid("f", *fault) if asked.f is not None else NotAcceptable("Accept", *fault)


def _sent(
    body: Iterable[bytes], found: Answer, written_as: Format, headers: list[tuple[str, str]], dataset: Dataset
) -> Response:
    """The answer on its way: whole if it is small, else streamed; what fails before its first bytes is refused."""
    headers.append(("Content-Type", written_as.media_type))
    if isinstance(found, Table):
        headers.append(("Content-Crs", f"<{found.crs}>"))
    if written_as.name not in ("CoverageJSON", "GeoJSON"):
        name = f"{dataset.id}.{written_as.extension.lstrip('.')}"
        headers.append(("Content-Disposition", f'attachment; filename="{name}"'))
    return Response(gathered(body), headers=headers, direct_passthrough=True)


def gathered(body: Iterable[bytes]) -> bytes | Iterator[bytes]:
    """A small body as one piece, or the stream with its beginning read."""
    stream = iter(body)
    head, size = [], 0
    for piece in stream:
        head.append(piece)
        size += len(piece)
        if size > GATHERED:
            return chain(head, stream)
    return head[0] if len(head) == 1 else b"".join(head)


def nothing(headers: list[tuple[str, str]] | None = None) -> Response:
    """204: the question is right, and there is nothing; a body that is not there has no type."""
    response = Response(status=204, headers=headers)
    del response.headers["Content-Type"]
    return response


def _headers(dataset: Dataset, asked: Asked, etag: str) -> list[tuple[str, str]]:
    """Entity tag, and the links to licence, identifier and description that every data answer carries."""
    key = ("terms", asked.view.path, dataset.id)
    return [("ETag", etag), ("Vary", VARY), ("Link", asked.views.remembered(key, lambda: _terms(dataset, asked)))]


def _terms(dataset: Dataset, asked: Asked) -> str:
    described = f"{asked.view.url}/collections/{dataset.id}"
    links = [{"href": described, "rel": "describedby", "type": JSON}, *ogc.terms(dataset)]
    return ", ".join(f'<{link["href"]}>; rel="{link["rel"]}"; type="{link["type"]}"' for link in links)


# --- what the formats say beside the data --------------------------------------------------------------------------


def _context(asked: Asked, dataset: Dataset, verb: str, found: Answer) -> Context:
    """Language, title and links, for the formats that write them."""
    return Context(
        language=asked.language,
        links=_links(asked, dataset, verb, found) if isinstance(found, Table) else (),
        url=asked.url,
    )


def _links(asked: Asked, dataset: Dataset, verb: str, found: Table) -> tuple[dict[str, str], ...]:
    """The links inside a GeoJSON document: itself, its page, its neighbours, its collection."""
    url = asked.view.url + quote(asked.path)
    titles, language = documents.TITLES, asked.language
    links = [
        ogc.link(_address(url, asked.pairs), "self", GEOJSON, titles["self"].in_(language)),
        ogc.link(_address(url, asked.pairs, f="html"), "alternate", HTML, titles["alternate"].in_(language)),
        ogc.link(_address(url, asked.pairs, f="CSV"), "alternate", "text/csv", "CSV"),
        ogc.link(f"{asked.view.url}/collections/{dataset.id}", "collection", JSON, dataset.title.in_(language)),
    ]
    if verb in ("items", "locations") and found.limit is not None:
        following = found.offset + found.limit
        if found.matched is not None and following < found.matched:
            href = _address(url, asked.pairs, offset=str(following), limit=str(found.limit))
            links.append(ogc.link(href, "next", GEOJSON, titles["next"].in_(language)))
        if found.offset > 0:
            before = str(max(found.offset - found.limit, 0))
            href = _address(url, asked.pairs, offset=before, limit=str(found.limit))
            links.append(ogc.link(href, "prev", GEOJSON, titles["prev"].in_(language)))
    return tuple(links)


def _address(url: str, pairs: Iterable[tuple[str, str]], **changes: str) -> str:
    kept = [*((k, v) for k, v in pairs if k not in changes), *changes.items()]
    return f"{url}?{urlencode(kept, safe=',:/')}" if kept else url


# --- pages ---------------------------------------------------------------------------------------------------------


def _page(asked: Asked, dataset: Dataset, verb: str, found: Answer, body: Iterable[bytes], etag: str) -> Response:
    """The page over the same document that the JSON answer sends."""
    kind = verb if isinstance(found, Table) or verb == "coverage" else "edr"
    html = pages.render(
        kind,
        b"".join(body) if isinstance(found, Table) else _small(found, body),
        language=asked.language,
        base=asked.view.root,
        path=asked.path,
        view=asked.view.path,
        parameters=asked.pairs,
        alternates=_encodings(asked, dataset, found),
        collection=documents.above(asked, dataset),
        **({"values": found.size} if isinstance(found, Coverages) else {}),
    )
    headers = [*documents.headers(HTML, etag, asked.language), _headers(dataset, asked, etag)[2]]
    return Response(html, headers=headers)


def _small(found: Coverages, body: Iterable[bytes]) -> bytes | None:
    """A document that is small enough to stand in its page; None: the page reads it from its own address."""
    held, size = [], 0
    for piece in () if found.empty else body:
        held.append(piece)
        size += len(piece)
        if size > pages.EMBEDDED_BYTES:
            return None
    return b"".join(held) or None


def _encodings(asked: Asked, dataset: Dataset, found: Answer) -> tuple[dict[str, Any], ...]:
    """Links to the same answer in its other formats."""
    url = asked.view.url + quote(asked.path)
    names: tuple[str, ...] = ogc.ROWS if isinstance(found, Table) else ogc.SAMPLES
    if asked.path.endswith("/coverage"):
        names = ogc.coverage_formats(dataset)
    return tuple(ogc.link(_address(url, asked.pairs, f=n), "alternate", ogc.MEDIA_TYPES[n], n) for n in names)
