"""Addresses of databases: what is a table, and what may be told of one."""

from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_SCHEMES = ("postgresql://", "postgres://")


def is_database(source: str) -> bool:
    """Whether a source is a database, not a file."""
    return source.startswith(_SCHEMES)


def is_table(source: Sequence[str]) -> bool:
    """Whether a data set is a table that is there already: its source is the URL of a database."""
    return len(source) == 1 and is_database(source[0])


def apart(url: str) -> tuple[str, str | None]:
    """The address of a database, and the table that is named in it.

    >>> apart("postgresql://me@host/db?table=sea.ships&sslmode=require")
    ('postgresql://me@host/db?sslmode=require', 'sea.ships')
    """
    parts = urlsplit(url)
    asked = parse_qsl(parts.query, keep_blank_values=True)
    table = next((value for name, value in asked if name == "table"), None)
    rest = urlencode([(name, value) for name, value in asked if name != "table"])
    return urlunsplit(parts._replace(query=rest)), table


@lru_cache(256)
def shown(url: str) -> str:
    """The address as it may be told: without a password.

    >>> shown("postgresql://me:secret@host:5432/db?password=x&table=ships")
    'postgresql://me@host:5432/db?table=ships'
    """
    try:
        parts = urlsplit(url)
        asked = [(n, v) for n, v in parse_qsl(parts.query, keep_blank_values=True) if "pass" not in n.lower()]
    except ValueError:
        return "postgresql://…"
    user, _, host = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0]}@{host}" if user else host
    return urlunsplit(parts._replace(netloc=netloc, query=urlencode(asked, safe="./")))
