"""A server that is at fault in one thing: a proxy that takes away, or changes, one member, link, header or status."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from .http import Client

DROPPED = {"content-length", "transfer-encoding", "connection", "date", "server"}


@dataclass(frozen=True)
class Reply:
    """What the proxy is about to send."""

    status: int
    headers: dict[str, str]
    body: bytes
    version: str = "HTTP/1.1"

    def edited(self, edit: Callable[[Any], Any]) -> "Reply":
        """With another document; an edit that changes nothing in place gives the one to send."""
        document = json.loads(self.body)
        changed = edit(document)
        return replace(self, body=json.dumps(document if changed is None else changed).encode())


@dataclass(frozen=True)
class Fault:
    """What is wrong: where (a pattern of the target), in the answer, and in what is understood of the question."""

    where: str
    reply: Callable[[Reply], Reply] = lambda reply: reply
    target: Callable[[str], str] = lambda target: target


NONE = Fault("$.")


@contextmanager
def proxied(server: str, fault: Fault) -> Iterator[Client]:
    """A client of the server behind a proxy that has a fault."""
    behind = Client(server)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            here = f"http://{self.headers['Host']}".encode()
            meant = re.search(fault.where, self.path) is not None
            asked = fault.target(self.path) if meant else self.path
            answer = behind.ask("GET", asked, {"Accept": self.headers.get("Accept", "*/*")})
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in DROPPED}
            reply = Reply(answer.status, kept, answer.body.replace(server.encode(), here))
            self._send(fault.reply(reply) if meant else reply)

        def _send(self, reply: Reply) -> None:
            self.protocol_version = reply.version
            self.send_response(reply.status)
            for name, value in (reply.headers | {"Content-Length": str(len(reply.body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        proxy.daemon_threads = True
        Thread(target=proxy.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield Client(f"http://127.0.0.1:{proxy.server_address[1]}")
        finally:
            proxy.shutdown()


# --- faults --------------------------------------------------------------------------------------------------------


def status(where: str, code: int) -> Fault:
    """Another status."""
    return Fault(where, lambda r: replace(r, status=code, body=b"" if code == 204 else r.body))


def header(where: str, name: str, value: str | None) -> Fault:
    """A header that is missing, or says something else."""

    def reply(r: Reply) -> Reply:
        kept = {k: v for k, v in r.headers.items() if k.lower() != name.lower()}
        return replace(r, headers=kept if value is None else kept | {name: value})

    return Fault(where, reply)


def document(where: str, edit: Callable[[Any], Any]) -> Fault:
    """Another document, where there is one."""
    return Fault(where, lambda r: r.edited(edit) if r.status == 200 and "json" in r.headers["Content-Type"] else r)


def member(where: str, path: str, value: Any = ...) -> Fault:
    """A member that is missing, or is another; its path has dots, numbers are positions."""

    def edit(found: Any) -> None:
        *steps, last = [int(s) if s.isdigit() else s for s in path.split(".")]
        for step in steps:
            found = found[step]
        if value is ...:
            del found[last]
        else:
            found[last] = value(found[last]) if callable(value) else value

    return document(where, edit)


def link(where: str, path: str, rel: str, media: str | None = None, **changed: str | None) -> Fault:
    """A link that is missing, or whose members are missing (None) or say something else."""

    def edit(found: Any) -> None:
        for step in [int(s) if s.isdigit() else s for s in path.split(".") if s]:
            found = found[step]
        meant = [k for k in found["links"] if k["rel"] == rel and media in (None, k.get("type"))]
        if not changed:
            found["links"] = [k for k in found["links"] if k not in meant]
        for held in meant:
            held.update({k: v for k, v in changed.items() if v is not None})
            for key in [k for k, v in changed.items() if v is None]:
                held.pop(key, None)

    return document(where, edit)


def deaf(where: str, name: str) -> Fault:
    """A query parameter that is not heard."""

    def target(asked: str) -> str:
        parts = urlsplit(asked)
        kept = [(k, v) for k, v in parse_qsl(parts.query) if k != name]
        return parts.path + (f"?{urlencode(kept)}" if kept else "")

    return Fault(where, target=target)


def declared(path: str, name: str, edit: Callable[[dict[str, Any]], Any]) -> Fault:
    """A parameter of the OpenAPI document that is said differently; an edit to None takes it away."""

    def whole(api: Any) -> None:
        listed = api["paths"][path]["get"]["parameters"]
        for parameter in [p for p in listed if p.get("name") == name]:
            if edit(parameter) is ...:
                listed.remove(parameter)

    return document(r"/openapi", whole)
