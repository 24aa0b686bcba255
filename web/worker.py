"""gunicorn's worker with threads: long request lines, JSON for what is no request, few turns for a small answer."""

import contextlib
import select
import socket
import time
from http import HTTPStatus
from typing import Any

import orjson
from gunicorn.http import errors, message, wsgi
from gunicorn.workers.gthread import ThreadWorker

LINE = 65_536
"""Bytes of a request line: polygons are long. gunicorn clamps to a constant of its own, which is raised here."""
message.MAX_REQUEST_LINE = LINE + 1
_MOMENT_MS = 2
"""How long a thread waits for the next request of a client: one that answers at once takes less."""
_AT_ONCE = 256 * 1024
"""Bytes of a body that is joined to its head: to copy more costs more than to send twice."""

_STATUSES: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.InvalidResponseHeader, 500, "server: an error of ours"),
    (errors.InvalidResponseHeaderName, 500, "server: an error of ours"),
    (errors.LimitRequestLine, 414, f"request line: longer than {LINE} bytes; post the parameters"),
    (errors.LimitRequestHeaders, 431, "headers: too long, or too many; send less"),
    (errors.ExpectationFailed, 417, "Expect: it cannot be met; leave it out"),
    (errors.UnsupportedTransferCoding, 501, "Transfer-Encoding: it is not known; send chunked or plain"),
    (errors.ParseException, 400, "request: it is not HTTP as RFC 9112 has it; send a valid request"),
)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn tells no types
    """A worker with threads, whose answer to what is no request is JSON too."""

    def handle(self, conn: Any) -> Any:
        """Answers a client, and goes on with it while it asks at once and each has a thread.

        Two turns through the poller, in another thread, would cost a small answer a fifth of its time.
        """
        while True:
            kept = super().handle(conn)
            if kept is not True or not self.alive or self.nr_conns > self.cfg.threads or not _asks_on(conn):
                return kept

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answers what the parser refuses, at once, and closes."""
        status, detail = next(
            ((s, d) for kind, s, d in _STATUSES if isinstance(exc, kind)), (500, "server: an error of ours")
        )
        if status == 500:
            self.log.error("an error outside the application", exc_info=exc)
        else:
            self.log.info("refused: %s %s", status, type(exc).__name__)
        with contextlib.suppress(OSError):
            client.sendall(_refusal(status, detail))
            client.shutdown(socket.SHUT_WR)
            _drained(client)


class Response(wsgi.Response):  # type: ignore[misc]  # gunicorn tells no types
    """A response whose head and body leave in one piece where the body is there as a whole."""

    sock: Any

    def write(self, arg: bytes) -> None:
        if self.headers_sent or self.response_length != len(arg) or len(arg) > _AT_ONCE:
            super().write(arg)
            return
        pieces = _Pieces()
        socket_, self.sock = self.sock, pieces
        try:
            super().write(arg)
        finally:
            self.sock = socket_
        socket_.sendall(b"".join(pieces))


class _Pieces(list[bytes]):
    sendall = list.append


wsgi.Response = Response  # gunicorn has no setting for it


def _asks_on(conn: Any) -> bool:
    """Whether a client that was answered sends its next request within a moment."""
    if conn.parser.unreader.buf.getvalue():
        return False  # what it sent on already, the poller takes up
    waiting = select.poll()
    waiting.register(conn.sock, select.POLLIN)
    return bool(waiting.poll(_MOMENT_MS))


def _refusal(status: int, detail: str) -> bytes:
    phrase = HTTPStatus(status).phrase
    code = phrase.title().replace(" ", "").replace("-", "")
    document = {
        "type": "about:blank", "title": phrase, "status": status, "detail": detail, "code": code, "description": detail,
    }  # fmt: skip
    body = orjson.dumps(document)
    head = (
        f"HTTP/1.1 {status} {phrase}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Access-Control-Allow-Origin: *\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _drained(client: socket.socket) -> None:
    """Reads on for a moment: a socket closed over unread bytes is reset, and the client would not see the answer."""
    until = time.monotonic() + 0.5
    client.settimeout(0.1)
    while time.monotonic() < until and client.recv(65_536):
        pass
