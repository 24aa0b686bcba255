"""Pages: HTML of every resource, over the same document that its JSON answer sends."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import jinja2
from markupsafe import Markup
from pygeoapi import util

from poles.dataset import POLES
from web.pages import forms, shown, wording

HERE = Path(__file__).parent.parent
STATIC = HERE / "static"
"""The folder that the route `/static` serves."""

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
"""What the pages live with: nothing from outside, no inline script."""

LANGUAGES = ("en", "fr")
EMBEDDED_BYTES = 1_000_000
"""A larger data answer is left out of its page, which then reads it from its JSON address."""

TEMPLATES = {
    "landing": "landing.html",
    "conformance": "conformance.html",
    "collections": "collections.html",
    "collection": "collection.html",
    "queryables": "properties.html",
    "schema": "properties.html",
    "sortables": "properties.html",
    "items": "features.html",
    "item": "item.html",
    "locations": "features.html",
    "instances": "document.html",
    "edr": "data.html",
    "coverage": "data.html",
    "processes": "processes.html",
    "process": "process.html",
    "jobs": "jobs.html",
    "job": "job.html",
    "openapi": "openapi.html",
    "error": "error.html",
    "document": "document.html",
}
"""A template a kind of page; a kind that ends with `.html` is itself the name of a template, ours or pygeoapi's."""

Pairs = Sequence[tuple[str, str]]
Document = Mapping[str, Any]


def render(
    kind: str,
    document: Document | bytes | None,
    *,
    language: str,
    base: str,
    path: str,
    view: str = "",
    parameters: Pairs | Mapping[str, str] = (),
    alternates: Sequence[Document] = (),
    collection: Document | None = None,
    **more: Any,
) -> str:
    """The page of one resource, in `en` or `fr`.

    `document` is the JSON answer, parsed or as bytes; for the data answers (`edr`, `coverage`) it may be None, and is
    left out when it is large: the page then reads it from its own address with `f=json`. `base` is the public root
    (`https://host/prefix`, of which only the path is used, or `/prefix`, or empty), `view` the view below it
    (`/poles/odatis`), `path` the resource below that (`/collections/x/items`), `parameters` the query of this request.
    `alternates` are links to the other encodings, where the document does not hold them itself. `collection` is the
    collection's document on all pages below it, for its title and colour. More names go to the template as they are:
    `counts` (collections a pole, for `landing`), `jsonld` (embedded as it is), `values` (size of a data answer).
    """
    pairs = tuple(parameters.items()) if isinstance(parameters, Mapping) else tuple(parameters)
    place = Place("fr" if language == "fr" else "en", urlsplit(base).path.rstrip("/"), view.rstrip("/"), path, pairs)
    data = document if TEMPLATES.get(kind) == "data.html" else _parsed(document)
    template = environment().get_template(TEMPLATES.get(kind, kind))
    return template.render(
        kind=kind,
        data=data,
        embedded=embedded(data) if TEMPLATES.get(kind) == "data.html" else None,
        place=place,
        collection=collection if kind != "collection" else data,
        pole=_pole(place, collection, data),
        crumbs=tuple(crumbs(place, collection, data)),
        alternates=tuple(alternates) or _alternates(data) or _assumed(place),
        _=texts(place.language),
        n_=plurals(place.language),
        say=shown.Shown(place.language, texts(place.language)),
        script_texts=script_texts(place.language),
        gettext=texts(place.language),
        ngettext=lambda one, many, n: texts(place.language)(one if n == 1 else many),
        **more,
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page stands; every link of its own starts here."""

    language: str
    base: str
    view: str
    path: str
    parameters: Pairs

    def static(self, name: str) -> str:
        """Address of a file that we ship."""
        return f"{self.base}/static/{name}"

    def root(self, path: str = "/") -> str:
        """Address below the public root, in the language that was asked for by name."""
        return self._spoken(self.base + path)

    def to(self, path: str) -> str:
        """Address below the view."""
        return self._spoken(self.base + self.view + path)

    def again(self, **changes: str | None) -> str:
        """This address with other parameters; None takes one away."""
        kept = [(k, v) for k, v in self.parameters if k not in changes]
        query = urlencode([*kept, *((k, v) for k, v in changes.items() if v is not None)], safe=",/:")
        return f"{self.base}{self.view}{quote(self.path)}" + (f"?{query}" if query else "")

    def parameter(self, name: str) -> str:
        """A parameter of this request, else empty."""
        return next((v for k, v in self.parameters if k == name), "")

    def follow(self, address: str) -> str:
        """A link of the document (a next page, say) as a page: the same without its format."""
        parts = urlsplit(address)
        query = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k not in ("f", "lang")]
        return self._spoken(parts.path + (f"?{urlencode(query, safe=',/:')}" if query else ""))

    def _spoken(self, address: str) -> str:
        asked = self.parameter("lang")
        if not asked:
            return address
        return f"{address}{'&' if '?' in address else '?'}{urlencode({'lang': self.language})}"


def crumbs(place: Place, collection: Document | None, data: Any) -> Iterator[tuple[str, str]]:
    """The way from the root to the page: pairs of label and address."""
    say = texts(place.language)
    yield say("Home"), place.root()
    if place.view:
        yield _view_title(place, (collection, data)), place.to("/")
    segments = [s for s in place.path.split("/") if s]
    for depth, segment in enumerate(segments, 1):
        known = wording.STEPS.get(segment) if depth != 2 else None
        label = say(known) if known else _segment_title(segments[:depth], collection, data)
        yield label, place.to("/" + "/".join(segments[:depth]))


def _view_title(place: Place, described: Sequence[Any]) -> str:
    name = unquote(place.view.rsplit("/", 1)[-1])
    titled = (d for d in described if isinstance(d, Mapping) and d.get("title"))
    return wording.NAMES.get(name) or next(
        (str(d["title"]) for d in titled if d.get("id") == name or place.path == "/"), name
    )


def _segment_title(segments: Sequence[str], collection: Document | None, data: Any) -> str:
    name = unquote(segments[-1])
    for titled in (collection, data):
        if len(segments) == 2 and isinstance(titled, Mapping) and titled.get("id") == name and titled.get("title"):
            return str(titled["title"])
    return name


def _pole(place: Place, collection: Document | None, data: Any) -> str | None:
    candidates = [place.view.removeprefix("/poles/")]
    candidates += [str(d.get("pole")) for d in (collection, data) if isinstance(d, Mapping)]
    return next((c for c in candidates if c in POLES), None)


def _parsed(document: Document | bytes | None) -> Any:
    return json.loads(document) if isinstance(document, bytes) else document


def embedded(document: Document | bytes | None) -> Markup | None:
    """A data answer as the content of a script element, if it is small enough."""
    if document is None:
        return None
    raw = document if isinstance(document, bytes) else json.dumps(document, separators=(",", ":")).encode()
    if len(raw) > EMBEDDED_BYTES:
        return None
    for character in (b"<", b">", b"&"):
        raw = raw.replace(character, b"\\u%04x" % character[0])
    return Markup(raw.decode())  # what could end the element is escaped above


def _alternates(data: Any) -> tuple[Document, ...]:
    links = data.get("links") if isinstance(data, Mapping) else None
    return tuple(
        link for link in links or ()
        if link.get("rel") in ("alternate", "self") and link.get("type") not in (None, "text/html")
    )  # fmt: skip


def _assumed(place: Place) -> tuple[Document, ...]:
    return ({"href": place.again(f="json"), "type": "application/json", "title": "JSON", "rel": "alternate"},)


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """The interface texts of one language, by their English."""
    file = HERE / "i18n" / f"{language}.toml"
    known = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {english: re.sub(" (?=[:;?!»])", "\u00a0", said) for english, said in known.items()}


@cache
def texts(language: str) -> Callable[..., str]:
    """`_("Page {n}", n=2)` in that language."""
    known = catalogue(language)

    def say(text: str, /, **values: Any) -> str:
        said = known.get(text, text)
        return said.format(**values) if values else said

    return say


@cache
def plurals(language: str) -> Callable[..., str]:
    """`n_("{n} item", "{n} items", 3)`; in French zero is singular."""
    say, number = texts(language), shown.number

    def count(one: str, many: str, n: int) -> str:
        singular = n < 2 if language == "fr" else n == 1
        return say(one if singular else many, n=number(n, language))

    return count


@cache
def script_texts(language: str) -> Mapping[str, str]:
    """The texts that our scripts say, for one language."""
    known = catalogue(language)
    return {text: known[text] for text in sorted(marked_in_scripts()) if text in known}


def marked_in_scripts() -> frozenset[str]:
    """Every text that our scripts mark, with `T("…")` or `N("…")`."""
    found = (re.findall(r'\b[TN]\("((?:[^"\\]|\\.)+)"', f.read_text(encoding="utf-8")) for f in STATIC.glob("*.js"))
    return frozenset(text for file in found for text in file)


OUTSIDE = re.compile(
    r"""<(script|link)\b[^>]*?(?:src|href)\s*=\s*["']?\s*(?:https?:)?//[^>]*>(?:\s*</script>)?""", re.IGNORECASE
)
FONTS = re.compile(r"@import\s+(?:url\()?[\"']?(?:https?:)?//[^;]*;", re.IGNORECASE)


class Shipped(jinja2.FileSystemLoader):
    """pygeoapi's own templates, with the scripts and styles that they load from elsewhere replaced by what we ship."""

    OURS: ClassVar = {"leaflet.js": "vendor/leaflet/leaflet.js", "leaflet.css": "vendor/leaflet/leaflet.css"}

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, name, fresh = super().get_source(environment, template)
        return FONTS.sub("", OUTSIDE.sub(self._ours, source)), name, fresh

    def _ours(self, tag: re.Match[str]) -> str:
        name = next((n for n in self.OURS if f"/{n}" in tag[0]), None)
        if name is None or "markercluster" in tag[0]:
            return ""
        address = "{{ place.static('" + self.OURS[name] + "') }}"
        if tag[1].lower() == "script":
            return f'<script src="{address}"></script>'
        return f'<link rel="stylesheet" href="{address}">'


THEIRS = (
    "to_json",
    "format_datetime",
    "format_duration",
    "human_size",
    "get_path_basename",
    "get_breadcrumbs",
    "filter_dict_by_key_value",
)
"""The filters that pygeoapi's templates name."""


@cache
def environment() -> jinja2.Environment:
    """The one environment: our templates first, pygeoapi's next; compiled once."""
    made = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.FileSystemLoader(HERE / "templates"), Shipped(util.TEMPLATESDIR)]),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    theirs = {name: getattr(util, name) for name in THEIRS}
    made.filters.update(theirs | shown.FILTERS | forms.FILTERS)
    made.globals.update(theirs)
    made.globals.update({name: table for name, table in vars(wording).items() if name.isupper()}, POLES=POLES)
    return made
