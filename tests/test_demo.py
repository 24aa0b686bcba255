"""The demo: every collection is described in full, its files may be given away, and its values are the known ones."""

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from ucumvert import get_ucum_parser

from poles.answer import answer
from poles.catalogue import read
from poles.coverage import Coverages, Table
from poles.dataset import POLES, Dataset, Facts
from poles.describe import describe
from poles.query import At, AtLocation, Interval, Query, Span
from poles.times import moment

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
    rows = re.findall(
        r"^\| ((?:theia|aeris|formater|odatis)-\S+) \|(.*)\|$", (DEMO / "SOURCES.md").read_text(), re.MULTILINE
    )
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


# --- the data ------------------------------------------------------------------------------------------------------


@cache
def facts(identifier: str) -> Facts:
    return describe(dataset(identifier))


@each
def test_its_parameters_are_all_described(identifier):
    said = {p.key for p in dataset(identifier).parameters}
    told = {p.key for p in facts(identifier).parameters}
    assert said <= told
    if facts(identifier).kind != "features":
        assert said == told


@each
def test_its_extents_are_those_of_the_data(identifier):
    said, told = dataset(identifier), facts(identifier)
    assert told.bbox is not None
    assert said.bbox == pytest.approx(told.bbox, abs=0.6 if told.kind == "observations" else 0.01)
    assert all(s <= t for s, t in zip(said.bbox[:2], told.bbox[:2], strict=True))
    assert all(s >= t for s, t in zip(said.bbox[2:], told.bbox[2:], strict=True))
    if told.interval is None or identifier.endswith("footprints"):
        return
    assert said.interval is not None
    for mine, theirs in zip(said.interval, told.interval, strict=True):
        assert mine[:19] == theirs[:19]


def test_the_kinds_of_data_of_the_demo_are_many():
    told = {i: facts(i) for i in IDS}
    axes = {i: {a.name: a.size for a in f.axes} for i, f in told.items()}
    assert sum(f.kind == "features" for f in told.values()) >= 2
    samplings = {f.feature_type for f in told.values() if f.kind == "observations"}
    assert {"timeSeries", "trajectory", "point"} <= samplings
    assert sum(f.horizontal == "curvilinear" for f in told.values()) >= 1
    assert any("/EPSG/" in f.crs and "/326" in f.crs for f in told.values())
    assert sum(f.kind == "grid" and not f.crs.startswith("http") for f in told.values()) >= 2
    assert any(a.get("t", 0) > 50 for a in axes.values())
    assert any(a.get("z", 0) >= 20 for a in axes.values())
    assert axes["formater-insar-kilauea"]["t"] == 2


@dataclass(frozen=True)
class Known:
    """A value known from another reader (MANIFEST.json; rasterio, netCDF4), and the question that gives it."""

    identifier: str
    parameter: str
    value: float
    x: float
    y: float
    t: str | None = None
    z: float | None = None


KNOWN = (
    Known("theia-copdem-grenoble", "band_1", 422, 5.501000277777778, 45.498999722222216),
    Known("theia-landsat7-olinda", "band_1", 80, -34.8712729, -7.99550474),
    Known("theia-nlcd-puerto-rico", "Layer_1", 71, -66.22915915, 18.17217162),
    Known("aeris-a1b-air-temperature", "air_temperature", 287.79974365234375, -90, 37.5, "1980-06-01"),
    Known("aeris-bcsd-monthly", "tas", 27.338064193725586, -79.9375, 35.0625, "1999-07-31"),
    Known("aeris-msg-brightness-temperature", "data", 281.4330139160156, -4.401718616485596, 51.618228912353516),
    Known("aeris-ncep-air-temperature", "air", 253.1, -95, 45, "2014-02-26T12:00:00Z"),
    Known("aeris-um-mean-sea-level-pressure", "air_pressure_at_sea_level", 102123, -14.98673693, 53.57132804),
    Known("formater-etopo-relief", "ROSE", -4317.3212890625, -159, 1),
    Known("formater-insar-kilauea", "band_1", 0.0234375, -155.29463494, 19.3474724, "2016-07-23"),
    Known("formater-insar-kilauea", "band_1", 0.0174560546875, -155.29463494, 19.3474724, "2016-08-04"),
    Known(
        "formater-insar-los-vectors",
        "East component of line of sight unit vector (ground to satellite)",
        -0.619140625,
        -155.71241808,
        19.95539545,
    ),
    Known("odatis-duacs-mediterranean", "adt", -0.0935, 15.5625, 38.0625, "2016-05-15"),
    Known("odatis-levitus-north-atlantic", "TEMP", 13.780000686645508, -39.5, 40.5, z=400),
    Known("odatis-oisst-daily", "sst", 28.03, 180, 1, "1981-12-31"),
    Known("odatis-orca2-temperature", "votemper", 23.02825355529785, -100, 0.5006916522979736),
    Known("odatis-ostia-monthly", "surface_temperature", 301.3183288574219, 180, 0, "2008-07-16"),
    Known("odatis-wave-bathymetry-gironde", "D_MSL", -61.82003402709961, -1.01436657, 45.54573352),
)


def when(text: str | None) -> tuple[Interval, ...] | None:
    return None if text is None else (Interval(moment(text), moment(text)),)


@pytest.mark.parametrize("known", KNOWN, ids=lambda k: f"{k.identifier} {k.t or ''}")
def test_a_position_gives_the_known_value(known):
    levels = None if known.z is None else (Span(known.z, known.z),)
    where = At(((known.x, known.y),))
    question = Query("position", where, when(known.t), levels, parameters=(known.parameter,))
    found = answer(dataset(known.identifier), question)
    assert isinstance(found, Coverages)
    (member,) = found.members
    assert member.parameters[known.parameter] == dataset(known.identifier).parameter(known.parameter)
    assert member.ranges[known.parameter].array().ravel().tolist() == [pytest.approx(known.value, rel=2e-6)]


def rows(identifier: str, query: Query) -> list[dict]:
    found = answer(dataset(identifier), query)
    assert isinstance(found, Table)
    return pa.Table.from_batches(found.batches(), found.schema).to_pylist()


def test_the_gnss_station_gives_the_known_position():
    day = when("2023-05-28")
    (member,) = answer(dataset("formater-gnss-kilauea"), Query("location", AtLocation(("PUHI",)), day)).members
    found = [member.ranges[k].array().item() for k in ("east", "north", "up")]
    assert found == pytest.approx([5117 + 0.023283, 2144343 + 0.148622, 1103 - 0.275283], abs=1e-6)


def test_the_radiosonde_gives_the_known_temperature():
    (row,) = rows("aeris-arm-radiosonde", Query("items", when=when("2011-05-20T08:41:58Z")))
    assert row["tdry"] == pytest.approx(5.28000020980835)


def test_the_glider_gives_the_known_temperature():
    (row,) = rows("odatis-glider-bornholm", Query("items", when=when("2022-12-12T15:30:09.603Z")))
    assert row["temperature"] == pytest.approx(11.4184)


def test_the_first_earthquake_is_the_known_one():
    (row,) = rows("formater-earthquakes-indonesia", Query("items", when=when("2024-04-01T10:26:27.337Z")))
    assert (row["mag"], row["place"]) == (4.1, "125 km NNE of Paciran, Indonesia")


def test_ain_is_the_known_departement():
    (ain,) = [r for r in rows("theia-departements", Query("items")) if r["name"] == "Ain"]
    assert (ain["gn_name"], ain["gu_a3"]) == ("Departement de l'Ain", "FXX")


def test_the_known_footprint_is_there():
    name = "S2A_MSIL1C_20210330T103021_N0500_R108_T31TFM_20230523T215656"
    (row,) = [r for r in rows("theia-sentinel2-footprints", Query("items")) if r["title"] == name]
    assert (row["id"], row["eo:cloud_cover"], row["peps:relativeOrbitNumber"]) == (name, 0, 108)
