"""gunicorn's configuration file: threads, long request lines, JSON for whatever goes wrong, logs as lines of JSON.

`gunicorn -c web/gunicorn.py`. Nothing here opens data, so that no library of files is open when workers fork.
"""

import contextlib
import os
import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from gunicorn.glogging import Logger

from poles.settings import settings
from web.lines import Lines, log_to_stderr, stamp
from web.worker import LINE, Worker

_SETTINGS = settings()


class Log(Logger):  # type: ignore[misc]  # gunicorn tells no types
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
limit_request_line = LINE
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
