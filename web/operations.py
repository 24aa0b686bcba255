"""What operators ask: health, readiness, metrics, and what robots may read."""

import os
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson
from flask import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from poles import __version__
from web.asked import JSON
from web.views import Views

REQUESTS = Counter("poles_requests", "Requests answered", ("route", "method", "status"))
SECONDS = Histogram(
    "poles_request_seconds",
    "Time until an answer begins",
    ("route",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0),
)


def health() -> Response:
    """Alive; from memory."""
    return _json({"status": "ok", "version": __version__}, 200)


def ready(views: Views | None, fault: str | None) -> Response:
    """Whether a catalogue is served, and what of it was left out."""
    if views is None:
        left = [{"id": "catalogue", "reason": fault}] if fault else []
        return _json({"status": "starting", "collections": 0, "left_out": left}, 503)
    left = [{"id": identifier, "reason": reason} for identifier, reason in left_out(views)]
    return _json({"status": "ready", "collections": len(views.root.datasets), "left_out": left}, 200)


def left_out(views: Views) -> Sequence[tuple[str, str]]:
    """The blocks that the catalogue left out, each with its reason."""
    return tuple((str(i), str(r)) for i, r in views.catalogue.left_out)


def metrics() -> Response:
    """Prometheus text; with several workers, summed over them."""
    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    headers = [("Content-Type", CONTENT_TYPE_LATEST), ("Cache-Control", "no-store")]
    return Response(generate_latest(registry), headers=headers)


def robots() -> Response:
    """Documents may be indexed; data answers are left alone."""
    lines = (
        "User-agent: *",
        *(f"Disallow: {p}" for p in ("/*/items", "/*/position", "/*/area", "/*/cube", "/*/coverage")),
    )
    return Response("\n".join(lines) + "\n", headers=[("Content-Type", "text/plain; charset=utf-8")])


def counted(request: Request, response: Response) -> None:
    """Notes one request."""
    route = request.url_rule.rule if request.url_rule is not None else "none"
    requests, seconds = _measures(route, request.method, response.status_code)
    requests.inc()
    seconds.observe(time.perf_counter() - request.environ.get("poles.start", time.perf_counter()))


@lru_cache(1024)
def _measures(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """Those of one kind of answer: finding them by their labels costs more than counting."""
    return REQUESTS.labels(route, method, status), SECONDS.labels(route)


def _json(document: Any, status: int) -> Response:
    return Response(orjson.dumps(document), status, headers=[("Content-Type", JSON), ("Cache-Control", "no-store")])
