"""gunicorn's configuration file: threads, long request lines, JSON for whatever goes wrong, logs as lines of JSON.

`gunicorn -c web/gunicorn.py`. Nothing here opens data, so that no library of files is open when workers fork.
"""

import contextlib
import os
import select
import shutil
import socket
import tempfile
import time
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson
from gunicorn.glogging import Logger
from gunicorn.http import errors, message, wsgi
from gunicorn.workers.gthread import ThreadWorker

from poles.settings import settings
from web.lines import Lines, log_to_stderr, stamp

_SETTINGS = settings()
_LINE = 65_536
"""Bytes of a request line: polygons are long. gunicorn clamps to a constant of its own, which is raised here."""
message.MAX_REQUEST_LINE = _LINE + 1

_MOMENT_MS = 2
_AT_ONCE = 256 * 1024

_STATUSES: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.InvalidResponseHeader, 500, "server: an error of ours"),
    (errors.InvalidResponseHeaderName, 500, "server: an error of ours"),
    (errors.LimitRequestLine, 414, f"request line: longer than {_LINE} bytes; post the parameters"),
    (errors.LimitRequestHeaders, 431, "headers: too long, or too many; send less"),
    (errors.ExpectationFailed, 417, "Expect: it cannot be met; leave it out"),
    (errors.UnsupportedTransferCoding, 501, "Transfer-Encoding: it is not known; send chunked or plain"),
    (errors.ParseException, 400, "request: it is not HTTP as RFC 9112 has it; send a valid request"),
)


class Worker(ThreadWorker):  # type: ignore[misc]
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


class Response(wsgi.Response):  # type: ignore[misc]
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
    if conn.is_http2 or conn.parser.unreader.buf.getvalue():
        return False  # the poller knows what to do with it
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


class Log(Logger):  # type: ignore[misc]
    """Lines of JSON: an access line a request, with its id."""

    def setup(self, cfg: Any) -> None:
        """gunicorn's handlers, with our formatter."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(Lines())

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """One line, written after the last byte was sent."""
        line = {
            "time": stamp(time.time()),
            "level": "info",
            "logger": "access",
            "request_id": environ.get("poles.request_id"),
            "remote": environ.get("poles.client") or environ.get("REMOTE_ADDR"),
            "method": environ.get("REQUEST_METHOD"),
            "path": str(environ.get("RAW_URI"))[:2000],
            "status": int(str(resp.status).split(maxsplit=1)[0]),
            "bytes": getattr(resp, "sent", None),
            "milliseconds": round(request_time.total_seconds() * 1000, 2),
            "agent": environ.get("HTTP_USER_AGENT"),
        }
        with contextlib.suppress(OSError):
            os.write(1, orjson.dumps(line) + b"\n")


def _metrics_folder() -> str:
    """A folder of this server alone, in the state folder if that can be written."""
    parent: Path | None = _SETTINGS.state / "metrics"
    try:
        (_SETTINGS.state / "metrics").mkdir(parents=True, exist_ok=True)
        return tempfile.mkdtemp(prefix="poles-", dir=parent)
    except OSError:
        return tempfile.mkdtemp(prefix="poles-metrics-")


# --- settings of gunicorn, by name ---------------------------------------------------------------------------------

wsgi_app = "web.app:create_app()"
bind = f"{_SETTINGS.host}:{_SETTINGS.port}"
workers = _SETTINGS.workers
threads = _SETTINGS.threads
worker_class = Worker
logger_class = Log
accesslog = "-" if os.environ.get("POLES_ACCESS_LOG", "1") != "0" else None
errorlog = "-"
loglevel = "info"
limit_request_line = _LINE
limit_request_fields = 100
limit_request_field_size = 16_384
timeout = 120
graceful_timeout = 30
keepalive = 15
preload_app = False
forwarded_allow_ips = ""  # gunicorn takes no proxy's word, POLES_TRUSTED_PROXIES says whose is taken
control_socket_disable = True  # it would lie outside the state folder
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None

if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _metrics_folder()


def post_worker_init(worker: Any) -> None:
    """Our own loggers write lines of JSON too."""
    log_to_stderr()


def child_exit(server: Any, worker: Any) -> None:
    """The gauges of a worker that ended are dropped; its counters go on counting."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """Nothing is left of the metrics."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
