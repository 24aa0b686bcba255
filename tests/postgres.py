"""A PostgreSQL server with PostGIS of the tests' own: in a temporary folder, on a socket there and a free port."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

SUPERUSER = "poles"
PASSWORD = "s3cret"
_QUICK = "-c fsync=off -c full_page_writes=off -c max_connections=60 -c shared_buffers=64MB"


def programs() -> Path | None:
    """The folder of the newest server that has PostGIS; None where there is none."""
    releases = sorted(Path("/usr/lib/postgresql").glob("*"), key=lambda p: float(p.name), reverse=True)
    with_postgis = [r for r in releases if Path("/usr/share/postgresql", r.name, "extension/postgis.control").exists()]
    return next((r / "bin" for r in with_postgis if (r / "bin" / "initdb").exists()), None)


@dataclass
class Server:
    """A server that runs, and how it is stopped and started again. It ends with the process that started it."""

    programs: Path
    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Of the database of the tests, with a password."""
        return self.at(SUPERUSER)

    def at(self, database: str) -> str:
        """The URL of a database."""
        return f"postgresql://{SUPERUSER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def database(self, name: str) -> str:
        """The URL of an empty database that has PostGIS, made here."""
        with psycopg.connect(self.at("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        with psycopg.connect(self.at(name), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION postgis")
        return self.at(name)

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        where = ["-D", self._data, "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            command = _as_postgres(self.programs / "postgres", *where, *_QUICK.split(), ending="INT")
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        for _ in range(600):
            if self._answers():
                return
            time.sleep(0.1)
        raise RuntimeError((self.folder / "log").read_text()[-2000:])

    def stop(self) -> None:
        """Ends the server at once, as a crash does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(60)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.at("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def made(self) -> None:
        """A cluster whose superuser has a password."""
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        _owned(self.folder)
        how = ("--auth=scram-sha-256", f"--pwfile={secret}", f"--username={SUPERUSER}", "--encoding=UTF8")
        command = _as_postgres(
            self.programs / "initdb", "-D", self._data, *how, "--locale=C.UTF-8", "--no-sync", "--no-instructions"
        )
        subprocess.run(command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL)

    @property
    def _data(self) -> str:
        return str(self.folder / "data")


def _as_postgres(program: Path, *arguments: str, ending: str = "clear") -> list[str]:
    """A command as the user `postgres` where this one is root; it is sent a signal where this process ends."""
    user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *user, "--pdeathsig", ending, str(program), *arguments]


def _owned(folder: Path) -> None:
    """The folder and what is in it for the user `postgres`: a server refuses to be root."""
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "postgres", "postgres")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running() -> Iterator[Server]:
    """A server with an empty database that has PostGIS; it and its folder are gone at the end."""
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL with PostGIS here: `make deps` as root installs it")
    # Not under pytest's folders: these are closed to the user `postgres`.
    with tempfile.TemporaryDirectory(prefix="poles-postgres-", ignore_cleanup_errors=True) as folder:
        server = Server(found, Path(folder), _free_port())
        server.made()
        try:
            server.start()
            server.database(SUPERUSER)
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server of this run of the tests; skipped where PostgreSQL or PostGIS is not installed."""
    with running() as server:
        yield server
