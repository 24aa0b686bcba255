"""Connections to PostgreSQL: a few a process, made when they are needed, and made again when a server was away."""

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.numeric import Int4BinaryLoader, Int8BinaryLoader

from poles.errors import Busy, Invalid, PolesError, Unreadable
from poles.settings import settings
from poles.stores.addresses import apart, shown

Connection = psycopg.Connection[tuple[Any, ...]]

_TIMEOUT_S = 60
_WAIT_S = 5.0
"""How long a request waits for another to give its connection back."""
_SPARE = 4
"""Connections beyond one a thread: a question may ask another while its rows are read."""
_DEFAULTS = {
    "connect_timeout": "5",
    "application_name": "poles",
    "client_encoding": "utf8",
    "keepalives_idle": "30",
    "tcp_user_timeout": "30000",
}
_SESSION = (
    "SET plan_cache_mode = force_custom_plan; SET jit = off; SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; "
    "SET default_transaction_read_only = on; SET idle_in_transaction_session_timeout = '15min'; "
    "SET statement_timeout = {timeout}"
)
"""Generic plans know nothing of the values: a box over half the Earth and one of a street are planned alike."""


@lru_cache(maxsize=64)
def _conninfo(url: str) -> str:
    """What libpq is told. Raises `Invalid`."""
    try:
        given: dict[str, Any] = conninfo_to_dict(apart(url)[0])
        return make_conninfo(**{**_DEFAULTS, **given})
    except (psycopg.Error, ValueError):
        remedy = "write postgresql://user:password@host:port/database"
        raise Invalid(shown(url), "no address of a database", remedy) from None


def connected(url: str) -> Connection:
    """A session of its own that may write; nothing is committed unless it is asked. Raises Unreadable."""
    try:
        connection = psycopg.connect(_conninfo(url))
        connection.execute("SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'")
        connection.commit()
    except psycopg.Error as error:
        raise refused(error, url) from None
    return connection


def _reading(url: str) -> Connection:
    """A session that reads: times come as microseconds and dates as days since 2000, as they are stored."""
    connection = psycopg.connect(_conninfo(url), autocommit=True, prepare_threshold=None)
    connection.execute(_SESSION.format(timeout=int(timeout_s() * 1000)))
    for kind in ("timestamp", "timestamptz"):
        connection.adapters.register_loader(kind, Int8BinaryLoader)
    connection.adapters.register_loader("date", Int4BinaryLoader)
    return connection


def timeout_s() -> float:
    """How long one statement may take. Raises `Invalid`."""
    text = os.environ.get("POLES_PG_TIMEOUT_S") or str(_TIMEOUT_S)
    try:
        return float(text)
    except ValueError:
        raise Invalid("POLES_PG_TIMEOUT_S", f"'{text}' is no number", "give seconds, or unset it") from None


class Pool:
    """The connections of one process to one database.

    They are made in the thread that needs one, so that a server that is away is told at once, and one that came
    back is asked at once.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._idle: deque[Connection] = deque()
        self._places = threading.BoundedSemaphore(settings().threads + _SPARE)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One connection, given back at the end. Raises Busy, Unreadable."""
        if not self._places.acquire(timeout=_WAIT_S):
            raise Busy("database", "all connections are in use", "ask again in a few seconds")
        try:
            connection = self._taken()
            try:
                yield connection
            finally:
                self._given_back(connection)
        finally:
            self._places.release()

    def forgotten(self) -> None:
        """Closes what nobody uses: after a restart of the server none of it answers."""
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    def _taken(self) -> Connection:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        try:
            return _reading(self.url)
        except psycopg.Error as error:
            raise refused(error, self.url) from None

    def _given_back(self, connection: Connection) -> None:
        if _is_idle(connection):
            self._idle.append(connection)
        else:
            connection.close()


def _is_idle(connection: Connection) -> bool:
    """Whether a connection can be used again, once a stream that was not read to its end is let go."""
    status = psycopg.pq.TransactionStatus
    try:
        if connection.info.transaction_status in (status.INTRANS, status.INERROR):
            connection.rollback()
    except psycopg.Error:
        return False
    return bool(connection.info.transaction_status == status.IDLE)


_pools: dict[tuple[int, str], Pool] = {}


def pool(url: str) -> Pool:
    """The connections of this process to a database: those made before a fork stay with the parent."""
    key = os.getpid(), _conninfo(url)
    found = _pools.get(key)
    return found if found is not None else _pools.setdefault(key, Pool(url))


# --- errors ----------------------------------------------------------------------------------------------------------

_TIRED = ("57014", "25P03")
_FULL = ("53300", "53000", "53100", "53200")


def refused(error: psycopg.Error, url: str) -> PolesError:
    """What went wrong, in our words: those of the server may tell its address, its users or our statement."""
    state, subject = error.sqlstate or "", shown(url)
    match state[:2]:
        case _ if state in _TIRED:
            return Unreadable("items", f"the question takes longer than {timeout_s():g} s", "ask less at once")
        case _ if state in _FULL:
            return Busy("database", "it takes no more at this time", "ask again in a few seconds")
        case "22":
            return Invalid("filter", "a value is none that the database can reckon with", "ask otherwise")
        case "42" if state != "42501":
            return Unreadable(subject, "the table is not as it was described", "ask again, or publish it again")
        case "42" | "25":
            return Unreadable(subject, "the database does not allow this", "give the user the right to it")
        case _:
            return Unreadable(subject, *_unreached(error))


def _unreached(error: psycopg.Error) -> tuple[str, str]:
    said = str(error)
    if error.sqlstate == "28P01" or "password" in said:
        return "the database refuses this user", "check user and password (PGPASSWORD, ~/.pgpass)"
    if error.sqlstate == "3D000" or ("database" in said and "does not exist" in said):
        return "there is no such database", "create it, or name another"
    return "the database does not answer", "ask again later, or check that it runs"


def is_lost(error: psycopg.Error, connection: Connection) -> bool:
    """Whether the connection broke, rather than the statement."""
    return connection.closed or connection.broken or isinstance(error, psycopg.errors.AdminShutdown)
