"""The catalogue: blocks read strictly, facts beside them, changes taken up."""

import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from poles.catalogue import Catalogue, read
from poles.catalogue import facts as kept_facts
from poles.catalogue.watch import Watch
from poles.dataset import AxisFacts, Category, Dataset, Described, Facts, Limits, Text
from poles.errors import Unreadable

HEAD = """
server:
  bind: {host: 127.0.0.1, port: 5000}
  url: http://localhost:5000
  mimetype: application/json
  encoding: utf-8
  map: {url: https://tile.openstreetmap.org, attribution: none}
logging: {level: ERROR}
metadata:
  identification: {title: T, description: D, keywords: [k], url: "https://example.org"}
  license: {name: L}
  provider: {name: P}
  contact: {name: C}
"""
BLOCK = """
sst:
  type: collection
  title: {en: Sea surface temperature, fr: Température de surface de la mer}
  description: {en: Daily, fr: Quotidienne}
  keywords: {en: [ocean, warm], fr: [océan]}
  extents:
    spatial: {bbox: [170, -60, -160, 60]}
    temporal: {begin: 1981-12-01T00:00:00Z, end: null}
  poles:
    pole: odatis
    source: data/sst-*.nc
    licence: CC0-1.0
    version: 2.1
    contacts: [{name: Somebody, email: a@example.org}]
    parameters:
      sst: {unit: degC, property: "http://vocab.nerc.ac.uk/x", label: {en: Temperature, fr: Température}}
      ice: {categories: {0: {en: water, fr: eau}, 1: {en: ice, fr: glace}}}
  providers:
    - {type: edr, name: providers.EDR, data: sst}
    - {type: coverage, name: providers.Coverage, data: sst, format: {name: NetCDF, mimetype: application/x-netcdf}}
"""
FACTS = Facts(
    version="v1",
    kind="grid",
    parameters=(Described("sst", Text("sst", "sst"), "K", standard_name="sea_surface_temperature"),
                Described("anomaly", Text("anomaly", "anomaly"), "K")),
    bbox=(0.0, -1.5, 10.0, float("inf")),
    interval=("1981-12-02T00:00:00Z", "2020-02-30T00:00:00Z"),
    axes=(AxisFacts("t", "time", 2, "1981-12-02T00:00:00Z", "2020-02-30T00:00:00Z", step=8.64e7, calendar="360_day"),
          AxisFacts("x", "lon", 2, 0.0, 10.0, (0.0, 10.0))),
    mended=("latitude: flipped",),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLES_STATE", str(tmp_path / "state"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a configuration of blocks, in the order given."""

    def written(*blocks: str, name: str = "config.yml", head: str = HEAD) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        body = "".join(textwrap.indent(b.strip("\n") + "\n", "  ") for b in blocks)
        path.write_text(f"{head}resources:\n{body}", encoding="utf-8")
        return path

    return written


def changed(*path: Any, value: Any = ..., block: str = BLOCK) -> str:
    """The block with another value at a path; without a value, with the key taken away."""
    document: Any = yaml.safe_load(block)
    place = next(iter(document.values()))
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def test_a_block_is_a_data_set(write: Callable[..., Path], tmp_path: Path) -> None:
    catalogue = read(write(BLOCK))
    assert catalogue.left_out == ()
    assert catalogue.datasets["sst"] == Dataset(
        id="sst",
        title=Text("Sea surface temperature", "Température de surface de la mer"),
        description=Text("Daily", "Quotidienne"),
        keywords=(Text("ocean", "océan"), Text("warm", "warm")),
        pole="odatis",
        source=(str(tmp_path / "data/sst-*.nc"),),
        apis=("edr", "coverage"),
        parameters=(
            Described("sst", Text("Temperature", "Température"), "Cel", "http://vocab.nerc.ac.uk/x"),
            Described(
                "ice",
                Text("ice", "ice"),
                categories=(Category(0, Text("water", "eau")), Category(1, Text("ice", "glace"))),
            ),
        ),
        bbox=(170.0, -60.0, -160.0, 60.0),
        interval=("1981-12-01T00:00:00Z", None),
        licence="CC0-1.0",
        version="2.1",
        contacts=catalogue.datasets["sst"].contacts,
    )
    assert catalogue.datasets["sst"].contacts[0].email == "a@example.org"


def test_a_plain_title_serves_both_languages(write: Callable[..., Path]) -> None:
    dataset = read(write(changed("title", value="SST"))).datasets["sst"]
    assert dataset.title == Text("SST", "SST")


FAULTS = [
    (changed("title", "fr"), "title.fr: missing"),
    (changed("title", value={"en": "", "fr": "x"}), "title.en: ''"),
    (changed("description"), "description: missing"),
    (changed("extents", "spatial"), "extents.spatial: missing"),
    (changed("extents", "spatial", "bbox", value=[1, 2, 3]), "extents.spatial.bbox: 3 numbers"),
    (changed("extents", "spatial", "bbox", value=[0, 60, 1, -60]), "extents.spatial.bbox: [0.0, 60.0, 1.0, -60.0] is"),
    (changed("extents", "temporal", "begin", value="soon"), "extents.temporal.begin: 'soon' is no time"),
    (changed("poles"), "poles: missing"),
    (changed("poles", "source"), "poles.source: missing"),
    (changed("poles", "source", value=[]), "poles.source: []"),
    (changed("poles", "source", value=3), "poles.source: 3"),
    (changed("poles", "pole", value="north"), "poles.pole: 'north' is none of them; give theia, aeris"),
    (changed("poles", "license", value="MIT"), "poles.license: unknown key; did you mean licence?"),
    (changed("poles", "parameters", value={"sst": {"units": "K"}}), "poles.parameters.sst.units: unknown key; did you"),
    (changed("poles", "contacts", value=[{"role": "author"}]), "poles.contacts.0.name: missing"),
    (changed("poles", "limits", value={"values": 0}), "poles.limits.values: 0"),
    (changed("poles", "kind", value="observations"), "providers.1.type: coverage cannot serve observations"),
    (changed("providers", value=[]), "providers: []"),
    (changed("providers", 0, "name", value="XarrayEDR"), "providers.0.name: XarrayEDR is no door for edr; give p"),
    (changed("providers", 0, "data", value="other"), "providers.0.data: other is another data set; give sst"),
    (changed("providers", 0, "type", value="tile"), "providers.0.type: 'tile' is none of them"),
    (changed("providers", 1, "format"), "providers.1.format: lacks name and mimetype"),
    ("sst: 3", "block: is no mapping"),
    (BLOCK.replace("begin: 1981-12-01", "begin: 1981-02-30"), "line "),
    (BLOCK + "  type: collection\n", "type: given twice (line "),
    (BLOCK.replace("CC0-1.0", "${POLES_NO_SUCH}"), "POLES_NO_SUCH: the environment variable is not set"),
    (BLOCK.replace("sst:\n  type", "'a/b':\n  type"), "id: 'a/b' is no id"),
]  # fmt: skip


@pytest.mark.parametrize(("block", "reason"), FAULTS, ids=[r.split(";")[0] for _, r in FAULTS])
def test_a_bad_block_is_left_out_with_its_reason_and_takes_none_down(
    block: str, reason: str, write: Callable[..., Path]
) -> None:
    good = BLOCK.replace("sst:\n  type", "good:\n  type").replace("data: sst", "data: good")
    catalogue = read(write(block, good))
    assert list(catalogue.datasets) == ["good"]
    assert list(catalogue.config["resources"]) == ["good"]
    ((_, told),) = catalogue.left_out
    assert told.startswith(reason), told
    assert "; " in told


def test_an_id_given_twice_serves_the_first(write: Callable[..., Path]) -> None:
    catalogue = read(write(BLOCK, changed("title", value="Second")))
    assert catalogue.datasets["sst"].title.en == "Sea surface temperature"
    ((named, told),) = catalogue.left_out
    assert named == "sst"
    assert told.startswith("id: given a second time")


def test_a_process_passes_through(write: Callable[..., Path]) -> None:
    catalogue = read(write("buffer: {type: process, processor: {name: processes.Buffer}}", BLOCK))
    assert catalogue.config["resources"]["buffer"] == {"type": "process", "processor": {"name": "processes.Buffer"}}
    assert list(catalogue.datasets) == ["sst"]


def test_further_files_are_read_and_their_sources_stand_beside_them(write: Callable[..., Path], tmp_path: Path) -> None:
    write(BLOCK, name="more/b.yml", head="")
    root = write(
        BLOCK.replace("sst:\n  type", "root:\n  type").replace("data: sst", "data: root"),
        head=HEAD + "poles: {include: 'more/*.yml', limits: {values: 10}}\n",
    )
    catalogue = read(root)
    assert list(catalogue.datasets) == ["root", "sst"]
    assert catalogue.datasets["sst"].source == (str(tmp_path / "more/data/sst-*.nc"),)
    assert catalogue.datasets["sst"].limits == Limits(values=10)
    assert catalogue.files == (root, tmp_path / "more/b.yml")
    assert "include" not in catalogue.config["poles"]


def test_the_merged_configuration_reads_to_the_same_data_sets_wherever_it_lies(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    catalogue = read(write(BLOCK))
    elsewhere = tmp_path / "elsewhere" / "merged.yml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(yaml.safe_dump(catalogue.config, sort_keys=False), encoding="utf-8")
    assert read(elsewhere).datasets == catalogue.datasets


def test_times_of_the_merged_configuration_are_what_pygeoapi_demands(write: Callable[..., Path]) -> None:
    begin = datetime(1981, 12, 1, tzinfo=UTC)
    for said in ("1981-12-01T00:00:00Z", "1981-12-01", "1981-12-01 00:00:00", '"1981-12-01T00:00:00Z"'):
        catalogue = read(write(BLOCK.replace("begin: 1981-12-01T00:00:00Z, end: null", f"begin: {said}")))
        assert catalogue.config["resources"]["sst"]["extents"]["temporal"] == {"begin": begin, "end": None}
        assert catalogue.datasets["sst"].interval == ("1981-12-01T00:00:00Z", None)


def test_a_date_of_another_calendar_is_kept_as_text_and_hidden_from_pygeoapi(write: Callable[..., Path]) -> None:
    catalogue = read(write(BLOCK.replace("end: null", 'end: "2020-02-30T00:00:00Z"')))
    assert catalogue.datasets["sst"].interval == ("1981-12-01T00:00:00Z", "2020-02-30T00:00:00Z")
    assert catalogue.config["resources"]["sst"]["extents"]["temporal"]["end"] is None


def test_variables_are_filled_in_as_pygeoapi_does(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from pygeoapi.util import yaml_load

    head = HEAD.replace(
        "{host: 127.0.0.1, port: 5000}", "\n    host: 127.0.0.1\n    port: ${POLES_T_PORT:-5000}"
    ).replace("http://localhost:5000", "http://${POLES_T_HOST:-localhost}:${POLES_T_PORT:-5000}/")
    monkeypatch.setenv("POLES_T_PORT", "8081")
    path = write(BLOCK, head=head)
    server = read(path).config["server"]
    assert server["bind"]["port"] == 8081
    assert server["url"] == "http://localhost:8081/"
    with path.open(encoding="utf-8") as file:
        stock = yaml_load(file)["server"]
    assert {k: server[k] for k in stock} == stock


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1", "line 2: did not find"),
        ("- 1", "is no mapping of sections"),
        ("resources: [1]", "resources is no mapping"),
        ("poles: {includes: x}\nresources: {}", "poles.includes"),
        ("server: {}\nserver: {}", "server is given twice"),
        ("poles: {include: none.yml}\nresources: {}", "none.yml: no such file"),
        ("a: \xff", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(Unreadable, match=r".*; .*") as refused:
        read(path)
    assert told in str(refused.value)


# --- versions ------------------------------------------------------------------------------------------------------


def test_the_version_changes_with_the_text_and_with_nothing_else(write: Callable[..., Path]) -> None:
    path = write(BLOCK)
    first = read(path).version
    os.utime(path, (1, 1))
    assert read(path).version == first
    assert read(write(BLOCK + "# a comment\n")).version != first


# --- facts ---------------------------------------------------------------------------------------------------------


def data(path: Path, content: bytes = b"data") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_what_the_block_says_wins_over_what_the_data_tell(write: Callable[..., Path], tmp_path: Path) -> None:
    data(tmp_path / "data/sst-1.nc")
    path = write(BLOCK)
    before = read(path)
    dataset = before.datasets["sst"]
    kept_facts.keep(dataset, FACTS, kept_facts.stamp(dataset))
    after = read(path)
    merged = after.datasets["sst"]
    assert merged.facts == FACTS
    assert merged.parameters == (
        Described(
            "sst", Text("Temperature", "Température"), "Cel", "http://vocab.nerc.ac.uk/x", "sea_surface_temperature"
        ),
        Described("anomaly", Text("anomaly", "anomaly"), "K"),
    )
    assert merged.bbox == (170.0, -60.0, -160.0, 60.0)
    assert merged.interval == ("1981-12-01T00:00:00Z", "2020-02-30T00:00:00Z")
    assert (before.stale, after.stale) == (frozenset({"sst"}), frozenset())
    assert before.version != after.version


def test_facts_of_older_data_are_used_until_they_are_described_again(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    data(tmp_path / "data/sst-1.nc")
    path = write(BLOCK)
    dataset = read(path).datasets["sst"]
    kept_facts.keep(dataset, FACTS, kept_facts.stamp(dataset))
    data(tmp_path / "data/sst-2.nc")
    catalogue = read(path)
    assert catalogue.stale == {"sst"}
    assert catalogue.datasets["sst"].facts == FACTS


def test_facts_of_another_block_are_not_used(write: Callable[..., Path], tmp_path: Path) -> None:
    data(tmp_path / "data/sst-1.nc")
    dataset = read(write(BLOCK)).datasets["sst"]
    kept_facts.keep(dataset, FACTS, kept_facts.stamp(dataset))
    for key, value in (
        ("source", "data/sst-1.nc"),
        ("crs", "EPSG:3035"),
        ("time_pattern", "%Y"),
        ("names", {"x": "lon"}),
    ):
        assert read(write(changed("poles", key, value=value))).datasets["sst"].facts is None


def test_damaged_facts_are_no_facts(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write(BLOCK)
    dataset = read(path).datasets["sst"]
    kept_facts.keep(dataset, FACTS, kept_facts.stamp(dataset))
    kept = tmp_path / "state/facts/sst.json"
    kept.write_bytes(kept.read_bytes()[:-20])
    assert read(path).datasets["sst"].facts is None


def test_a_zarr_folder_is_stamped_by_its_metadata(tmp_path: Path) -> None:
    store = tmp_path / "s.zarr"
    data(store / "t/.zarray", b"{}")
    dataset = Dataset("s", Text("s", "s"), Text("s", "s"), source=(str(store),))
    first = kept_facts.stamp(dataset)
    data(store / "t/.zarray", b"{ }")
    assert kept_facts.stamp(dataset) != first


# --- size ----------------------------------------------------------------------------------------------------------


def test_a_block_among_a_thousand_costs_what_one_among_a_hundred_does(write: Callable[..., Path]) -> None:
    """Counted in calls, which no other work on the machine changes: 2,500 a block are a second for a thousand."""
    blocks = [BLOCK.replace("sst:\n", f"c{i}:\n").replace("data: sst", f"data: c{i}") for i in range(1000)]
    hundred, thousand = (_calls_of_reading(write(*blocks[:n]), n) for n in (100, 1000))
    assert thousand / 1000 < 2500
    assert thousand / 1000 < 1.1 * hundred / 100


def _calls_of_reading(path: Path, blocks: int) -> int:
    found = 0

    def counted(frame: Any, event: str, argument: Any) -> None:
        nonlocal found
        found += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        catalogue = read(path)
    finally:
        sys.setprofile(None)
    assert len(catalogue.datasets) == blocks
    return found


# --- changes -------------------------------------------------------------------------------------------------------


@pytest.fixture
def watching() -> Iterator[Callable[..., list[Catalogue]]]:
    watches: list[Watch] = []

    def watched(path: Path, **given: Any) -> list[Catalogue]:
        seen: list[Catalogue] = []
        watch = Watch(path, seen.append, read(path) if path.exists() else None, pause=0.05, **given)
        watches.append(watch)
        watch.start()
        return seen

    yield watched
    for watch in watches:
        watch.stop()


def until(happens: Callable[[], Any], seconds: float = 5) -> bool:
    """Whether it happens in that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if happens():
            return True
        time.sleep(0.01)
    return False


def test_a_changed_file_is_taken_up(write: Callable[..., Path], watching: Callable[..., list[Catalogue]]) -> None:
    seen = watching(write(BLOCK))
    write(changed("title", value="Other"))
    assert until(lambda: seen)
    assert seen[-1].datasets["sst"].title.en == "Other"


def test_a_file_that_is_still_written_is_not_taken_up(
    write: Callable[..., Path], watching: Callable[..., list[Catalogue]]
) -> None:
    path = write(BLOCK)
    seen = watching(path)
    for n in range(20):
        path.write_text(path.read_text("utf-8") + f"# {n}\n", encoding="utf-8")
        time.sleep(0.03)
    assert not seen
    assert until(lambda: seen)


def test_bad_yaml_keeps_the_old_catalogue_until_it_is_mended(
    write: Callable[..., Path], watching: Callable[..., list[Catalogue]], caplog: pytest.LogCaptureFixture
) -> None:
    path = write(BLOCK)
    seen = watching(path)
    path.write_text("a: [", encoding="utf-8")
    assert until(lambda: "kept as it was" in caplog.text)
    assert not seen
    write(changed("title", value="Other"))
    assert until(lambda: seen)
    assert seen[-1].datasets["sst"].title.en == "Other"


def test_a_swap_that_fails_does_not_end_the_watch(write: Callable[..., Path]) -> None:
    seen: list[Catalogue] = []

    def swap(catalogue: Catalogue) -> None:
        seen.append(catalogue)
        if len(seen) == 1:
            raise RuntimeError

    path = write(BLOCK)
    watch = Watch(path, swap, read(path), pause=0.05)
    watch.start()
    write(changed("title", value="Other"))
    assert until(lambda: len(seen) == 1)
    write(changed("title", value="Another"))
    assert until(lambda: len(seen) == 2)
    watch.stop()


def test_a_catalogue_that_was_not_there_is_taken_up_when_it_comes(
    write: Callable[..., Path], watching: Callable[..., list[Catalogue]], tmp_path: Path
) -> None:
    seen = watching(tmp_path / "config.yml")
    write(BLOCK)
    assert until(lambda: seen)


def test_facts_that_another_process_keeps_are_taken_up(
    write: Callable[..., Path], watching: Callable[..., list[Catalogue]], tmp_path: Path
) -> None:
    data(tmp_path / "data/sst-1.nc")
    path = write(BLOCK)
    seen = watching(path)
    dataset = read(path).datasets["sst"]
    kept_facts.keep(dataset, FACTS, kept_facts.stamp(dataset))
    assert until(lambda: seen)
    assert seen[-1].datasets["sst"].facts == FACTS


def test_what_was_never_described_is_described_and_again_when_the_data_change(
    write: Callable[..., Path],
    watching: Callable[..., list[Catalogue]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("poles.catalogue.watch.LOOKED_AT", 2)
    data(tmp_path / "data/sst-1.nc")
    told: list[Facts] = []

    def describe(dataset: Dataset) -> Facts:
        told.append(replace(FACTS, version=f"v{len(told)}"))
        return told[-1]

    seen = watching(write(BLOCK), describe=describe)
    assert until(lambda: seen and seen[-1].datasets["sst"].facts == told[0])
    data(tmp_path / "data/sst-2.nc")
    assert until(lambda: len(told) == 2 and seen[-1].datasets["sst"].facts == told[1])
    assert seen[-1].stale == frozenset()


def test_data_that_cannot_be_described_are_tried_once_a_change(
    write: Callable[..., Path], watching: Callable[..., list[Catalogue]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poles.catalogue.watch.LOOKED_AT", 1)
    tried: list[Dataset] = []

    def describe(dataset: Dataset) -> Facts:
        tried.append(dataset)
        raise Unreadable("x", "cut short", "copy it again")

    watching(write(BLOCK), describe=describe)
    assert until(lambda: tried)
    time.sleep(0.5)
    assert len(tried) == 1
