"""The application: the route table, and what happens to every request."""

import mimetypes
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

from flask import Flask, Request, Response, request
from flask.sessions import NullSession, SessionInterface, SessionMixin
from werkzeug.routing import BaseConverter
from werkzeug.security import safe_join

from poles.catalogue import Catalogue, read
from poles.catalogue.watch import Watch
from poles.describe import describe
from poles.errors import Busy, Invalid, NotFound, PolesError
from poles.opened import loaded
from poles.settings import Settings
from poles.settings import settings as environment
from web import coverages, data, documents, errors, execution, operations, pages
from web.asked import asked
from web.kept import Kept
from web.manners.compression import packed
from web.manners.forwarding import told
from web.manners.freshness import REVALIDATED, holds, not_modified
from web.views import Views

GET = ("GET",)
ASK = ("GET", "POST")
"""EDR queries may be posted: a polygon can be longer than a request line."""


class Route(NamedTuple):
    """One resource of a view: its path below the view, what answers it, and by which methods."""

    path: str
    answer: Callable[..., Response]
    methods: tuple[str, ...] = GET


class Identifier(BaseConverter):
    """The id of an item, which may hold any character: a slash at its start, two in a row, the end of a line."""

    regex = "(?s:.+)"
    part_isolating = False
    weight = 200


ROUTES = (
    Route("/", documents.landing),
    Route("/conformance", documents.conformance),
    Route("/openapi", documents.api),
    Route("/api", documents.api),
    Route("/collections", documents.collections),
    Route("/collections/<collection>", documents.collection),
    Route("/collections/<collection>/schema", documents.schema),
    Route("/collections/<collection>/queryables", documents.queryables),
    Route("/collections/<collection>/sortables", documents.sortables),
    Route("/collections/<collection>/<any(position,area,cube):query>", data.edr, ASK),
    Route("/collections/<collection>/locations", data.locations),
    Route("/collections/<collection>/locations/<path:location>", data.location),
    Route("/collections/<collection>/coverage", data.coverage),
    Route("/collections/<collection>/coverage/domainset", coverages.domain_set),
    Route("/collections/<collection>/coverage/rangetype", coverages.range_type),
    Route("/collections/<collection>/files/<path:name>", coverages.file),
    Route("/collections/<collection>/items", data.items),
    Route("/collections/<collection>/items/<id:item>", data.item),
    Route("/processes", documents.processes),
    Route("/processes/<process>", documents.process),
    Route("/processes/<process>/execution", execution.execute, ("POST",)),
    Route("/jobs", documents.jobs),
    Route("/jobs/<job>", execution.job),
    Route("/jobs/<job>/results", execution.job),
)
VIEWS = ("", "/poles/<pole>", "/datasets/<dataset>")
"""Where the routes stand: over the whole catalogue, over one pole, over one data set."""

FILES = 8 * 1024 * 1024
"""Budget for the files that we ship, plain and packed."""
WAITING = Busy("catalogue", "it is not read yet", "ask again in a moment")


def create_app(settings: Settings | None = None, *, watch: bool = True) -> Flask:
    """The application over one catalogue, which is watched and taken up again when it changes."""
    app = Application(__name__, static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=16 * 1024 * 1024, MAX_FORM_MEMORY_SIZE=16 * 1024 * 1024)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.url_map.converters["id"] = Identifier
    served = Served(settings or environment())
    app.extensions["poles"] = served
    for prefix in VIEWS:
        for route in ROUTES:
            path = (prefix + route.path).rstrip("/") or "/"
            app.add_url_rule(path, path, _in_view(route.answer, served), methods=route.methods)
    _own_routes(app, served)
    app.register_error_handler(Exception, lambda error: errors.answered(error, request, _base(request, served)))
    app.after_request(lambda response: _finished(_current(), response, served))
    app.wsgi_app = Entrance(app.wsgi_app, served, _heads(app))  # type: ignore[method-assign]
    served.start(watch)
    return app


def _own_routes(app: Flask, served: "Served") -> None:
    """What stands beside the views."""
    app.add_url_rule("/health", "health", operations.health)
    app.add_url_rule("/ready", "ready", lambda: operations.ready(served.views, served.fault))
    app.add_url_rule("/metrics", "metrics", operations.metrics)
    app.add_url_rule("/robots.txt", "robots", operations.robots)
    app.add_url_rule("/favicon.ico", "favicon", lambda: _static(served, "favicon.svg"))
    app.add_url_rule("/static/<path:name>", "static", lambda name: _static(served, name))


def _in_view(answer: Callable[..., Response], served: "Served") -> Callable[..., Response]:
    """A handler, given the request in the view that its path names."""

    def in_view(pole: str | None = None, dataset: str | None = None, **names: str) -> Response:
        if served.views is None:
            raise WAITING
        current = _current()
        views = served.views.under(_base(current, served))
        return answer(asked(current, views, views.view(pole, dataset)), **names)

    return in_view


def _current() -> Request:
    """The request itself: asking Flask's stand-in for it anew, attribute by attribute, costs a tenth of an answer."""
    current: Request = cast(Any, request)._get_current_object()
    return current


def _base(request: Request, served: "Served") -> str:
    """The public base URL of a request."""
    base: str = request.environ.get("poles.base", served.url)
    return base


def _static(served: "Served", name: str) -> Response:
    """A file that we ship, asked again each time: scripts load each other by name."""
    path = safe_join(str(pages.STATIC), name)
    if path is None or not os.path.isfile(path):
        raise NotFound("path", "no such file is shipped", "start at the landing page")
    changed = os.stat(path).st_mtime_ns
    body, entity_tag = served.files.document((name, changed), lambda: Path(path).read_bytes())
    if holds(request.environ.get("HTTP_IF_NONE_MATCH"), entity_tag):
        return not_modified(entity_tag, "Accept-Encoding")
    media_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
    response = Response(body, mimetype=media_type)
    response.headers["ETag"] = entity_tag
    return response


class Served:
    """What this process serves: one `Views` at a time, swapped whole."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = (settings.url or f"http://{settings.host}:{settings.port}").rstrip("/")
        self.views: Views | None = None
        self.files = Kept(FILES)
        self.fault: str | None = None

    def start(self, watch: bool) -> None:
        """Reads the catalogue, and goes on watching it."""
        catalogue = None
        try:
            catalogue = read(self.settings.catalogue)
            self.take(catalogue)
        except PolesError as error:
            self.fault = error.public
        threading.Thread(target=loaded, name="loaded", daemon=True).start()
        if watch:
            Watch(self.settings.catalogue, self.take, catalogue, describe).start()

    def zipped(self, entity_tag: str) -> bytes | None:
        """What is kept under an entity tag, in gzip."""
        found = self.views.zipped(entity_tag) if self.views is not None else None
        return found or self.files.zipped(entity_tag)

    def take(self, catalogue: Catalogue) -> None:
        """Makes the views of a catalogue beside those served, then swaps."""
        self.views = Views(catalogue, self.url)
        self.fault = None


# --- every request -------------------------------------------------------------------------------------------------

Environ = dict[str, Any]
_IDENTIFIER = re.compile(r"[\w.-]{1,64}")
EXPOSED = (
    "Allow", "Content-Crs", "Content-Disposition", "Content-Encoding", "Content-Range", "ETag", "Link", "Location",
    "Retry-After", "Vary", "X-Request-ID",
)  # fmt: skip
SENT = (
    "Accept", "Accept-Language", "Authorization", "Cache-Control", "Content-Type", "If-None-Match", "If-Range",
    "Prefer", "Range", "X-Request-ID", "X-Requested-With",
)  # fmt: skip
CORS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", ", ".join(EXPOSED)),
    ("X-Content-Type-Options", "nosniff"),
)
PREFLIGHT = (("Access-Control-Allow-Headers", ", ".join(SENT)), ("Access-Control-Max-Age", "86400"))


class Entrance:
    """Gives each request an id and each answer what all carry; knows under which address and path we are asked.

    The base URL is `POLES_URL`; where that is unset, what trusted proxies tell; else host and port of this server.
    A Host header alone is nobody's word. A path that a proxy has left before ours is taken off.
    """

    def __init__(self, app: Callable[[Environ, Any], Iterable[bytes]], served: "Served", heads: frozenset[str]) -> None:
        self.app, self.served, self.heads = app, served, heads
        self.prefix = urlsplit(served.url).path

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        environ["poles.start"] = time.perf_counter()
        given = environ.get("HTTP_X_REQUEST_ID", "")
        environ["poles.request_id"] = given if _IDENTIFIER.fullmatch(given) else secrets.token_hex(8)
        common = [*CORS, ("X-Request-ID", environ["poles.request_id"])]

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, headers + common, exc_info)

        try:
            prefix = self._arrived(environ) if self.served.settings.trusted_proxies else self.prefix
        except Invalid as fault:
            return errors.answered(fault, Request(environ), self.served.url)(environ, start)
        if prefix:
            environ["PATH_INFO"] = self._below(environ.get("PATH_INFO", ""), prefix)
        return self.app(environ, start)

    def _arrived(self, environ: Environ) -> str:
        """Notes the base URL and the client that the proxies tell; gives the path under which they serve us."""
        found = told(environ, self.served.settings.trusted_proxies)
        environ["poles.client"] = found.client
        if self.served.settings.url is not None:
            return self.prefix
        environ["poles.base"] = found.base(self.served.url)
        return urlsplit(environ["poles.base"]).path

    def _below(self, path: str, prefix: str) -> str:
        """The path without the prefix; with it, where it is none: `/poles/theia` is one of ours under `/poles` too."""
        if path == prefix or path.startswith(f"{prefix}/"):
            rest = path[len(prefix) :] or "/"
            if rest.split("/")[1] in self.heads:
                return rest
        return path


def _heads(app: Flask) -> frozenset[str]:
    """The first steps of all our paths."""
    return frozenset(rule.rule.split("/")[1] for rule in app.url_map.iter_rules())


def _finished(request: Request, response: Response, served: "Served") -> Response:
    """How long an answer is good, its body packed, and the request counted."""
    told = {name.lower(): value for name, value in response.headers}
    if "etag" in told and "cache-control" not in told:
        response.headers.add("Cache-Control", REVALIDATED)
    packed(response, told, request.environ.get("HTTP_ACCEPT_ENCODING"), served.zipped)
    operations.counted(request, response)
    return response


class _NoSessions(SessionInterface):
    """Nothing is kept between requests: Flask's sessions would cost a tenth of a small answer."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        return self._none

    def is_null_session(self, obj: object) -> bool:
        return True

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        return None


class Application(Flask):
    """Flask without what is not used on the way of a request."""

    session_interface = _NoSessions()

    def make_default_options_response(self) -> Response:
        """What is allowed here; to a browser of another origin too."""
        methods = ", ".join(sorted(request.url_rule.methods or ())) if request.url_rule else "OPTIONS"
        headers = [("Allow", methods), ("Access-Control-Allow-Methods", methods), *PREFLIGHT]
        response = Response(b"", headers=headers)
        del response.headers["Content-Type"]
        return response

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """No handler is a coroutine."""
        return func
