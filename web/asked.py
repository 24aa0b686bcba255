"""One request, as the handlers see it: the view it came to, its parameters, its language and what it accepts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import orjson
from flask import Request

from poles.errors import Invalid, NotAcceptable
from poles.parse.text import named
from web.manners.freshness import VARY, holds, not_modified
from web.manners.negotiation import LANGUAGES, coding, preferred, spoken
from web.views import View, Views

__all__ = [
    "HTML", "JSON", "OPENAPI", "SCHEMA", "VARY", "Asked", "asked", "chosen", "declared", "language_of",
    "not_modified", "unchanged", "wants_html",
]  # fmt: skip

JSON = "application/json"
HTML = "text/html"
SCHEMA = "application/schema+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to a view."""

    request: Request
    views: Views
    view: View
    pairs: tuple[tuple[str, str], ...]
    """All parameters of the query, in their order, as links repeat them."""
    parameters: Mapping[str, str | list[str]]
    """Those of the query or form, without `f` and `lang`."""
    f: str | None
    language: str

    @property
    def accept(self) -> str | None:
        """The Accept header."""
        header: str | None = self.request.environ.get("HTTP_ACCEPT")
        return header

    @property
    def held(self) -> str | None:
        """The If-None-Match header."""
        header: str | None = self.request.environ.get("HTTP_IF_NONE_MATCH")
        return header

    @property
    def question(self) -> str:
        """The parameters in one order: the same question, written otherwise."""
        return repr(sorted((k, sorted(v) if isinstance(v, list) else v) for k, v in self.parameters.items()))

    @property
    def path(self) -> str:
        """The path below the view: `/collections/x`."""
        return self.request.path.removeprefix(self.view.path) or "/"

    @property
    def url(self) -> str:
        """The public address of the request, with its query."""
        query = self.request.query_string.decode("latin-1")
        return f"{self.view.url}{quote(self.path)}" + (f"?{query}" if query else "")

    def one(self, name: str) -> str | None:
        """A parameter that has one value."""
        value = self.parameters.get(name)
        if isinstance(value, list):
            raise Invalid(name, f"given {len(value)} times", "give it once")
        return value


def asked(request: Request, views: Views, view: View) -> Asked:
    """The request, read once. A form or a JSON object in the body of a POST counts as parameters."""
    _taken(request)
    pairs = tuple(request.args.items(multi=True))
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    if request.method == "POST" and not request.path.endswith("/execution"):
        values |= _posted(request)
    f, lang = _once("f", values), _once("lang", values)
    parameters = {k: v[0] if len(v) == 1 else v for k, v in values.items()}
    language = language_of(lang, request.environ.get("HTTP_ACCEPT_LANGUAGE"))
    return Asked(request, views, view, pairs, parameters, f, language)


def _taken(request: Request) -> None:
    """Refuses a client that takes a body neither packed nor plain."""
    header = request.environ.get("HTTP_ACCEPT_ENCODING", "")
    if coding(header) is None:
        raise NotAcceptable("Accept-Encoding", f"{header[:60]!r} fits nothing", "accept gzip or identity")


def _once(name: str, values: dict[str, list[str]]) -> str | None:
    """A parameter of the web itself, taken from the others; the same word twice is one."""
    found = {v.strip() for v in values.pop(name, ())} - {""}
    if len(found) > 1:
        raise Invalid(name, f"given {len(found)} times", "give it once")
    return next(iter(found), None)


def _posted(request: Request) -> dict[str, list[str]]:
    if request.form:
        return dict(request.form.lists())
    body = _parsed(request.data) if request.data else {}
    if not isinstance(body, dict):
        raise Invalid("body", "neither a form nor a JSON object", "post the parameters as one of them")
    return {str(k): [_as_text(v)] for k, v in body.items()}


def _parsed(body: bytes) -> object:
    try:
        return orjson.loads(body)  # refuses what is nested beyond measure
    except orjson.JSONDecodeError:
        return None


def _as_text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def declared(asked: Asked, names: Iterable[str]) -> None:
    """Refuses a parameter that the resource does not declare (OGC API Common, `query-param-unknown`)."""
    for name in asked.parameters:
        if name not in names:
            known = ", ".join(sorted((*names, "f", "lang")))
            raise Invalid(named(name), "the parameter is not known here", f"give of {known}")


# --- what the client accepts ---------------------------------------------------------------------------------------


def chosen(asked: Asked, offered: tuple[str, ...]) -> str:
    """The media type to answer in: `f` first, else Accept. `json` is the first that is offered."""
    if asked.f is not None:
        return _named(asked.f, offered)
    found = preferred(asked.accept, offered)
    if found is None:
        raise NotAcceptable("Accept", f"{(asked.accept or '')[:60]!r} fits nothing", f"accept {', '.join(offered)}")
    return found


def _named(f: str, offered: tuple[str, ...]) -> str:
    name = f.lower().split(";")[0].strip().replace(" ", "+")
    if name == "json":
        return offered[0]
    for media_type in offered:
        bare = media_type.split(";")[0]
        if name in (bare, bare.split("/")[1]):
            return media_type
    raise Invalid("f", f"{f[:60]!r} is not offered here", "give json or html")


def wants_html(f: str | None, accept: str | None, others: tuple[str, ...] = (JSON,)) -> bool:
    """Whether a page is wanted rather than one of the other media types."""
    if f is not None:
        return f.lower().split(";")[0].strip() in ("html", HTML)
    return preferred(accept, (*others, HTML)) == HTML


def language_of(lang: str | None, accept_language: str | None) -> str:
    """`fr` or `en`: the parameter `lang` first, else the language of the header that is liked best."""
    if lang is None or not lang.strip():
        return spoken(accept_language)
    short = lang.strip().lower().replace("_", "-").split("-")[0]
    if short not in LANGUAGES:
        raise Invalid("lang", f"{lang[:60]!r} is not spoken here", "give fr or en")
    return short


# --- what the client holds -----------------------------------------------------------------------------------------


def unchanged(asked: Asked, tag: str) -> bool:
    """Whether the client holds this version. A POST is answered whole."""
    return asked.request.method != "POST" and holds(asked.held, tag)
