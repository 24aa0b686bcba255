"""The catalogue: what the configuration says, as a value with a version.

`pygeoapi-config.yml` is the root; its key `poles` may list further files of resources in the same syntax. A block
that cannot be read is left out and named; it never takes the others down.
"""

import glob
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from poles.catalogue import facts as kept_facts
from poles.catalogue.documents import BlockError, Document
from poles.catalogue.entries import LimitsGiven, absolute, entry, merged, utc
from poles.dataset import Dataset, Limits
from poles.errors import Unreadable


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One version of everything that is served."""

    version: str
    """Changes with any of the files and with the facts of any data set; the same in every process."""
    datasets: Mapping[str, Dataset]
    """By id, in the order of the files."""
    left_out: tuple[tuple[str, str], ...]
    """Ids of blocks that cannot be served, each with `key: what is wrong; what would do`."""
    config: dict[str, Any]
    """The merged configuration, which stock pygeoapi runs: sources are absolute, times are datetimes."""
    files: tuple[Path, ...]
    """The root and the files that it lists."""
    include: tuple[str, ...] = ()
    """The patterns of the files listed."""
    stale: frozenset[str] = frozenset()
    """Ids of data sets whose data were not described since they changed, or never."""


class _Server(BaseModel):
    """The key `poles` of the root file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    include: Annotated[list[str], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)] = []
    limits: LimitsGiven = LimitsGiven()


def read(path: Path, state: Path | None = None) -> Catalogue:
    """The catalogue of a configuration file, with the facts kept in the state folder; opens no data.

    Raises `Unreadable` where the root file, or a file that it lists, cannot be read at all.
    """
    documents = [_document(path)]
    config = documents[0].sections()
    server = _server(config, path)
    listed = included(server.include, path.parent)
    documents += [_document(p) for p in listed]
    reading = _Reading(server.limits.over(Limits()), state)
    for document in documents:
        reading.take(document)
    config["resources"] = reading.resources
    _complete(config)
    return Catalogue(
        version=_version(documents, reading.datasets),
        datasets=MappingProxyType(reading.datasets),
        left_out=tuple(reading.left_out),
        config=config,
        files=(path, *listed),
        include=tuple(server.include),
        stale=frozenset(reading.stale),
    )


def files(path: Path) -> tuple[Path, ...]:
    """The root file of a catalogue and the files that it lists."""
    return (path, *included(_server(_document(path, again=True).sections(), path).include, path.parent))


def included(patterns: Sequence[str], folder: Path) -> tuple[Path, ...]:
    """The files that the root lists, in order; a pattern gives those that match, sorted."""
    found: list[str] = []
    for pattern in patterns:
        path = absolute(pattern, str(folder))
        found += sorted(glob.glob(path, recursive=True)) if glob.has_magic(path) else [path]
    return tuple(dict.fromkeys(map(Path, found)))


class _Reading:
    """Blocks as they are read, one after another."""

    def __init__(self, limits: Limits, state: Path | None) -> None:
        self.limits, self.state = limits, state
        self.datasets: dict[str, Dataset] = {}
        self.resources: dict[str, Any] = {}
        self.left_out: list[tuple[str, str]] = []
        self.stale: list[str] = []
        self._seen: set[str] = set()

    def take(self, document: Document) -> None:
        """All resources of one file."""
        for identifier, node in document.entries():
            try:
                if identifier in self._seen:
                    where = f"given a second time ({os.path.basename(document.name)}, line {node.start_mark.line})"
                    raise BlockError("id", where, "give another id, or remove one")
                self._seen.add(identifier)
                self._take(identifier, document.value(node), os.path.dirname(document.name))
            except BlockError as error:
                self.left_out.append((identifier, str(error)))

    def _take(self, identifier: str, block: Any, folder: str) -> None:
        if isinstance(block, dict) and block.get("type") == "process":
            self.resources[identifier] = block
            return
        dataset = entry(identifier, block, folder, self.limits)
        known, fresh = kept_facts.kept(dataset, self.state)
        if not fresh:
            self.stale.append(identifier)
        self.datasets[identifier] = dataset if known is None else merged(dataset, block, known)
        self.resources[identifier] = _plain(block, dataset)


def _plain(block: dict[str, Any], dataset: Dataset) -> dict[str, Any]:
    """A block as stock pygeoapi needs it, wherever the merged file may lie."""
    source = dataset.source[0] if len(dataset.source) == 1 else list(dataset.source)
    extents = dict(block["extents"])
    if (temporal := extents.get("temporal")) is not None:
        extents["temporal"] = {**temporal, **{end: _timestamp(temporal.get(end)) for end in ("begin", "end")}}
    else:
        extents.pop("temporal", None)
    return {**block, "extents": extents, "poles": {**block["poles"], "source": source}}


def _timestamp(value: Any) -> datetime | None:
    """A datetime in UTC, as stock demands; None for what the civil calendar lacks."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    return utc(value) if isinstance(value, datetime) else None


def _complete(config: dict[str, Any]) -> None:
    """What stock pygeoapi needs and a file may leave out; what is merged is no longer listed."""
    if isinstance(config.get("poles"), dict):
        config["poles"] = {k: v for k, v in config["poles"].items() if k != "include"}
    server = config.get("server")
    if isinstance(server, dict):
        limits = Limits()
        server.setdefault("limits", {"default_items": limits.items, "max_items": limits.items_max})
    metadata = config.get("metadata")
    if isinstance(metadata, dict) and isinstance(named := metadata.get("identification"), dict):
        url = named.get("url", "https://www.data-terra.org")
        metadata["identification"] = {"terms_of_service": url, **named}
        metadata["license"] = {"name": "Each collection states its own", "url": url, **(metadata.get("license") or {})}


def _document(path: Path, *, again: bool = False) -> Document:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read()
    except FileNotFoundError as error:
        raise Unreadable(str(path), "no such file", "publish a file, or give --config") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(str(path), f"cannot be read ({error})", "give a readable YAML file in UTF-8") from error
    return Document(text, os.path.abspath(path), again=again)


def _server(config: Mapping[str, Any], path: Path) -> _Server:
    try:
        return _Server.model_validate(config.get("poles") or {})
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(["poles", *(str(p) for p in fault["loc"])])
        raise Unreadable(f"{path}: {key}", fault["msg"].lower(), "give include and limits only") from error


def _version(documents: list[Document], datasets: Mapping[str, Dataset]) -> str:
    digest = hashlib.sha256()
    for document in documents:
        digest.update(document.text.encode())
        digest.update(b"\0")
    for dataset in datasets.values():
        digest.update(f"{dataset.id} {dataset.facts.version if dataset.facts else '-'}\n".encode())
    return digest.hexdigest()[:16]
