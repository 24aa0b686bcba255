"""The servers that are compared: one process each, peers in environments of their own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from load import free_port

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
VENVS = ROOT / "build" / "bench"
TIPG = ("tipg==1.6.1", "uvicorn[standard]")
STOCK = ("pygeoapi==0.24.0", "sqlalchemy", "geoalchemy2", "psycopg2-binary", "gunicorn")


@dataclass(frozen=True)
class Peer:
    """A server under test, and how it calls the collections."""

    name: str
    command: list[str]
    port: int
    env: Mapping[str, str]
    ready: str
    collections: Mapping[str, str] = field(default_factory=dict)
    """Ours -> its own; a collection that it does not serve is absent."""

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, collection: str, rest: str) -> str | None:
        """The address of a question, None where the peer does not serve the collection."""
        known = self.collections.get(collection)
        return None if known is None else f"{self.base}/collections/{known}/{rest}"


def environment(name: str, packages: tuple[str, ...]) -> Path:
    """The programs of a virtual environment under build/bench, made where it is not there."""
    folder, done = VENVS / name, VENVS / name / "installed"
    if not done.exists() or done.read_text() != "\n".join(packages):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *packages], check=True)
        done.write_text("\n".join(packages))
    return folder / "bin"


# --- tipg ------------------------------------------------------------------------------------------------------------


def tipg(database: str) -> Peer:
    """tipg over the tables of `public`, by uvicorn with its fast loop and without an access log."""
    programs, port = environment("tipg", TIPG), free_port()
    command = [str(programs / "uvicorn"), "tipg.main:app", "--port", str(port), "--workers", "1", "--no-access-log"]
    env = {
        **os.environ,
        "DATABASE_URL": database,
        "TIPG_DB_SCHEMAS": '["public"]',
        "TIPG_DB_EXCLUDE_FUNCTION_SCHEMAS": '["public"]',
        "TIPG_MAX_FEATURES_PER_QUERY": "10000",
    }
    known = {name: f"public.{name}" for name in ("points", "polygons", "series")}
    return Peer("tipg", [*command, "--log-level", "warning"], port, env, "/healthz", known)


# --- stock pygeoapi --------------------------------------------------------------------------------------------------


def stock(folder: Path, files: Mapping[str, Path], database: str) -> tuple[Peer, Peer]:
    """Stock pygeoapi: one process over files by the GeoJSON provider, one over the tables of PostgreSQL."""
    programs = environment("stock", STOCK)
    of_files = {name: _stock_file(path) for name, path in files.items()}
    of_tables = {name: _stock_table(name, database) for name in ("points", "polygons", "series")}
    return (
        _stock(folder, programs, "stock, GeoJSON", of_files),
        _stock(folder, programs, "stock, PostgreSQL", of_tables),
    )


def _stock_file(path: Path) -> dict[str, object]:
    return {"type": "feature", "name": "GeoJSON", "data": str(path), "id_field": "code"}


def _stock_table(name: str, database: str) -> dict[str, object]:
    address = urlsplit(database)
    data = {
        "host": address.hostname, "port": address.port, "dbname": address.path[1:], "user": address.username,
        "password": address.password, "search_path": ["public"],
    }  # fmt: skip
    return {
        "type": "feature", "name": "PostgreSQL", "data": data, "id_field": "fid", "table": name, "geom_field": "geom",
        "time_field": "time",
    }  # fmt: skip


def _stock(folder: Path, programs: Path, name: str, providers: Mapping[str, dict[str, object]]) -> Peer:
    port = free_port()
    file, openapi = folder / f"stock-{port}.yml", folder / f"stock-{port}.json"
    file.write_text(yaml.safe_dump(_stock_config(port, providers)))
    env = {**os.environ, "PYGEOAPI_CONFIG": str(file), "PYGEOAPI_OPENAPI": str(openapi)}
    made = [str(programs / "pygeoapi"), "openapi", "generate", str(file), "-of", str(openapi), "-f", "json"]
    subprocess.run(made, check=True, capture_output=True, env=env)
    command = [str(programs / "gunicorn"), "-w", "1", "--timeout", "300", "-b", f"127.0.0.1:{port}"]
    known = {name: name for name in providers}
    return Peer(name, [*command, "pygeoapi.flask_app:APP"], port, env, "/conformance", known)


def _stock_config(port: int, providers: Mapping[str, dict[str, object]]) -> dict[str, object]:
    """What stock demands, and the limits of the others."""
    said = {"en": "Benchmark"}
    contact = {"name": "Nobody", "url": "https://example.org"}
    blocks = {
        name: {
            "type": "collection", "title": said, "description": said, "keywords": {"en": ["benchmark"]}, "links": [],
            "extents": {"spatial": {"bbox": [-180, -90, 180, 90]}}, "providers": [provider],
        }
        for name, provider in providers.items()
    }  # fmt: skip
    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": port}, "url": f"http://127.0.0.1:{port}", "languages": ["en-US"],
            "mimetype": "application/json; charset=UTF-8", "encoding": "utf-8", "gzip": False,
            "limits": {"default_items": 10, "max_items": 10_000},
            "map": {"url": "https://example.org/{z}/{x}/{y}.png", "attribution": "none"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {
                "title": said, "description": said, "keywords": {"en": ["benchmark"]}, "keywords_type": "theme",
                "terms_of_service": "https://example.org", "url": "https://example.org",
            },
            "license": {"name": "none", "url": "https://example.org"},
            "provider": contact,
            "contact": contact,
        },
        "resources": blocks,
    }  # fmt: skip


# --- Poles -----------------------------------------------------------------------------------------------------------


def poles(folder: Path, name: str, files: Mapping[str, Path], store: str | None = None) -> Peer:
    """Poles over the rows of files, which it keeps in its own file or in tables of PostgreSQL."""
    config, port = folder / f"poles-{name.replace(' ', '-')}.yml", free_port()
    env = {
        **os.environ,
        "POLES_STATE": str(folder / f"state-{name.replace(' ', '-')}"),
        "POLES_ACCESS_LOG": "0",  # the others write none either
    }
    for collection, path in files.items():
        publish(config, collection, path, env, store)
    command = [str(BIN / "poles"), "serve", "--config", str(config), "--port", str(port), "--workers", "1"]
    return Peer(name, command, port, env, "/ready", {name: name for name in files})


def publish(config: Path, collection: str, path: Path, env: Mapping[str, str], store: str | None) -> None:
    """Puts a file into the catalogue."""
    command = [str(BIN / "poles"), "publish", str(path), "--id", collection, "--config", str(config)]
    subprocess.run([*command, *(("--store", store) if store else ())], check=True, capture_output=True, env=dict(env))
