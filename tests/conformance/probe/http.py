"""Requests as the suites send them: the target unchanged, the media type by Accept alone."""

import http.client
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

JSON = "application/json"
GEOJSON = "application/geo+json"


@dataclass(frozen=True)
class Answer:
    """What came back, and between which two moments (UTC)."""

    url: str
    status: int
    version: int
    """11 for a status line of HTTP/1.1."""
    headers: Message
    body: bytes
    began: datetime
    ended: datetime

    def header(self, name: str) -> str:
        return str(self.headers.get(name, ""))

    @property
    def media(self) -> str:
        """The media type without its parameters."""
        return self.header("Content-Type").partition(";")[0].strip().lower()

    @property
    def document(self) -> Any:
        """The JSON of the body."""
        try:
            return json.loads(self.body)
        except ValueError as fault:
            raise AssertionError(f"{self.url}: no JSON: {self.body[:200]!r}") from fault

    def ok(self, status: int = 200) -> "Answer":
        """Itself, once its status is as expected."""
        assert self.status == status, f"{self.url}: {self.status} where {status} is due: {self.body[:300]!r}"
        return self


class Client:
    """A client of one server; a GET that was answered is not asked again."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._kept: dict[tuple[str, str], Answer] = {}
        self._open: dict[str, http.client.HTTPConnection] = {}

    def get(self, url: str, accept: str = JSON) -> Answer:
        """The answer to a GET; the URL is absolute, or below the root."""
        key = (url, accept)
        if key not in self._kept:
            self._kept[key] = self.ask("GET", url, {"Accept": accept})
        return self._kept[key]

    def ask(self, method: str, url: str, headers: dict[str, str] | None = None) -> Answer:
        """The answer to a request that is never kept."""
        absolute = url if url.startswith("http") else self.root + url
        parts = urlsplit(absolute)
        target = quote(parts.path or "/", safe="/%:,()+") + (f"?{parts.query}" if parts.query else "")
        began = datetime.now(UTC)
        answer = self._send(parts.netloc, method, target, headers or {})
        body = answer.read()
        return Answer(absolute, answer.status, answer.version, answer.headers, body, began, datetime.now(UTC))

    def _send(self, host: str, method: str, target: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        """On the connection that is kept to a host; once more on a fresh one where the server has let it go."""
        kept = self._open.pop(host, None)
        for connection in (kept, http.client.HTTPConnection(host, timeout=60)):
            if connection is None:
                continue
            try:
                connection.request(method, target, headers=headers)
                answer = connection.getresponse()
            except (ConnectionError, http.client.BadStatusLine):
                connection.close()
                if connection is not kept:
                    raise
                continue
            self._open[host] = connection
            return answer
        raise AssertionError(f"{host}: no answer")


def asked(url: str, **parameters: Any) -> str:
    """A URL with query parameters after those it has; `_` in a name stands for `-`."""
    if not parameters:
        return url
    query = urlencode({name.replace("_", "-"): value for name, value in parameters.items()})
    return f"{url}{'&' if '?' in url else '?'}{query}"


def without_query(url: str) -> str:
    """A URL as a client sees it that loses the query string of a link."""
    return url.partition("?")[0]
