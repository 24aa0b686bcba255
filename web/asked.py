"""One request, as the handlers see it: the view it came to, its parameters, its language and what it accepts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

import orjson
from flask import Request, Response

from poles.errors import Invalid, NotAcceptable
from web.views import View, Views

JSON = "application/json"
HTML = "text/html"
SCHEMA = "application/schema+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
VARY = "Accept, Accept-Language, Accept-Encoding"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to a view. `parameters` are those of the query or form, without `f` and `lang`."""

    request: Request
    views: Views
    view: View
    parameters: Mapping[str, str | list[str]]
    f: str | None
    language: str

    @property
    def accept(self) -> str | None:
        """The Accept header."""
        header: str | None = self.request.environ.get("HTTP_ACCEPT")
        return header

    @property
    def path(self) -> str:
        """The path below the view: `/collections/x`."""
        return self.request.path.removeprefix(self.view.path) or "/"

    @property
    def url(self) -> str:
        """The public address of the request, with its query."""
        query = self.request.query_string.decode("latin-1")
        return f"{self.view.url}{quote(self.path)}" + (f"?{query}" if query else "")

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """All parameters of the query, in their order, as links repeat them."""
        return tuple(self.request.args.items(multi=True))

    def one(self, name: str) -> str | None:
        """A parameter that has one value."""
        value = self.parameters.get(name)
        if isinstance(value, list):
            raise Invalid(name, f"given {len(value)} times", "give it once")
        return value


def asked(request: Request, views: Views, view: View) -> Asked:
    """The request, read once. A form or a JSON object in the body of a POST counts as parameters."""
    values = dict(request.args.lists())
    if request.method == "POST" and not request.path.endswith("/execution"):
        values |= _posted(request)
    f = values.pop("f", None)
    lang = values.pop("lang", None)
    parameters = {k: v[0] if len(v) == 1 else v for k, v in values.items()}
    language = spoken(lang[0] if lang else None, request.environ.get("HTTP_ACCEPT_LANGUAGE"))
    return Asked(request, views, view, parameters, (f[0].strip() or None) if f else None, language)


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
            raise Invalid(name[:64], "the parameter is not known here", f"give of {known}")


# --- what the client accepts ---------------------------------------------------------------------------------------


@lru_cache(512)
def _ranges(header: str) -> tuple[tuple[str, float], ...]:
    """The ranges of an Accept or Accept-Language header, lower case, with their weights."""
    return tuple(_range(part) for part in header.split(",") if part.strip())


def _range(part: str) -> tuple[str, float]:
    name, *details = (piece.strip().lower() for piece in part.split(";"))
    weight = next((d[2:] for d in details if d.startswith("q=")), "1")
    try:
        return name, min(max(float(weight), 0.0), 1.0)
    except ValueError:
        return name, 0.0


@lru_cache(512)
def preferred(accept: str | None, offered: tuple[str, ...]) -> str | None:
    """The media type of those offered that a client likes best, by weight, then by our order; None: none."""
    if not accept or not accept.strip():
        return offered[0]
    ranges = dict(reversed(_ranges(accept)))
    if not any(ranges.values()):  # only says what it does not want
        ranges.setdefault("*/*", 1.0)
    weights = [_weight(media_type, ranges) for media_type in offered]
    best = max(weights)
    return offered[weights.index(best)] if best > 0 else None


def _weight(media_type: str, ranges: Mapping[str, float]) -> float:
    """The weight of the most specific range that holds a media type."""
    bare = media_type.split(";")[0].strip()
    for name in (bare, f"{bare.split('/')[0]}/*", "*/*"):
        if name in ranges:
            return ranges[name]
    return 0.0


def chosen(asked: Asked, offered: tuple[str, ...]) -> str:
    """The media type to answer in: `f` first, else Accept. `json` is the first that is offered."""
    if asked.f is not None:
        return _named(asked.f, offered)
    found = preferred(asked.accept, offered)
    if found is None:
        raise NotAcceptable("Accept", f"{asked.accept} is not offered", f"accept one of {', '.join(offered)}")
    return found


def _named(f: str, offered: tuple[str, ...]) -> str:
    name = f.lower().replace(" ", "+")
    if name == "json":
        return offered[0]
    for media_type in offered:
        if name in (media_type, media_type.split(";")[0], media_type.split("/")[1]):
            return media_type
    raise Invalid("f", f"{f} is not offered here", "give json or html")


def wants_html(f: str | None, accept: str | None, others: tuple[str, ...] = (JSON,)) -> bool:
    """Whether a page is wanted rather than one of the other media types."""
    if f is not None:
        return f.lower() in ("html", HTML)
    return accept is not None and HTML in accept and preferred(accept, (*others, HTML)) == HTML


@lru_cache(512)
def spoken(lang: str | None, accept_language: str | None) -> str:
    """`fr` or `en`: the parameter `lang` first, else the weightiest language of the header that we speak."""
    for name in (lang,) if lang else _by_weight(accept_language or ""):
        if (short := name.lower()[:2]) in ("fr", "en"):
            return short
    return "en"


def _by_weight(header: str) -> list[str]:
    return [name for name, weight in sorted(_ranges(header), key=lambda r: -r[1]) if weight > 0]


# --- what an answer says of itself ---------------------------------------------------------------------------------


def unchanged(asked: Asked, tag: str) -> bool:
    """Whether the client holds this version (If-None-Match, compared weakly)."""
    held: str | None = asked.request.environ.get("HTTP_IF_NONE_MATCH")
    if not held:
        return False
    return held.strip() == "*" or tag.removeprefix("W/") in (t.strip().removeprefix("W/") for t in held.split(","))


def not_modified(tag: str) -> Response:
    """304: the client's copy is good."""
    return Response(status=304, headers=[("ETag", tag), ("Vary", VARY)])
