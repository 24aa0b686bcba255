"""The demo: every collection is described in full, its files may be given away, and its values are the known ones."""

import hashlib
import json
import re
from pathlib import Path

import pytest
import yaml
from ucumvert import get_ucum_parser

from poles.catalogue import read
from poles.dataset import POLES, Dataset

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "demo"
MANIFEST = ROOT.parent / "shared" / "data" / "MANIFEST.json"
CATALOGUE = read(ROOT / "pygeoapi-config.yml", ROOT / "no-such-state")
IDS = tuple(CATALOGUE.datasets)
BLOCKS = yaml.safe_load((ROOT / "pygeoapi-config.yml").read_text(encoding="utf-8"))["resources"]

each = pytest.mark.parametrize("identifier", IDS)


def dataset(identifier: str) -> Dataset:
    return CATALOGUE.datasets[identifier]


def sources() -> dict[str, tuple[list[str], str, str]]:
    """Of each collection, from SOURCES.md: its files, what was done to them, and its licence file."""
    rows = re.findall(r"^\| ((?:theia|aeris|formater|odatis)-\S+) \|(.*)\|$", (DEMO / "SOURCES.md").read_text(), re.M)
    cells = {name: [c.strip() for c in rest.split("|")] for name, rest in rows}
    return {name: (re.findall(r"`([^`]+)`", c[0]), c[2], c[3].strip("`")) for name, c in cells.items()}


# --- the collection of collections ---------------------------------------------------------------------------------


def test_no_block_is_left_out():
    assert CATALOGUE.left_out == ()


def test_there_are_at_least_sixteen_collections_and_three_a_pole():
    assert len(IDS) >= 16
    for pole in POLES:
        assert sum(d.pole == pole for d in CATALOGUE.datasets.values()) >= 3


def test_the_demo_is_small():
    assert sum(f.stat().st_size for f in DEMO.rglob("*") if f.is_file()) <= 15_000_000


def test_every_demo_file_is_accounted_for():
    lying = {str(f.relative_to(DEMO)) for pole in POLES for f in (DEMO / pole).iterdir()}
    listed = {name for files, _, _ in sources().values() for name in files}
    read_by_blocks = {
        str(f.relative_to(ROOT / "demo"))
        for block in BLOCKS.values()
        if "poles" in block
        for f in ROOT.glob(block["poles"]["source"])
    }
    assert lying == listed == read_by_blocks


def test_the_files_are_those_that_may_be_given_away():
    if not MANIFEST.exists():
        pytest.skip("the manifest of the real data is not here")
    listed = [i["sha256"] for i in json.loads(MANIFEST.read_text()) if i["may_be_bundled"]]
    allowed = {h for s in listed for h in (s.values() if isinstance(s, dict) else [s])}
    for pole in POLES:
        for file in (DEMO / pole).iterdir():
            assert hashlib.sha256(file.read_bytes()).hexdigest() in allowed, file


def test_the_subset_process_is_offered():
    assert BLOCKS["extract-subset"]["type"] == "process"


# --- each collection -----------------------------------------------------------------------------------------------


@each
def test_an_id_begins_with_its_pole(identifier):
    assert identifier.startswith(f"{dataset(identifier).pole}-")


@each
def test_its_texts_are_in_both_languages(identifier):
    described = dataset(identifier)
    texts = [described.title, described.description, described.lineage]
    texts += [t for p in described.parameters for t in (p.description,)]
    texts += [c.label for p in described.parameters for c in p.categories]
    for text in texts:
        assert text is not None
        assert text.en
        assert text.fr
        assert text.en != text.fr
    given = BLOCKS[identifier]["keywords"]
    assert len(given["en"]) == len(given["fr"]) >= 3


@each
def test_its_licence_text_is_here(identifier):
    _, _, licence = sources()[identifier]
    assert (DEMO / "licences" / licence).stat().st_size > 400
    named = dataset(identifier).licence
    assert named is not None
    assert named.startswith("http") or f"{named}.txt" == licence


@each
def test_it_says_whom_to_ask_and_how_to_cite(identifier):
    described = dataset(identifier)
    assert any(c.role == "pointOfContact" and (c.email or c.url) for c in described.contacts)
    assert described.citation
    assert described.access_rights
    assert described.processing_level
    assert described.update_frequency


@each
def test_its_parameters_have_units_and_observed_properties(identifier):
    parser = get_ucum_parser()
    for parameter in dataset(identifier).parameters:
        assert parameter.property is not None, parameter.key
        assert re.match(r"https?://", parameter.property), parameter.key
        if parameter.unit is not None:
            parser.parse(parameter.unit)
