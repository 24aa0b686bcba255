"""The embedded store: an immutable DuckDB file a version of a data set, attached for reading."""

import os
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import duckdb_extension_spatial
import orjson
import pyarrow as pa
from pydantic import TypeAdapter

from poles.dataset import Facts
from poles.errors import Unreadable
from poles.settings import settings
from poles.stores import BATCH, Statement, cast
from poles.stores.dialect import DUCK, Dialect, quoted
from poles.stores.layout import Contents, Layout, as_bytes, as_json, from_bytes, from_json

_ROW_GROUP = 8_192
"""Rows whose bounds are known together: a box reads only the groups that it touches."""
_MEMORY = "512MB"
_FACTS = TypeAdapter(Facts)
_FORMAT = 1
"""Of these files; a file of another is made again."""


# --- writing -------------------------------------------------------------------------------------------------------


def write(path: Path, contents: Contents, version: str) -> None:
    """Makes the file of one version, beside its place and then into it. Raises Unreadable where there is no room."""
    try:
        _written(path, contents, version)
    except (duckdb.OperationalError, duckdb.FatalException, OSError) as error:
        raise Unreadable(path.name, "its rows cannot be stored", "make room in the state folder") from error


def _written(path: Path, contents: Contents, version: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with duckdb.connect(config={"threads": 2}) as connection:
            connection.execute(f"ATTACH '{_escaped(beside)}' AS made (ROW_GROUP_SIZE {_ROW_GROUP})")
            _filled(connection, contents, version)
            connection.execute("CHECKPOINT made")
            connection.execute("DETACH made")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
        beside.with_name(beside.name + ".wal").unlink(missing_ok=True)


def _filled(connection: Any, contents: Contents, version: str) -> None:
    connection.register("rows_given", contents.rows)
    connection.execute("CREATE TABLE made.items AS SELECT * FROM rows_given")
    if contents.about is None:  # samples lie by platform and time: their groups of rows are index enough
        connection.execute(f"CREATE INDEX by_id ON made.items ({quoted(contents.layout.id)})")
    told = {
        "format": _FORMAT, "version": version, "layout": as_json(contents.layout), "about": contents.about,
    }  # fmt: skip
    kept = {"told": orjson.dumps(told), "facts": _FACTS.dump_json(contents.facts)}
    if contents.platforms is not None:
        kept["platforms"] = as_bytes(contents.platforms)
    connection.register("kept_given", pa.table({"key": list(kept), "value": list(kept.values())}))
    connection.execute("CREATE TABLE made.about AS SELECT * FROM kept_given")


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")


# --- reading -------------------------------------------------------------------------------------------------------


class _Engine:
    """One DuckDB a process, to which files are attached; made in the process that uses it, never before a fork."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a store may be let go while this very thread is in here
        self._connections: dict[int, Any] = {}
        """By process: a child never touches, nor closes, that of its parent."""
        self._names = count()

    def cursor(self) -> Any:
        """A cursor of its own: one a statement, so that a stream is never cut by another question."""
        with self._lock:
            own = self._connections.get(os.getpid())
            if own is None:
                own = self._connections[os.getpid()] = _connected()
            return own.cursor()

    def attach(self, path: Path) -> str:
        """The name under which a file is attached."""
        name = f"store_{next(self._names)}"
        with self.cursor() as cursor:
            cursor.execute(f"ATTACH '{_escaped(path)}' AS {name} (READ_ONLY)")
        return name

    def detach(self, name: str, of: int) -> None:
        """Lets a file go that nobody reads any more."""
        if of != os.getpid():
            return
        with self.cursor() as cursor:
            cursor.execute(f"DETACH DATABASE IF EXISTS {name}")


def _connected() -> Any:
    found = duckdb.connect(
        config={
            "threads": 1,
            "memory_limit": _MEMORY,
            "temp_directory": str(settings().state / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    found.execute(f"LOAD '{_escaped(_spatial())}'")
    return found


def _spatial() -> Path:
    """The extension that the wheel `duckdb-extension-spatial` brings for this very version of DuckDB."""
    folder = Path(duckdb_extension_spatial.__file__).parent / "extensions" / f"v{duckdb.__version__}"
    return folder / "spatial.duckdb_extension"


_engine = _Engine()


@dataclass(frozen=True, eq=False)
class DuckStore:
    """The rows of one file. Once nobody holds it, the file is let go."""

    path: Path
    name: str
    """Under which the file is attached."""
    layout: Layout
    facts: Facts
    version: str
    about: Mapping[str, Any] | None
    dialect: Dialect = DUCK

    def platforms(self) -> pa.Table:
        row = self.first(Statement(f"SELECT value FROM {self.name}.about WHERE key = 'platforms'"))
        assert row is not None
        return from_bytes(row[0])

    def batches(self, statement: Statement, schema: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
        with _engine.cursor() as cursor:
            try:
                reader = cursor.execute(statement.text, statement.values).to_arrow_reader(BATCH)
                for batch in reader:
                    yield batch if schema is None else cast(batch, schema)
            except duckdb.Error as error:
                raise _refused(error) from error

    def few(self, statement: Statement, types: Sequence[pa.DataType]) -> Sequence[Sequence[Any]] | None:
        with _engine.cursor() as cursor:
            try:
                rows = cursor.execute(statement.text, statement.values).fetchall()
            except duckdb.Error as error:
                raise _refused(error) from error
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(types)
        moments = [c for c, t in zip(columns, types, strict=True) if pa.types.is_temporal(t)]
        beyond = any(isinstance(v, str) for c in moments for v in c)  # a year that Python does not know is a text
        return None if beyond else columns

    def first(self, statement: Statement) -> Sequence[Any] | None:
        with _engine.cursor() as cursor:
            try:
                row: Sequence[Any] | None = cursor.execute(statement.text, statement.values).fetchone()
            except duckdb.Error as error:
                raise _refused(error) from error
            return row

    def estimated(self, statement: Statement) -> int:
        """Counted: in columns that costs no more than a guess."""
        row = self.first(Statement(f"SELECT count(*) FROM ({statement.text})", statement.values))
        assert row is not None
        return int(row[0])


def loaded() -> None:
    """Makes the engine ready before the first question: its extension takes half a second."""
    _engine.cursor().close()


def opened(path: Path) -> DuckStore | None:
    """The store in a file; None where it is none of ours, or of another format. Raises Unreadable for a damaged one."""
    try:
        name = _engine.attach(path)
    except duckdb.Error as error:
        raise Unreadable(path.name, "the stored rows cannot be read", "publish the data again") from error
    try:
        with _engine.cursor() as cursor:
            asked = f"SELECT key, value FROM {name}.about WHERE key IN ('told', 'facts')"
            found = dict(cursor.execute(asked).fetchall())
        told = orjson.loads(found["told"])
    except (duckdb.Error, KeyError, orjson.JSONDecodeError):
        told = {}
    if told.get("format") != _FORMAT:
        _engine.detach(name, os.getpid())
        return None
    layout = replace(from_json(told["layout"]), table=(name, "items"))
    store = DuckStore(path, name, layout, _FACTS.validate_json(found["facts"]), told["version"], told["about"])
    weakref.finalize(store, _engine.detach, name, os.getpid()).atexit = False
    return store


def _refused(error: duckdb.Error) -> Exception:
    """What an engine says of a question, without its inside."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return Unreadable("items", "the question takes more memory than there is", "ask less at once")
    return Unreadable("items", "the stored rows cannot answer this", "ask otherwise, or publish the data again")
