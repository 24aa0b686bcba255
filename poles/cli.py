"""The command line `poles`: inspect, publish, unpublish, check, config, openapi, serve.

Exit codes: 0, done; 1, `check` found faults; 2, it failed, and one line on standard error says why.
"""

import argparse
import json
import os
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from poles.errors import Invalid, PolesError, Unreadable

Arguments = argparse.Namespace


class _Parser(argparse.ArgumentParser):
    """Refuses in one line."""

    def error(self, message: str) -> NoReturn:
        """`poles: <command>: <what is wrong>; <what would do>`."""
        command = self.prog.removeprefix("poles").strip() or "command"
        self.exit(2, f"poles: {command}: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script."""
    asked = _parser().parse_args(arguments)
    warnings.simplefilter("ignore")  # libraries warn about files; what matters is in `mended`
    try:
        done: int = asked.run(asked)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        return 130
    except PolesError as error:
        return _failed(str(error))
    except OSError as error:
        return _failed(f"{error.filename or 'system'}: {error.strerror or error}; see that it can be read and written")
    except Exception as error:
        if os.environ.get("POLES_DEBUG"):
            raise
        return _failed(f"internal: {type(error).__name__}: {error}; set POLES_DEBUG=1 and report what it prints")
    return done


def _failed(sentence: str) -> int:
    print("poles: " + " ".join(sentence.split()), file=sys.stderr)
    return 2


# --- commands ------------------------------------------------------------------------------------------------------


def _inspect(asked: Arguments) -> int:
    from poles import publish
    from poles.describe import describe  # noqa: F401  its libraries load before progress is told

    dataset = publish.provisional(_request(asked), publish.sources(asked.paths))
    with _progress(f"reading {_named(asked.paths)}"):
        facts = publish.described(dataset)
    if asked.json:
        print(json.dumps({"paths": [_told_as(p) for p in asked.paths], **asdict(facts)}, ensure_ascii=False, indent=2))
    else:
        print("\n".join(_told(asked.paths, asdict(facts))))
    return 0


def _publish(asked: Arguments) -> int:
    from poles import publish

    config = _config(asked)
    with _progress(f"reading {_named(asked.paths)}"):
        published = publish.publish(_request(asked), config)
    if asked.json:
        print(json.dumps(published.document(), ensure_ascii=False))
        return 0
    done = "updated" if published.updated else "published"
    print(f"{done} {published.id} ({published.facts.kind}: {', '.join(published.apis)}) in {published.file}")
    for mended in published.facts.mended:
        print(f"  mended: {mended}")
    return 0


def _unpublish(asked: Arguments) -> int:
    from poles import publish

    print(f"unpublished {asked.id} from {publish.unpublish(asked.id, _config(asked))}")
    return 0


def _check(asked: Arguments) -> int:
    from poles.check import faults

    found = 0
    with _progress("checking the catalogue"):
        for fault in faults(_config(asked), opening=asked.open):
            print(" ".join(fault.split()))
            found += 1
    if not found:
        print("no fault")
    return 1 if found else 0


def _merged(asked: Arguments) -> int:
    from poles.catalogue import read, splice
    from poles.settings import settings

    catalogue = read(_config(asked))
    for identifier, reason in catalogue.left_out:
        print(f"poles: {identifier}: left out: {reason}", file=sys.stderr)
    config = dict(catalogue.config)
    if (url := settings().url) is not None and isinstance(config.get("server"), dict):
        config["server"] = {**config["server"], "url": url}
    print(splice.rendered(config), end="")
    return 0


def _openapi(asked: Arguments) -> int:
    from web import openapi

    sys.stdout.write(openapi.generated(_config(asked)).decode())
    return 0


def _serve(asked: Arguments) -> int:
    """Becomes gunicorn: it is this process that TERM reaches."""
    from poles.settings import settings

    config = _config(asked)
    if asked.strict:
        _refuse_faults(config)
    elif not config.exists():
        raise Unreadable(str(config), "no such file", "publish a file first, or give --config")
    now = settings()
    host, port = asked.host or now.host, asked.port or now.port
    _free(host, port)
    print(f"Poles at {now.url or f'http://{f"[{host}]" if ":" in host else host}:{port}'}", flush=True)
    given = {"HOST": host, "PORT": port, "WORKERS": asked.workers or now.workers, "CONFIG": config.resolve()}
    environment = os.environ | {f"POLES_{name}": str(value) for name, value in given.items()} | _writing(now.state)
    gunicorn = [sys.executable, "-P", "-m", "gunicorn", "--chdir", "/", "-c", "python:web.gunicorn"]
    os.execve(sys.executable, gunicorn, environment)


def _free(host: str, port: int) -> None:
    """Raises `Invalid` where nothing can listen there; gunicorn would try for five seconds and say it in many lines."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        raise Invalid(f"{host}:{port}", error.strerror or str(error), "give another --host or --port") from None


def _writing(state: Path) -> dict[str, str]:
    """Where the server writes: temporary files too lie in the state folder, so that all else may be read-only."""
    folder = state.resolve()
    given = {"POLES_STATE": str(folder)}
    try:
        (folder / "tmp").mkdir(parents=True, exist_ok=True)
    except OSError:  # it cannot be written: the server still serves
        return given
    return given if "TMPDIR" in os.environ else given | {"TMPDIR": str(folder / "tmp")}


def _refuse_faults(config: Path) -> None:
    from poles.catalogue import read

    left_out = read(config).left_out
    if left_out:
        identifier, reason = left_out[0]
        more = f" (and {len(left_out) - 1} more)" if len(left_out) > 1 else ""
        raise Unreadable(str(config), f"{identifier}: {reason}{more}", "mend it, or serve without --strict")


# --- what is asked -------------------------------------------------------------------------------------------------


def _parser() -> _Parser:
    parser = _Parser(prog="poles", description="Earth-system data through OGC API Features, Coverages, EDR, Processes.")
    commands = parser.add_subparsers(metavar="command", required=True, parser_class=_Parser)
    inspect = _command(commands, "inspect", _inspect, "tell what files hold, and what is wrong with them")
    publish = _command(commands, "publish", _publish, "put files into the catalogue")
    for command in (inspect, publish):
        command.add_argument("paths", nargs="+", metavar="PATH", help="a file, a folder, a pattern or several")
        command.add_argument(
            "--time-pattern", metavar="P", help="of dates in file names: %%Y%%m%%d, or a regular expression"
        )
        command.add_argument("--crs", metavar="C", help="where the files name none, or a wrong one: EPSG:32631")
        command.add_argument(
            "--name", dest="names", metavar="ROLE=NAME", action="append", default=[],
            help="the layer of several, or what a column or axis is: layer=roads, x=easting; again for each",
        )  # fmt: skip
        command.add_argument("--json", action="store_true", help="for programs")
    publish.add_argument("--id", metavar="ID", help="of the collection; else from the file name")
    publish.add_argument("--pole", metavar="P", help="theia, aeris, formater or odatis")
    publish.add_argument("--title", metavar="T")
    publish.add_argument("--store", metavar="URL", help="where rows are to lie: postgresql://user@host/database")
    unpublish = _command(commands, "unpublish", _unpublish, "take a collection out of the catalogue")
    unpublish.add_argument("id", metavar="ID")
    check = _command(commands, "check", _check, "tell the faults of the catalogue")
    check.add_argument("--open", action="store_true", help="open all data")
    _command(commands, "config", _merged, "print the merged configuration, which stock pygeoapi runs")
    _command(commands, "openapi", _openapi, "print the OpenAPI document")
    serve = _command(commands, "serve", _serve, "serve the catalogue until TERM")
    serve.add_argument("--host", metavar="H", help="address to listen on (127.0.0.1)")
    serve.add_argument("--port", metavar="N", type=_between(1, 65_535), help="port to listen on (5000)")
    serve.add_argument("--workers", metavar="N", type=_between(1, 1024), help="processes (2)")
    serve.add_argument("--strict", action="store_true", help="do not start where a collection cannot be served")
    for command in (publish, unpublish, check, commands.choices["config"], commands.choices["openapi"], serve):
        command.add_argument("--config", metavar="FILE", help="the catalogue; else that in the state folder")
    return parser


def _command(commands: Any, name: str, run: Callable[[Arguments], int], told: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=told, description=told)
    command.set_defaults(run=run)
    return command


def _between(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if text.isascii() and text.isdigit() and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from {least} to {most}")

    return number


def _config(asked: Arguments) -> Path:
    from poles.settings import settings

    return Path(asked.config).absolute() if asked.config is not None else settings().catalogue.absolute()


def _request(asked: Arguments) -> Any:
    from poles.publish import Request

    given = {key: getattr(asked, key, None) for key in ("id", "pole", "title", "time_pattern", "crs", "store")}
    return Request(tuple(asked.paths), names=tuple(asked.names), **given)


# --- what is told --------------------------------------------------------------------------------------------------


def _named(paths: Sequence[str]) -> str:
    return _told_as(paths[0]) if len(paths) == 1 else f"{len(paths)} files"


def _told_as(path: str) -> str:
    """A path as it is; the URL of a database without its password."""
    from poles.stores.addresses import is_database, shown

    return shown(path) if is_database(path) else path


@contextmanager
def _progress(task: str) -> Iterator[None]:
    """Says on standard error that long work goes on: every second to a terminal, every ten elsewhere."""
    done, terminal = threading.Event(), sys.stderr.isatty()
    began = time.monotonic()

    def tell() -> None:
        while not done.wait(1 if terminal else 10):
            passed = f"{task} … {time.monotonic() - began:.0f} s"
            print(f"\r{passed}" if terminal else passed, end="" if terminal else "\n", file=sys.stderr, flush=True)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        if terminal and time.monotonic() - began > 1:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _told(paths: Sequence[str], facts: dict[str, Any]) -> Iterator[str]:
    """Facts for people, a line a thing."""
    yield f"{_named(paths)}: {facts['kind']}" + (f", {facts['feature_type']}" if facts["feature_type"] else "")
    yield f"  CRS        {facts['crs'].splitlines()[0][:100]}" + _shape(facts["horizontal"])
    yield f"  extent     {_box(facts['bbox'])}"
    if facts["interval"] is not None:
        yield f"  time       {facts['interval'][0] or '..'} to {facts['interval'][1] or '..'}"
    if facts["count"] is not None:
        yield f"  rows       {facts['count']}"
    for axis in facts["axes"]:
        yield "  axis       " + _axis(axis)
    for parameter in facts["parameters"]:
        label = parameter["label"]["en"]
        about = "" if label == parameter["key"] else f"  {label}"
        yield f"  parameter  {parameter['key']} [{parameter['unit'] or '?'}]{about}"
    for mended in facts["mended"]:
        yield f"  mended     {mended}"


def _shape(horizontal: str) -> str:
    return "" if horizontal == "none" else f" ({horizontal})"


def _box(bbox: Sequence[float] | None) -> str:
    return "none" if bbox is None else ", ".join(f"{v:g}" for v in bbox) + " (west, south, east, north)"


def _axis(axis: dict[str, Any]) -> str:
    calendar = f", calendar {axis['calendar']}" if axis["calendar"] else ""
    unit = f" {axis['unit']}" if axis["unit"] and axis["name"] != "t" else ""
    return f"{axis['name']} ({axis['key']}): {axis['size']} from {axis['lowest']} to {axis['highest']}{unit}{calendar}"


if __name__ == "__main__":
    sys.exit(main())
