"""Logs as lines of JSON."""

import logging
import sys
import time

import orjson


class Lines(logging.Formatter):
    """A log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, process, message; request id and traceback where there are any."""
        line = {
            "time": stamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        if (identifier := getattr(record, "request_id", None)) is not None:
            line["request_id"] = identifier
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def stamp(seconds: float) -> str:
    """A time of the clock in RFC 3339, with milliseconds.

    >>> stamp(1.5)
    '1970-01-01T00:00:01.500Z'
    """
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"


def log_to_stderr() -> None:
    """Our loggers, and warnings of libraries, write lines of JSON; pygeoapi's translator is quiet."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("poles").setLevel(logging.INFO)
    logging.getLogger("pygeoapi").setLevel(logging.ERROR)  # it warns for each key that is no language
