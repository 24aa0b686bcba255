"""Data answers: EDR, coverages and items. A provider is asked, an encoding writes; nothing of data is known here."""

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import starmap
from typing import Any
from urllib.parse import quote, urlencode

from flask import Response

from poles import __version__
from poles.coverage import Coverages, Table
from poles.dataset import Dataset
from poles.encodings import FORMATS, Context, Format, Kind, choose, misfit
from poles.encodings.spool import Spooled
from poles.errors import Invalid, NotAcceptable, NotFound
from poles.metadata import ogc
from web import documents, pages, ranges
from web.asked import HTML, JSON, VARY, Asked, not_modified, unchanged, wants_html
from web.manners.disposition import kept_as
from web.manners.freshness import tag
from web.manners.negotiation import Offer, best

GEOJSON = "application/geo+json"
GATHERED = 256 * 1024
"""An answer up to this size is sent whole, with its length; a longer one is streamed."""
TEXTS = ("CoverageJSON", "GeoJSON", "GeoJSONSeq", "CSV")
"""Formats that are written as they are sent; the others are made whole before their first byte."""
SHOWN = ("CoverageJSON", "GeoJSON", "GeoJSONSeq")
"""Formats that are looked at where they arrive; the others are files to keep."""
WORDLESS = ("GeoJSONSeq", "CSV", "GeoParquet")
"""Formats that hold rows alone, and no text of ours in any language."""
COUNTED = {"values": 65_536, "rows": 100}
"""An answer up to this size is made for HEAD too, in a format that is made whole, to tell its length."""
LINKED = 4096
"""Longest address in a header: proxies refuse heads of 8 kB."""
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


def _answered(
    asked: Asked, dataset: Dataset, api: str, verb: str, path: dict[str, str], unfit: tuple[str, ...] = ()
) -> Response:
    """The door is asked, and its answer is written in the format that is wanted and not `unfit` for it."""
    door = asked.views.door(dataset, api)
    kind: Kind = "table" if verb in ("items", "item", "locations") else "coverages"
    written_as, html = _format(asked, kind, unfit)
    etag = _tag(asked, door.version, HTML if html else written_as.name)
    anything = (asked.held or "").strip() == "*"  # whatever is there: but it must be there
    if not anything and unchanged(asked, etag):
        return not_modified(etag)
    if (kept := ranges.again(asked.request, etag)) is not None:
        return kept
    found: Answer = door.ask(verb, {**asked.parameters, **path}, text=html or written_as.name in TEXTS)
    if anything and unchanged(asked, etag):
        return not_modified(etag)
    if isinstance(found, Coverages) and found.empty and not html:
        return nothing(_headers(dataset, asked, etag))
    if (fault := misfit(written_as, found)) is not None:
        if asked.f is not None:
            raise Invalid("f", *fault)
        return _answered(asked, dataset, api, verb, path, (*unfit, written_as.name))
    headers = _headers(dataset, asked, etag, found)
    if html:
        body = written_as.write(found, _context(asked, dataset, verb, found))
        return _page(asked, dataset, verb, found, body, headers)
    return _sent(asked, dataset, verb, found, written_as, headers)


def _format(asked: Asked, kind: Kind, unfit: tuple[str, ...]) -> tuple[Format, bool]:
    """The format that is wanted, `f` before Accept; and whether it is for a page, over the JSON of the API."""
    usual = _formats(kind)[0]
    if asked.f is not None:
        html = wants_html(asked.f, None)
        return usual if html else choose(asked.f, None, kind, usual.name), html
    offered = [f for f in _formats(kind) if f.name not in unfit]
    found = best(asked.accept, (*(_offer(f, f is usual) for f in offered), (HTML,)))
    if found is None:
        others = ", ".join(f.name for f in offered)
        raise NotAcceptable("Accept", f"{(asked.accept or '')[:60]!r} fits no format of it", f"accept {others}")
    return (usual, True) if found == len(offered) else (offered[found], False)


@cache
def _formats(kind: Kind) -> tuple[Format, ...]:
    """The formats of a kind of answer, the JSON of its API first."""
    usual = "GeoJSON" if kind == "table" else "CoverageJSON"
    return tuple(sorted((f for f in FORMATS if kind in f.kinds), key=lambda f: f.name != usual))


@cache
def _offer(written_as: Format, usual: bool) -> Offer:
    aliases = (a for a in written_as.aliases if "/" in a)
    return (written_as.media_type, *aliases, *((JSON,) if usual else ()))


def _tag(asked: Asked, version: str, written_as: str) -> str:
    """The entity tag of an answer: our version, that of the catalogue and of the data, and the question."""
    return tag(
        __version__,
        asked.views.catalogue.version,
        version,
        asked.view.url,
        asked.path,
        asked.question,
        written_as,
        "" if written_as in WORDLESS else asked.language,
    )


def _sent(
    asked: Asked, dataset: Dataset, verb: str, found: Answer, written_as: Format, headers: list[tuple[str, str]]
) -> Response:
    """The answer on its way: whole if it is small, else streamed; what fails before its first bytes is refused."""
    headers.append(("Content-Type", written_as.media_type))
    if written_as.name not in WORDLESS:
        headers.append(("Content-Language", asked.language))
    if written_as.name not in SHOWN:
        name = f"{dataset.id}.{written_as.extension.lstrip('.')}"
        headers.append(("Content-Disposition", kept_as(name)))
    if asked.request.method == "HEAD" and written_as.name not in TEXTS and not _is_small(found):
        return Response(iter(()), headers=[*headers, ("Accept-Ranges", "bytes")])
    body = written_as.write(found, _context(asked, dataset, verb, found))
    if isinstance(body, Spooled):
        return ranges.made(asked.request, body.file, headers, dict(headers)["ETag"])
    return Response(gathered(body), headers=headers)


def _is_small(found: Answer) -> bool:
    """Whether an answer is made faster than it is worth asking."""
    if isinstance(found, Coverages):
        return found.size <= COUNTED["values"]
    return min(n for n in (found.limit, found.matched, COUNTED["rows"] + 1) if n is not None) <= COUNTED["rows"]


def gathered(body: Iterable[bytes]) -> "bytes | Stream":
    """A small body as one piece, or the stream with its beginning read."""
    stream = iter(body)
    head, size = [], 0
    for piece in stream:
        head.append(piece)
        size += len(piece)
        if size > GATHERED:
            return Stream(head, stream)
    return head[0] if len(head) == 1 else b"".join(head)


class Stream(Iterator[bytes]):
    """A body on its way, its beginning read. Closing it closes what makes it: a client may leave in the middle."""

    def __init__(self, head: list[bytes], rest: Iterator[bytes]) -> None:
        self._head, self._rest = head[::-1], rest

    def __next__(self) -> bytes:
        return self._head.pop() if self._head else next(self._rest)

    def close(self) -> None:
        """Ends what makes the body, wherever it is."""
        self._head.clear()
        getattr(self._rest, "close", lambda: None)()


def nothing(headers: list[tuple[str, str]] | None = None) -> Response:
    """204: the question is right, and there is nothing; a body that is not there has no type."""
    response = Response(status=204, headers=headers)
    del response.headers["Content-Type"]
    return response


def _headers(dataset: Dataset, asked: Asked, etag: str, found: Answer | None = None) -> list[tuple[str, str]]:
    """Entity tag, CRS of the coordinates, and the links that every data answer carries."""
    key = ("terms", asked.view.path, dataset.id)
    links = asked.views.remembered(key, lambda: _terms(dataset, asked))
    headers = [("ETag", etag), ("Vary", VARY)]
    if isinstance(found, Table):
        headers.append(("Content-Crs", f"<{found.crs}>"))
        links = ", ".join((links, *_neighbours(asked, found)))
    return [*headers, ("Link", links)]


def _terms(dataset: Dataset, asked: Asked) -> str:
    """Links to licence, identifier and description."""
    described = f"{asked.view.url}/collections/{dataset.id}"
    links = [{"href": described, "rel": "describedby", "type": JSON}, *ogc.terms(dataset)]
    return ", ".join(f'<{link["href"]}>; rel="{link["rel"]}"; type="{link["type"]}"' for link in links)


def _neighbours(asked: Asked, found: Table) -> Iterator[str]:
    """Links to the next and the previous page, for formats that have no place for them."""
    for rel, href in (("next", _next(asked, found)), ("prev", _previous(asked, found))):
        if href is not None and len(href) <= LINKED and (rel == "prev" or found.matched is not None):
            yield f'<{href}>; rel="{rel}"'


# --- what the formats say beside the data --------------------------------------------------------------------------


def _context(asked: Asked, dataset: Dataset, verb: str, found: Answer) -> Context:
    """Language, title and links, for the formats that write them."""
    if isinstance(found, Coverages):
        return Context(language=asked.language, url=asked.url)
    following = None
    if found.matched is None and (href := _next(asked, found)) is not None:
        following = _neighbour("next", href, asked)
    return Context(language=asked.language, links=_links(asked, dataset, found), next=following, url=asked.url)


def _links(asked: Asked, dataset: Dataset, found: Table) -> tuple[dict[str, str], ...]:
    """The links inside a GeoJSON document: itself, its other formats, its neighbours, its collection."""
    url, pairs = asked.view.url + quote(asked.path), asked.pairs
    titles, language = documents.TITLES, asked.language
    links = [
        ogc.link(_address(url, pairs), "self", GEOJSON, titles["self"].in_(language)),
        ogc.link(_address(url, pairs, f="html"), "alternate", HTML, titles["alternate"].in_(language)),
    ]
    links += [
        ogc.link(_address(url, pairs, f=other.name), "alternate", other.media_type, other.name)
        for other in _formats("table")[1:]
        if misfit(other, found) is None
    ]
    collection = f"{asked.view.url}/collections/{dataset.id}"
    links.append(ogc.link(collection, "collection", JSON, dataset.title.in_(language)))
    if found.matched is not None and (href := _next(asked, found)) is not None:
        links.append(_neighbour("next", href, asked))
    if (href := _previous(asked, found)) is not None:
        links.append(_neighbour("prev", href, asked))
    return tuple(links)


def _neighbour(rel: str, href: str, asked: Asked) -> dict[str, str]:
    return ogc.link(href, rel, GEOJSON, documents.TITLES[rel].in_(asked.language))


def _next(asked: Asked, found: Table) -> str | None:
    """The address of the page that follows; None on the last. Where rows are not counted, it may be empty."""
    if found.single or found.limit is None:
        return None
    following = found.offset + found.limit
    return _at(asked, found, following) if found.matched is None or following < found.matched else None


def _previous(asked: Asked, found: Table) -> str | None:
    if found.single or found.limit is None or found.offset == 0:
        return None
    return _at(asked, found, max(found.offset - found.limit, 0))


def _at(asked: Asked, found: Table, offset: int) -> str:
    """This question at another offset. The limit is that of the client: ArcGIS finds the paging parameter by it."""
    limit = asked.one("limit") or str(found.limit)
    return _address(asked.view.url + quote(asked.path), asked.pairs, offset=str(offset), limit=limit)


def _address(url: str, pairs: Iterable[tuple[str, str]], **changes: str) -> str:
    kept = [*((k, v) for k, v in pairs if k not in changes), *changes.items()]
    return f"{url}?{'&'.join(starmap(_parameter, kept))}" if kept else url


@lru_cache(256)
def _parameter(key: str, value: str) -> str:
    return urlencode(((key, value),), safe=",:/")


# --- pages ---------------------------------------------------------------------------------------------------------


def _page(
    asked: Asked, dataset: Dataset, verb: str, found: Answer, body: Iterable[bytes], headers: list[tuple[str, str]]
) -> Response:
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
    own = dict(headers)
    return Response(html, headers=[*documents.headers(HTML, own.pop("ETag"), asked.language), *_beside(own)])


def _beside(headers: dict[str, str]) -> list[tuple[str, str]]:
    """The headers of a data answer that its page has too."""
    return [(name, value) for name, value in headers.items() if name in ("Link", "Content-Crs")]


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
