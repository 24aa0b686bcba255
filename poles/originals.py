"""The files of a data set as they lie there, where they may be fetched whole or by ranges: GeoTIFF and COG."""

import os
from pathlib import Path

from poles.dataset import Dataset, Original
from poles.errors import NotFound
from poles.parts import Part, parts
from poles.sources.tiff import is_cloud_optimized

MOST = 200
"""Files up to which a data set offers them: each is a link of its collection."""

_OPEN = (None, "public", "open", "http://publications.europa.eu/resource/authority/access-right/PUBLIC")
_NAMES = (".tif", ".tiff", ".gtiff", ".cog")


def originals(dataset: Dataset) -> tuple[Original, ...]:
    """The files of a data set, if all of it are GeoTIFF files that whoever likes may read; opens each of them."""
    found = []
    for name, part in _named(dataset).items():
        optimized = is_cloud_optimized(part.href)
        if optimized is None:
            return ()
        found.append(Original(name, Path(part.href).stat().st_size, optimized))
    return tuple(found)


def original(dataset: Dataset, name: str) -> Path:
    """The path of one of the files that the collection links. Raises NotFound for any other name."""
    offered = dataset.facts.originals if dataset.facts is not None else ()
    part = _named(dataset).get(name) if any(o.name == name for o in offered) else None
    if part is None:
        raise NotFound("file", f"{dataset.id} offers no file of that name", "take one of the collection's links")
    return Path(part.href)


def _named(dataset: Dataset) -> dict[str, Part]:
    """The parts by the names under which they are offered: their paths below the folder that holds them all."""
    if not is_open(dataset):
        return {}
    members = parts(dataset)
    if len(members) > MOST or not all(p.href.lower().endswith(_NAMES) and os.path.isfile(p.href) for p in members):
        return {}
    folder = os.path.commonpath([os.path.dirname(p.href) for p in members]) if members else ""
    return {Path(os.path.relpath(p.href, folder)).as_posix(): p for p in members}


def is_open(dataset: Dataset) -> bool:
    """Whether nothing is said of access, or that it is open to all."""
    said = dataset.access_rights
    return said in _OPEN or (said is not None and said.strip().lower() in _OPEN)
