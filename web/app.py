"""The application: the route table, and what happens to every request."""

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import Flask, Request, Response, request, send_from_directory
from flask.sessions import NullSession, SessionInterface, SessionMixin

from poles import sources
from poles.catalogue import Catalogue, read
from poles.catalogue.watch import Watch
from poles.describe import describe
from poles.errors import Busy, PolesError
from poles.settings import Settings
from poles.settings import settings as environment
from web import data, documents, errors, execution, operations, pages
from web.asked import asked
from web.views import Views

GET = ("GET",)
ASK = ("GET", "POST")
"""EDR queries may be posted: a polygon can be longer than a request line."""


class Route(NamedTuple):
    """One resource of a view: its path below the view, what answers it, and by which methods."""

    path: str
    answer: Callable[..., Response]
    methods: tuple[str, ...] = GET


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
    Route("/collections/<collection>/items", data.items),
    Route("/collections/<collection>/items/<path:item>", data.item),
    Route("/processes", documents.processes),
    Route("/processes/<process>", documents.process),
    Route("/processes/<process>/execution", execution.execute, ("POST",)),
    Route("/jobs", documents.jobs),
    Route("/jobs/<job>", execution.job),
    Route("/jobs/<job>/results", execution.job),
)
VIEWS = ("", "/poles/<pole>", "/datasets/<dataset>")
"""Where the routes stand: over the whole catalogue, over one pole, over one data set."""

WAITING = Busy("catalogue", "it is not read yet", "ask again in a moment")


def create_app(settings: Settings | None = None, *, watch: bool = True) -> Flask:
    """The application over one catalogue, which is watched and taken up again when it changes."""
    app = Application(__name__, static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=16 * 1024 * 1024, MAX_FORM_MEMORY_SIZE=16 * 1024 * 1024)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    served = Served(settings or environment())
    app.extensions["poles"] = served
    for prefix in VIEWS:
        for route in ROUTES:
            path = (prefix + route.path).rstrip("/") or "/"
            app.add_url_rule(path, path, _in_view(route.answer, served), methods=route.methods)
    _own_routes(app, served)
    app.register_error_handler(Exception, lambda error: errors.answered(error, request, served.url))
    app.after_request(_counted)
    app.wsgi_app = Entrance(app.wsgi_app, urlsplit(served.url).path)  # type: ignore[method-assign]
    served.start(watch)
    return app


def _own_routes(app: Flask, served: "Served") -> None:
    """What stands beside the views."""
    app.add_url_rule("/health", "health", operations.health)
    app.add_url_rule("/ready", "ready", lambda: operations.ready(served.views, served.fault))
    app.add_url_rule("/metrics", "metrics", operations.metrics)
    app.add_url_rule("/robots.txt", "robots", operations.robots)
    app.add_url_rule("/favicon.ico", "favicon", lambda: _static("favicon.svg"))
    app.add_url_rule("/static/<path:name>", "static", _static)


def _in_view(answer: Callable[..., Response], served: "Served") -> Callable[..., Response]:
    """A handler, given the request in the view that its path names."""

    def in_view(pole: str | None = None, dataset: str | None = None, **names: str) -> Response:
        views = served.views
        if views is None:
            raise WAITING
        return answer(asked(request, views, views.view(pole, dataset)), **names)

    return in_view


def _static(name: str) -> Response:
    return send_from_directory(pages.STATIC, name, max_age=0)  # asked again each time: scripts load each other by name


class Served:
    """What this process serves: one `Views` at a time, swapped whole."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = (settings.url or f"http://{settings.host}:{settings.port}").rstrip("/")
        self.views: Views | None = None
        self.fault: str | None = None

    def start(self, watch: bool) -> None:
        """Reads the catalogue, and goes on watching it."""
        catalogue = None
        try:
            catalogue = read(self.settings.catalogue)
            self.take(catalogue)
        except PolesError as error:
            self.fault = error.public
        threading.Thread(target=sources.loaded, name="loaded", daemon=True).start()
        if watch:
            Watch(self.settings.catalogue, self.take, catalogue, describe).start()

    def take(self, catalogue: Catalogue) -> None:
        """Makes the views of a catalogue beside those served, then swaps."""
        self.views = Views(catalogue, self.url)
        self.fault = None


# --- every request -------------------------------------------------------------------------------------------------

Environ = dict[str, Any]
_IDENTIFIER = re.compile(r"[\w.-]{1,64}")
CORS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "Link, ETag, Location, Content-Crs, Content-Disposition, X-Request-ID"),
    ("X-Content-Type-Options", "nosniff"),
)
PREFLIGHT = (
    ("Access-Control-Allow-Headers", "Accept, Accept-Language, Authorization, Content-Type, If-None-Match, Prefer"),
    ("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS"),
    ("Access-Control-Max-Age", "86400"),
)


class Entrance:
    """Gives each request an id and each answer what all carry; takes off the path under which a proxy serves us."""

    def __init__(self, app: Callable[[Environ, Any], Iterable[bytes]], prefix: str) -> None:
        self.app, self.prefix = app, prefix.rstrip("/")

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        environ["poles.start"] = time.perf_counter()
        given = environ.get("HTTP_X_REQUEST_ID", "")
        environ["poles.request_id"] = given if _IDENTIFIER.fullmatch(given) else secrets.token_hex(8)
        path = environ.get("PATH_INFO", "")
        if self.prefix and (path == self.prefix or path.startswith(f"{self.prefix}/")):
            environ["PATH_INFO"] = path[len(self.prefix) :] or "/"
        common = [*CORS, ("X-Request-ID", environ["poles.request_id"])]
        if environ["REQUEST_METHOD"] == "OPTIONS":
            common += PREFLIGHT

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, headers + common, exc_info)

        return self.app(environ, start)


def _counted(response: Response) -> Response:
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

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """No handler is a coroutine."""
        return func
