"""What opening the data told, kept in the state folder so that a listing opens nothing.

Each data set has one file, stamped twice: by what its block says of how to read (`block`), and by the size and
time of its files (`data`). Facts of another block are worthless; facts of older data are better than none.
"""

import glob
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from poles.dataset import Dataset, Facts
from poles.settings import settings

_FOLDER_FILES = ("zarr.json", ".zmetadata", ".zgroup", ".zattrs", "*/zarr.json", "*/.zarray")
"""Of a Zarr folder: what changes when arrays are added or grow."""


_FORM = 3
"""Of the facts: those kept in another form are described anew."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What facts depend on."""

    block: str
    data: str


@checked(frozen=True, config=ConfigDict(ser_json_inf_nan="constants"))
class _Kept:
    block: str
    data: str
    facts: Facts


_FILE = TypeAdapter(_Kept)


def stamp(dataset: Dataset) -> Stamp:
    """Stats the files, opens none."""
    how = repr((_FORM, dataset.source, dataset.kind, dataset.crs, dataset.time_pattern, dataset.names))
    how += repr(dataset.access_rights)  # where it is open, files are offered as they are
    return Stamp(_digest(how), _digest("\n".join(_state(s) for s in dataset.source)))


def kept(dataset: Dataset, state: Path | None = None) -> tuple[Facts | None, bool]:
    """The facts on hand for this block, and whether the data are still those that were described."""
    try:
        found = _FILE.validate_json(_path(dataset.id, state).read_bytes())
    except (OSError, ValidationError):
        return None, False
    expected = stamp(dataset)
    if found.block != expected.block:
        return None, False
    return found.facts, found.data == expected.data


def keep(dataset: Dataset, facts: Facts, stamped: Stamp, state: Path | None = None) -> None:
    """Writes facts atomically; `stamped` was taken before the data were opened."""
    path = _path(dataset.id, state)
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, _FILE.dump_json(_Kept(stamped.block, stamped.data, facts)))


def forget(identifier: str, state: Path | None = None) -> None:
    """Drops the facts of a data set that is no longer published."""
    _path(identifier, state).unlink(missing_ok=True)


def folder(state: Path | None = None) -> Path:
    """Where facts are kept."""
    return (state or settings().state) / "facts"


def write(path: Path, content: bytes) -> None:
    """Replaces a file as a whole: readers see the old or the new one, never half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def files(source: str) -> list[str]:
    """The paths that a source means: itself, or what its pattern matches."""
    if "://" in source or not glob.has_magic(source) or os.path.exists(source):
        return [source]
    return sorted(glob.glob(source, recursive=True))


def _path(identifier: str, state: Path | None) -> Path:
    return folder(state) / f"{identifier}.json"


def _state(source: str) -> str:
    if "://" in source:
        return source
    return "\n".join(_stat(path) for path in files(source))


def _stat(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return f"{path} absent"
    told = f"{path} {found.st_mtime_ns} {found.st_size}"
    if os.path.isdir(path):
        inner = sorted(p for name in _FOLDER_FILES for p in glob.glob(os.path.join(glob.escape(path), name)))
        told += "".join(f"\n{_stat(p)}" for p in inner)
    return told


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]
