"""The versions of data sets that Poles stored in PostgreSQL, as `poles.versions` tells them."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import psycopg

from poles.errors import Unreadable
from poles.parts import CHECKED_S
from poles.stores import Statement
from poles.stores.answers import PostgisStore, answered
from poles.stores.connections import pool
from poles.stores.dialect import Postgis
from poles.stores.layout import Contents, from_json
from poles.stores.loading import FACTS, replaced

_TOLD = """
SELECT number, version, layout::text, facts::text, about::text
FROM poles.versions WHERE key = $1 ORDER BY number DESC LIMIT 1
"""


@dataclass(slots=True)
class _Known:
    """What is known of a key in this process, and since when it is believed."""

    checked: float
    store: PostgisStore | None


_known: dict[tuple[int, str, str], _Known] = {}


def current(url: str, key: str) -> PostgisStore | None:
    """The version of a data set that was stored last; None where there is none. Believed for two seconds."""
    known = _known.get((os.getpid(), url, key))
    if known is not None and time.monotonic() - known.checked < CHECKED_S:
        return known.store
    return _looked(url, key)


def stored(url: str, key: str, version: str, made: Callable[[], Contents]) -> PostgisStore:
    """That version of a data set, made and stored where another is the last."""
    found = current(url, key)
    if found is not None and found.version == version:
        return found
    replaced(url, key, version, made)
    found = _looked(url, key)
    if found is None:
        raise Unreadable("items", "the rows were dropped while they were stored", "ask again")
    return found


def _looked(url: str, key: str) -> PostgisStore | None:
    checked = time.monotonic()
    row = _asked(url, Statement(f"SELECT number FROM ({_TOLD}) latest", (key,), 1))
    known = _known.get((os.getpid(), url, key))
    store = None if known is None else known.store
    if row is None or store is None or store.number != row[0]:
        store = _opened(url, key) if row is not None else None
    _known[os.getpid(), url, key] = _Known(checked, store)
    return store


def _opened(url: str, key: str) -> PostgisStore | None:
    row = _asked(url, Statement(_TOLD, (key,), 1))
    if row is None:
        return None
    number, version, layout, facts, about = row
    return PostgisStore(
        url,
        from_json(orjson.loads(layout)),
        Postgis(),
        FACTS.validate_json(facts),
        version,
        None if about is None else orjson.loads(about),
        number,
    )


def _asked(url: str, statement: Statement) -> tuple[Any, ...] | None:
    """A row of the registry; None where there is none, nor perhaps a registry."""
    try:
        _, rows = answered(pool(url), statement)
    except Unreadable as error:
        if isinstance(error.__cause__, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName):
            return None
        raise
    return rows[0] if rows else None
