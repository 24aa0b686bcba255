"""Publishing: a file, a pattern or several files become a block of the catalogue, spliced into it as text."""

import glob
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import resources
from itertools import chain, count
from pathlib import Path
from typing import Any, Literal

import yaml
from filelock import FileLock

from poles.catalogue import facts as kept_facts
from poles.catalogue import files, splice
from poles.catalogue.documents import BlockError, Document
from poles.catalogue.entries import IDENTIFIER, PROVIDERS, SERVED, database, entry, utc
from poles.crs import crs as parsed_crs
from poles.dataset import POLES, Dataset, Facts, Kind, Limits, Text
from poles.describe import describe
from poles.errors import Invalid, Unreadable
from poles.opened import kind_of_parts
from poles.parts import Part, parts
from poles.rows.shelf import forget
from poles.settings import settings
from poles.stores.postgis import is_table

Block = dict[str, Any]
FORMATS = {"coverage": {"name": "NetCDF", "mimetype": "application/x-netcdf"}}
WORLD = [-180.0, -90.0, 180.0, 90.0]
KINDS: dict[Kind, Text] = {
    "grid": Text("Grid", "Grille"),
    "observations": Text("Observations", "Observations"),
    "features": Text("Features", "Objets géographiques"),
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be published, as it was asked."""

    paths: tuple[str, ...]
    id: str | None = None
    pole: str | None = None
    title: str | None = None
    time_pattern: str | None = None
    crs: str | None = None
    names: tuple[str, ...] = ()
    """What the source calls a layer, a column or an axis, each as `ROLE=NAME`."""
    store: str | None = None
    """URL of the PostgreSQL database that is to hold the rows."""


@dataclass(frozen=True, slots=True)
class Published:
    """What was published, and where."""

    id: str
    facts: Facts
    apis: tuple[str, ...]
    file: Path
    updated: bool

    def document(self) -> dict[str, Any]:
        """For programs: what `poles publish --json` prints."""
        return {
            "id": self.id,
            "kind": self.facts.kind,
            "apis": list(self.apis),
            "parameters": [p.key for p in self.facts.parameters],
            "bbox": None if self.facts.bbox is None else list(self.facts.bbox),
            "interval": None if self.facts.interval is None else list(self.facts.interval),
            "crs": self.facts.crs,
            "mended": list(self.facts.mended),
        }


# --- what is asked -------------------------------------------------------------------------------------------------


def sources(paths: Sequence[str]) -> tuple[str, ...]:
    """Paths and patterns from the root, URLs as they are. Raises `Unreadable` for what matches nothing."""
    found = tuple(p if "://" in p else os.path.abspath(os.path.expanduser(p)) for p in paths)
    for given, source in zip(paths, found, strict=True):
        if "://" in source or os.path.exists(source):
            continue
        if glob.has_magic(source) and kept_facts.files(source):
            continue
        what = "no file matches" if glob.has_magic(source) else "no such file"
        raise Unreadable(given, what, "give a path, a pattern in quotes, or several paths")
    return found


def identifier(source: Sequence[str]) -> str:
    """An id from the names of the files: what they have in common, else their folder.

    >>> identifier(["/data/OISST v2.1.nc"]), identifier(["/d/sst.20200101.nc", "/d/sst.20200102.nc"])
    ('oisst-v2-1', 'sst')
    """
    if is_table(source):
        return _slug(source[0].rpartition("table=")[2].rpartition(".")[2]) or "data"
    names = [os.path.basename(path.rstrip("/")) for pattern in source for path in kept_facts.files(pattern)]
    stems = [re.sub(r"(\.[A-Za-z][A-Za-z0-9]{0,8}){1,2}$", "", name) or name for name in names]
    stem = stems[0] if len(stems) == 1 else re.sub(r"[._-]*\d*$", "", os.path.commonprefix(stems))  # noqa: RUF071
    folder = os.path.basename(os.path.dirname(source[0].rstrip("/")))
    return _slug(stem) or _slug(folder) or "data"


def provisional(asked: Request, source: tuple[str, ...]) -> Dataset:
    """A data set as far as the question tells. Raises `Invalid` for a pole or an id that cannot be."""
    named = asked.id if asked.id is not None else identifier(source)
    if not IDENTIFIER.fullmatch(named):
        raise Invalid("--id", f"'{named}' is no id", "use letters, digits, '-', '_' and '.'")
    if asked.pole is not None and asked.pole not in POLES:
        raise Invalid("--pole", f"'{asked.pole}' is no pole", f"give one of {', '.join(POLES)}")
    if asked.crs is not None:
        parsed_crs(asked.crs)
    title = asked.title or named.replace("-", " ").replace("_", " ")
    return Dataset(
        id=named,
        title=Text(title, title),
        description=Text(title, title),
        source=source,
        pole=next((p for p in POLES if p == asked.pole), None),
        crs=asked.crs,
        store=_store(asked.store),
        time_pattern=asked.time_pattern,
        names=_names(asked.names),
    )


def _names(given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Roles and what the source calls them; a constant keeps its `=`: `x==2.35`."""
    found = {}
    for text in given:
        role, between, name = text.partition("=")
        if not (role and between and name):
            raise Invalid("--name", f"'{text}' is no ROLE=NAME", "give layer=roads, or x=easting")
        found[role] = name
    return tuple(found.items())


def _store(url: str | None) -> str | None:
    try:
        return None if url is None else database(url)
    except ValueError as error:
        raise Invalid("--store", str(error), "give postgresql://user@host/database") from None


def described(dataset: Dataset) -> Facts:
    """The facts of data that are all of one kind. Raises `Unreadable`."""
    if is_table(dataset.source):
        return describe(dataset)
    members = parts(dataset)
    kinds = {kind_of_parts((member,), dataset): member.href for member in members} if dataset.kind is None else {}
    if len(kinds) > 1:
        told = ", ".join(f"{os.path.basename(href)} holds {kind}" for kind, href in kinds.items())
        raise Unreadable(dataset.id, f"several kinds of data: {told}", "publish each kind by itself")
    if dataset.store is not None and (dataset.kind or next(iter(kinds))) == "grid":
        raise Invalid("--store", f"{dataset.id} is a grid, which has no rows", "leave it out")
    try:
        return describe(dataset)
    except Unreadable as error:
        raise _placed(error, members) from error


def _placed(error: Unreadable, members: Sequence[Part]) -> Unreadable:
    """The same refusal, told with a path: who publishes must know which file is meant."""
    if any(os.path.basename(m.href) in error.subject for m in members):
        return error
    what = error.found if error.subject in ("data", "source", "samples") else f"{error.subject}: {error.found}"
    return Unreadable(members[0].href, what, error.remedy)


# --- publishing ----------------------------------------------------------------------------------------------------


def publish(asked: Request, config: Path) -> Published:
    """Describes the data, writes their block, keeps their facts. Nothing is written where anything fails."""
    wanted = provisional(asked, sources(asked.paths))
    named = _named(asked, wanted, config)
    dataset = replace(_reading(wanted, _Blocks(config).found(named)), id=named)
    stamped = kept_facts.stamp(dataset)
    facts = described(dataset)
    with _locked(config):
        dataset = replace(dataset, id=_named(asked, wanted, config))
        known = _Blocks(config).found(dataset.id)
        text = _text(known.file)
        if isinstance(known.holds, Dataset):
            changed = _updated(text, asked, dataset, facts, known.file)
        else:
            block = block_of(asked, dataset, facts, known.file)
            changed = splice.assigned(text, ("resources", dataset.id), block)
        _unharmed(text, changed, dataset.id, known.file)
        final = _made(changed, dataset.id, known.file)
        _write(known.file, changed)
    kept_facts.keep(final, facts, replace(stamped, block=kept_facts.stamp(final).block))
    return Published(dataset.id, facts, final.apis, known.file, known.holds is not None)


def unpublish(named: str, config: Path) -> Path:
    """Takes a block out of the catalogue; the data stay where they are. Raises `Invalid` for an unknown id."""
    with _locked(config):
        found = _Blocks(config).found(named)
        home, text = found.file, _text(found.file)
        try:
            changed = splice.removed(text, ("resources", named))
        except KeyError:
            raise Invalid(named, f"not in {home}", "give an id that `poles check` or /collections names") from None
        _unharmed(text, changed, named, home)
        _write(home, changed)
    kept_facts.forget(named)
    if isinstance(found.holds, Dataset):
        forget(found.holds)
    return home


def block_of(asked: Request, dataset: Dataset, facts: Facts, home: Path) -> Block:
    """A complete block, as pygeoapi and Poles read it."""
    names = ", ".join(os.path.basename(s) for s in dataset.source[:3]) + (" …" if len(dataset.source) > 3 else "")
    kind = KINDS[facts.kind]
    keywords = [p.standard_name or p.key for p in facts.parameters[:10]] or [facts.kind]
    own = {
        "pole": asked.pole,
        "source": _relative(dataset.source, home),
        "crs": asked.crs,
        "store": asked.store,
        "time_pattern": asked.time_pattern,
        "names": dict(dataset.names) or None,
    }
    return {
        "type": "collection",
        "title": dataset.title.en,
        "description": {"en": f"{kind.en} read from {names}", "fr": f"{kind.fr} d'après {names}"},
        "keywords": list(dict.fromkeys(keywords)),
        "extents": _extents({}, facts),
        "poles": splice.Lines({k: v for k, v in own.items() if v is not None}),
        "providers": [_provider(api, dataset.id) for api in SERVED[facts.kind]],
    }


def _provider(api: str, named: str) -> Block:
    own = {"format": dict(FORMATS[api])} if api in FORMATS else {}
    return {"type": api, "name": PROVIDERS[api], "data": named, **own}


def _extents(old: Block, facts: Facts) -> Block:
    """The extents as pygeoapi has them; null for a time that the civil calendar lacks, which the data then tell."""
    spatial = {**old.get("spatial", {}), "bbox": list(facts.bbox or WORLD)}
    extents = {**old, "spatial": spatial}
    if facts.interval is None:
        extents.pop("temporal", None)
    else:
        begin, end = (_timestamp(text) for text in facts.interval)
        extents["temporal"] = {**old.get("temporal", {}), "begin": begin, "end": end}
    return extents


def _timestamp(text: str | None) -> datetime | None:
    try:
        return None if text is None else utc(datetime.fromisoformat(text))
    except ValueError:
        return None


def _relative(source: tuple[str, ...], home: Path) -> str | list[str]:
    written = [s if "://" in s else os.path.relpath(s, home.parent) for s in source]
    return written[0] if len(written) == 1 else written


# --- updating ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """What is published under an id, and the file that holds it, or is to hold it."""

    holds: Dataset | Literal["process", "unreadable"] | None
    file: Path


class _Blocks:
    """The blocks of a catalogue by id, as nodes of their files."""

    def __init__(self, config: Path) -> None:
        self._root = config.resolve()
        documents = [Document(_text(f), str(f), again=True) for f in files(config)] if config.exists() else []
        self._nodes = {found: (read, node) for read in documents for found, node in read.entries()}

    def found(self, named: str) -> _Found:
        """What is published under an id."""
        if named not in self._nodes:
            return _Found(None, self._root)
        read, node = self._nodes[named]
        return _Found(self._read(named, read, node), Path(read.name).resolve())

    @staticmethod
    def _read(named: str, read: Document, node: yaml.Node) -> Dataset | Literal["process", "unreadable"]:
        try:
            block = read.value(node)
            is_process = isinstance(block, dict) and block.get("type") == "process"
            return "process" if is_process else entry(named, block, os.path.dirname(read.name), Limits())
        except BlockError:
            return "unreadable"


def _named(asked: Request, wanted: Dataset, config: Path) -> str:
    """The id asked; else one from the names of the files that no other data have."""
    if asked.id is not None:
        return asked.id
    blocks = _Blocks(config)
    for candidate in chain([wanted.id], (f"{wanted.id}-{n}" for n in count(2))):
        holds = blocks.found(candidate).holds
        if holds is None or (isinstance(holds, Dataset) and _same(holds, wanted)):
            return candidate
    raise AssertionError


def _same(known: Dataset, wanted: Dataset) -> bool:
    """Whether the same is published again: of one file each layer is a data set of its own."""
    layer = dict(wanted.names).get("layer")
    return known.source == wanted.source and layer in (None, dict(known.names).get("layer"))


def _reading(wanted: Dataset, found: _Found) -> Dataset:
    """The data set asked, read as its block says where the question says nothing else."""
    known = found.holds
    if known == "process":
        raise Invalid("--id", f"{wanted.id} is a process", "give another id")
    if not isinstance(known, Dataset):
        return wanted
    return replace(
        wanted,
        kind=known.kind,
        names=tuple((dict(known.names) | dict(wanted.names)).items()),
        crs=wanted.crs or known.crs,
        store=wanted.store or known.store,
        time_pattern=wanted.time_pattern or known.time_pattern,
    )


def _updated(text: str, asked: Request, dataset: Dataset, facts: Facts, home: Path) -> str:
    """The text with the block of that id brought up to date: what people wrote in it stays."""
    whole = ("resources", dataset.id)
    taken = splice.taken(text, whole)
    if taken is None:
        return splice.assigned(text, whole, block_of(asked, dataset, facts, home))
    before, own, after = taken
    for path, value in _changes(asked, dataset, facts, home, _block(text, dataset.id)):
        own = splice.assigned(own, (dataset.id, *path), value)
    return before + own + after


def _changes(asked: Request, dataset: Dataset, facts: Facts, home: Path, old: Block) -> list[tuple[splice.Path, Any]]:
    """The entries that say something else than before."""
    wanted: list[tuple[splice.Path, Any]] = [
        (("poles", "source"), _relative(dataset.source, home)),
        (("extents",), _extents(old.get("extents", {}), facts)),
    ]
    own = ("pole", "crs", "store", "time_pattern")
    said = [(("title",), asked.title), *((("poles", name), getattr(asked, name)) for name in own)]
    wanted += [(path, value) for path, value in said if value is not None]
    wanted += [(("poles", "names", role), name) for role, name in _names(asked.names)]
    apis = [p.get("type") for p in old.get("providers", [])]
    if not apis or not set(apis) <= set(SERVED[facts.kind]):
        wanted.append((("providers",), [_provider(api, dataset.id) for api in SERVED[facts.kind]]))
    return [(path, value) for path, value in wanted if _at(old, path) != value]


def _at(block: Block, path: splice.Path) -> Any:
    for key in path:
        block = block.get(key, {})
    return block


def _block(text: str, named: str) -> Block:
    read = Document(text, "file", again=True)
    block: Block = read.value(dict(read.entries())[named])
    return block


# --- files ---------------------------------------------------------------------------------------------------------


def _text(home: Path) -> str:
    """The file as it stands, with its own line ends; where there is none, a complete configuration to begin with."""
    if not home.exists():
        return resources.files("poles").joinpath("configuration.yml").read_text("utf-8")
    with open(home, encoding="utf-8", newline="") as file:
        return file.read()


def _unharmed(before: str, after: str, named: str, home: Path) -> None:
    """All that is not the block of that id says what it said. Raises `Unreadable`."""
    old, new = (Document(text, "file", again=True) for text in (before, after))
    if _values(old, named) != _values(new, named) or old.sections() != new.sections():
        raise Unreadable(str(home), "its layout cannot be edited safely", "write each block on lines of its own")


def _values(read: Document, named: str) -> list[tuple[str, Any]]:
    return [(found, _said(read, node)) for found, node in read.entries() if found != named]


def _said(read: Document, node: yaml.Node) -> Any:
    try:
        return read.value(node)
    except BlockError as error:
        return error.found


def _made(text: str, named: str, home: Path) -> Dataset:
    """The data set as its block will be read. Raises `Unreadable`."""
    read = Document(text, "file", again=True)
    try:
        return entry(named, read.value(dict(read.entries())[named]), str(home.parent), Limits())
    except BlockError as error:
        raise Unreadable(f"{named}: {error.key}", error.found, error.remedy) from error


def _write(home: Path, text: str) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    kept_facts.write(home, text.encode("utf-8"))


def _locked(config: Path) -> FileLock:
    """One writer a catalogue at a time, over all shells of this state folder."""
    folder = settings().state / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{hashlib.sha256(str(config.resolve()).encode()).hexdigest()[:16]}.lock", timeout=60)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
