"""What is wrong with a catalogue, one sentence a fault: `resource: key: what is wrong; what would do`."""

from collections.abc import Iterator
from pathlib import Path

from poles.catalogue import Catalogue, read
from poles.catalogue import facts as kept_facts
from poles.catalogue.entries import SERVED
from poles.dataset import Dataset, Facts
from poles.describe import describe
from poles.errors import PolesError


def faults(path: Path, *, opening: bool) -> Iterator[str]:
    """Every fault of a catalogue; with `opening`, all data are opened and their facts kept. Raises `Unreadable`."""
    catalogue = read(path)
    yield from (f"{named}: {reason}" for named, reason in catalogue.left_out)
    for dataset in catalogue.datasets.values():
        yield from (f"{dataset.id}: {fault}" for fault in _of(dataset, catalogue, opening))


def _of(dataset: Dataset, catalogue: Catalogue, opening: bool) -> Iterator[str]:
    missing = [s for s in dataset.source if "://" not in s and not any(map(_exists, kept_facts.files(s)))]
    if missing:
        yield from (f"poles.source: nothing is at {s}; give a path or pattern that matches files" for s in missing)
        return
    if not opening:
        if dataset.facts is not None:
            yield from _against(dataset, dataset.facts, catalogue)
        return
    stamped = kept_facts.stamp(dataset)
    try:
        facts = describe(dataset)
    except PolesError as error:
        yield f"poles.source: {error}"
        return
    yield from _against(dataset, facts, catalogue)
    try:
        kept_facts.keep(dataset, facts, stamped)
    except OSError as error:
        yield f"state folder: {error.strerror}; set POLES_STATE to a folder that can be written"


def _against(dataset: Dataset, facts: Facts, catalogue: Catalogue) -> Iterator[str]:
    """What the block says that the data do not bear out."""
    block = catalogue.config["resources"][dataset.id]
    there = [p.key for p in facts.parameters]
    for key in block["poles"].get("parameters") or {}:
        if str(key) not in there:
            yield f"poles.parameters.{key}: not in the data; give {_few(there)}"
    for api in dataset.apis:
        if api not in SERVED[facts.kind]:
            yield f"providers: {api} cannot serve {facts.kind}; give {' or '.join(SERVED[facts.kind])}"


def _few(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" or one of {len(names) - 8} more" if len(names) > 8 else "")


def _exists(path: str) -> bool:
    return Path(path).exists()
