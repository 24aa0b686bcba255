"""Rows in PostgreSQL with PostGIS: versions of data sets that Poles stored there, and tables that are there already."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from poles.stores import Store
from poles.stores.addresses import is_table, shown
from poles.stores.layout import Contents

__all__ = ["current", "foreign", "forget", "is_table", "shown", "stored", "write"]

# The driver is loaded where a database is asked: the command line starts without it.


def foreign(url: str, names: Mapping[str, str] | Sequence[tuple[str, str]] = (), crs: str | None = None) -> Store:
    """A table that others write, as it is now: `postgresql://user@host/database?table=schema.name`.

    `names` tells the column of `id`, `geometry` or `time` where it cannot be seen; `crs` what the database does not
    know. Raises Unreadable.
    """
    found: Store = _module("there").foreign(url, dict(names), crs)
    return found


def stored(url: str, key: str, version: str, made: Callable[[], Contents]) -> Store:
    """The rows of that version of a data set; made and stored where they are not the ones stored last.

    One process makes them while the others wait. Raises Unreadable.
    """
    found: Store = _module("registry").stored(url, key, version, made)
    return found


def write(url: str, key: str, version: str, contents: Contents) -> None:
    """Stores a version of a data set in the place of that before. Raises Unreadable, where nothing is left behind."""
    _module("loading").write(url, key, version, contents)


def current(url: str, key: str) -> Store | None:
    """The rows of a data set that were stored last; None where there are none. Raises Unreadable."""
    found: Store | None = _module("registry").current(url, key)
    return found


def forget(url: str, key: str) -> None:
    """Drops what is stored of a data set. Raises Unreadable."""
    _module("loading").forget(url, key)


def _module(name: str) -> Any:
    return import_module(f"poles.stores.{name}")
