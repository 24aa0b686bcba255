"""The command line: what it prints, how it fails, and what it leaves in the catalogue."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pyogrio
import pytest
import shapely
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pygeoapi.config import validate_config
from pygeoapi.util import yaml_load

from poles.catalogue import read, splice
from poles.cli import main
from poles.publish import Request, publish

FILE = """\
# Ours
server:   # kept
  bind: {host: 127.0.0.1, port: 5000}
  url: http://localhost:5000
  mimetype: application/json
  encoding: utf-8
  map: {url: https://tile.openstreetmap.org, attribution: none}
logging: {level: ERROR}

resources:
  # the first
  old:
    type: collection
    title: {en: Old, fr: Vieux}   # both
    description: Old
    keywords: [old]
    extents: {spatial: {bbox: [0, 0, 1, 1]}}
    poles: {source: old.nc}
    providers: [{type: edr, name: providers.EDR, data: old}]

  # the process
  buffer: {type: process, processor: {name: processes.Buffer}}

# at the end
metadata:
  identification: {title: T, description: D, keywords: [k], url: "https://example.org"}
  license: {name: L}
  provider: {name: P}
  contact: {name: C}
"""


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POLES_CONFIG", "PYGEOAPI_CONFIG", "POLES_URL", "POLES_PORT", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("poles.parts.CHECKED_S", 0.0)
    monkeypatch.setenv("POLES_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def poles(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command: exit code, standard output, standard error."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def grid(path: Path, days: tuple[float, ...] = (0.0, 1.0), units: str = "days since 2020-01-01",
         calendar: str = "standard") -> Path:  # fmt: skip
    """Four cells over France, a step a day."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with netCDF4.Dataset(path, "w") as file:
        axes = {"time": (days, units), "lat": ((44.0, 45.0), "degrees_north"), "lon": ((2.0, 3.0), "degrees_east")}
        for name, (values, unit) in axes.items():
            file.createDimension(name, len(values))
            axis = file.createVariable(name, "f8", (name,))
            axis.units = unit
            axis[:] = values
        file["time"].calendar = calendar
        variable = file.createVariable("sst", "f4", ("time", "lat", "lon"))
        variable.units, variable.standard_name = "degC", "sea_surface_temperature"
        variable[:] = np.arange(4 * len(days)).reshape(len(days), 2, 2)
    return path


def table(path: Path) -> Path:
    """Two stations."""
    path.write_text(
        "station,longitude,latitude,time,temperature\na,2,45,2020-01-01T00:00:00Z,1.5\nb,3,46,2020-01-02T00:00:00Z,2.5\n",
        encoding="utf-8",
    )
    return path


def pygeoapi_accepts(path: Path) -> bool:
    with path.open(encoding="utf-8") as file:
        return bool(validate_config(yaml_load(file)))


# --- publish -------------------------------------------------------------------------------------------------------


def layers(path: Path) -> Path:
    """Two layers of a point each."""
    for name, place in (("roads", (1, 45)), ("towns", (2, 46))):
        wkb = np.array([shapely.to_wkb(shapely.Point(place))], object)
        pyogrio.raw.write(path, wkb, [np.array([name])], ["kind"], layer=name, geometry_type="Point", crs="EPSG:4326")
    return path


def test_each_layer_of_a_file_is_a_data_set_of_its_own(poles: Any, tmp_path: Path) -> None:
    source, config = layers(tmp_path / "map.gpkg"), tmp_path / "my.yml"
    code, _, err = poles("publish", source, "--config", config)
    assert code == 2
    assert "--name layer=" in err
    for named, done in (("roads", "published map "), ("towns", "published map-2 "), ("towns", "updated map-2 ")):
        code, out, err = poles("publish", source, "--name", f"layer={named}", "--config", config)
        assert (code, err) == (0, "")
        assert out.startswith(done)
    blocks = yaml.safe_load(config.read_text())["resources"]
    assert [blocks[i]["poles"]["names"] for i in ("map", "map-2")] == [{"layer": "roads"}, {"layer": "towns"}]
    code, _, _ = poles("publish", source, "--id", "map", "--name", "layer=towns", "--config", config)
    assert code == 0
    assert read(config).datasets["map"].names == (("layer", "towns"),)
    assert pygeoapi_accepts(config)


@pytest.mark.parametrize("given", ["layer", "=roads", "layer="])
def test_a_name_is_a_role_and_what_it_is_called(poles: Any, tmp_path: Path, given: str) -> None:
    code, _, err = poles("inspect", layers(tmp_path / "map.gpkg"), "--name", given)
    assert code == 2
    assert f"'{given}' is no ROLE=NAME" in err


def test_a_place_may_be_said_by_hand(poles: Any, tmp_path: Path) -> None:
    path = tmp_path / "tower.csv"
    path.write_text("time,flux\n2020-01-01T00:00:00Z,1.5\n", encoding="utf-8")
    code, out, _ = poles("inspect", path, "--name", "x==2.5", "--name", "y==45")
    assert code == 0
    assert "extent     2.5, 45, 2.5, 45" in out


def test_publish_makes_a_complete_configuration(poles: Any, tmp_path: Path) -> None:
    source = grid(tmp_path / "data" / "SST daily.nc")
    config = tmp_path / "conf" / "poles.yml"
    code, out, err = poles("publish", source, "--config", config, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "id": "sst-daily",
        "kind": "grid",
        "apis": ["edr", "coverage"],
        "parameters": ["sst"],
        "bbox": [1.5, 43.5, 3.5, 45.5],
        "interval": ["2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"],
        "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        "mended": json.loads(out)["mended"],
    }
    assert pygeoapi_accepts(config)
    catalogue = read(config)
    dataset = catalogue.datasets["sst-daily"]
    assert dataset.facts is not None
    assert [p.unit for p in dataset.parameters] == ["Cel"]
    assert (catalogue.left_out, catalogue.stale) == ((), frozenset())
    assert yaml.safe_load(config.read_text("utf-8"))["resources"]["sst-daily"]["poles"] == {
        "source": "../data/SST daily.nc"
    }


def test_publish_without_a_file_uses_the_catalogue_of_the_state_folder(poles: Any, tmp_path: Path) -> None:
    assert poles("publish", grid(tmp_path / "sst.nc"), "--pole", "odatis", "--title", "Températures")[0] == 0
    dataset = read(tmp_path / "state" / "pygeoapi-config.yml").datasets["sst"]
    assert (dataset.pole, dataset.title.fr) == ("odatis", "Températures")
    assert poles("check")[:2] == (0, "no fault\n")


def test_publish_splices_and_keeps_everything_else_byte_for_byte(poles: Any, tmp_path: Path) -> None:
    source = grid(tmp_path / "sst.nc")
    for text in (FILE, FILE.replace("\n", "\r\n"), FILE.rstrip("\n")):
        config = tmp_path / "config.yml"
        config.write_bytes(text.encode())
        assert poles("publish", source, "--config", config)[0] == 0
        spliced = config.read_bytes().decode()
        at = spliced.index("  sst:")
        end = spliced.index("# at the end")
        assert text.startswith(spliced[:at])
        assert text.endswith(spliced[end:])
        assert ("\r\n" in spliced[at:end]) == ("\r\n" in text)
        assert list(read(config).datasets) == ["old", "sst"]
        assert poles("unpublish", "sst", "--config", config)[0] == 0
        assert config.read_bytes().decode() == text


def test_publishing_again_updates_its_block_and_keeps_what_people_wrote(poles: Any, tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text(FILE, encoding="utf-8")
    poles("publish", grid(tmp_path / "sst.nc"), "--config", config)
    written = config.read_text("utf-8").replace("title: sst", "title: Ours  # by hand").replace(
        "source: sst.nc", "source: sst.nc\n      licence: CC0-1.0  # free"
    )  # fmt: skip
    config.write_text(written, encoding="utf-8")
    other = grid(tmp_path / "more" / "x.nc", (0.0, 1.0, 2.0))
    code, out, err = poles("publish", other, "--id", "sst", "--pole", "aeris", "--config", config)
    assert (code, err) == (0, "")
    assert out.startswith("updated sst")
    text = config.read_text("utf-8")
    assert "title: Ours  # by hand\n" in text
    assert "licence: CC0-1.0  # free\n" in text
    dataset = read(config).datasets["sst"]
    assert dataset.source == (str(other),)
    assert dataset.interval == ("2020-01-01T00:00:00Z", "2020-01-03T00:00:00Z")
    assert dataset.pole == "aeris"
    assert text.split("  sst:")[0] == FILE.split("# at the end")[0].rstrip("\n") + "\n"


def test_files_of_one_name_are_two_data_sets_and_each_is_updated_under_its_own_id(poles: Any, tmp_path: Path) -> None:
    first, second = grid(tmp_path / "a" / "sst.nc"), grid(tmp_path / "b" / "sst.nc", (0.0, 1.0, 2.0))
    ids = [json.loads(poles("publish", path, "--json")[1])["id"] for path in (first, second, first, second)]
    assert ids == ["sst", "sst-2", "sst", "sst-2"]
    datasets = read(tmp_path / "state" / "pygeoapi-config.yml").datasets
    assert [d.source for d in datasets.values()] == [(str(first),), (str(second),)]


def test_publishing_the_same_again_changes_nothing(poles: Any, tmp_path: Path) -> None:
    config, source = tmp_path / "config.yml", grid(tmp_path / "sst.nc")
    poles("publish", source, "--config", config)
    first = config.read_bytes()
    assert poles("publish", source, "--config", config)[0] == 0
    assert config.read_bytes() == first


def test_a_block_in_a_listed_file_is_updated_there(poles: Any, tmp_path: Path) -> None:
    poles("publish", grid(tmp_path / "sst.nc"), "--config", tmp_path / "more.yml")
    root = tmp_path / "config.yml"
    root.write_text(FILE + "poles: {include: more.yml}\n", encoding="utf-8")
    before = root.read_bytes()
    assert poles("publish", tmp_path / "sst.nc", "--pole", "theia", "--config", root)[0] == 0
    assert root.read_bytes() == before
    assert read(root).datasets["sst"].pole == "theia"


def test_a_pattern_and_several_files_form_one_data_set(poles: Any, tmp_path: Path) -> None:
    for day in (1, 2, 3):
        grid(tmp_path / "series" / f"sst.2020010{day}.nc", (day - 1.0,))
    code, out, _ = poles("publish", "series/sst.*.nc", "--json")
    assert code == 0
    assert json.loads(out)["id"] == "sst"
    assert json.loads(out)["interval"] == ["2020-01-01T00:00:00Z", "2020-01-03T00:00:00Z"]
    files = sorted((tmp_path / "series").iterdir())[:2]
    assert json.loads(poles("publish", *files, "--id", "two", "--json")[1])["interval"][1] == "2020-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("units", "calendar", "days", "told", "begins"),
    [
        ("days since 2020-02-01", "360_day", (28.0, 29.0), ["2020-02-29T00:00:00Z", "2020-02-30T00:00:00Z"], True),
        ("days since 0000-01-01", "360_day", (0.0, 1.0), ["0000-01-01T00:00:00Z", "0000-01-02T00:00:00Z"], False),
        ("hours since 1850-01-01", "noleap", (0.0, 0.25), ["1850-01-01T00:00:00Z", "1850-01-01T00:15:00Z"], True),
    ],
)
def test_times_that_yaml_lacks_still_give_a_configuration_that_pygeoapi_accepts(
    units: str, calendar: str, days: tuple[float, ...], told: list[str], begins: bool, poles: Any, tmp_path: Path
) -> None:
    code, out, err = poles("publish", grid(tmp_path / "sst.nc", days, units, calendar), "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["interval"] == told
    config = tmp_path / "state" / "pygeoapi-config.yml"
    assert pygeoapi_accepts(config)
    assert list(read(config).datasets["sst"].interval or ()) == told
    temporal = yaml.safe_load(config.read_text("utf-8"))["resources"]["sst"]["extents"]["temporal"]
    assert (temporal["begin"] is not None) == begins


def test_each_kind_gets_its_apis(poles: Any, tmp_path: Path) -> None:
    told = json.loads(poles("publish", table(tmp_path / "stations.csv"), "--json")[1])
    assert (told["kind"], told["apis"]) == ("observations", ["edr", "feature"])
    places = tmp_path / "places.geojson"
    geometry = {"type": "Point", "coordinates": [2, 45]}
    feature = {"type": "Feature", "id": "a", "properties": {"name": "A"}, "geometry": geometry}
    places.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    told = json.loads(poles("publish", places, "--json")[1])
    assert (told["kind"], told["apis"], told["parameters"]) == ("features", ["feature"], ["name"])
    assert poles("check", "--open")[:2] == (0, "no fault\n")


def test_many_shells_may_publish_at_once(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    sources = [grid(tmp_path / f"s{n}.nc") for n in range(6)]
    failed: list[BaseException] = []

    def run(source: Path) -> None:
        try:
            publish(Request((str(source),)), config)
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=run, args=(s,)) for s in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(read(config).datasets) == [f"s{n}" for n in range(6)]


# --- failing -------------------------------------------------------------------------------------------------------

BROKEN = {
    "no-such.nc": [],
    "empty.nc": [],
    "text.nc": [],
    "cut.nc": [],
    "sst.nc": ["--pole", "north"],
    "./sst.nc": ["--id", "a/b"],
    "nothing-*.nc": [],
    "sst.nc ": ["--crs", "EPSG:0"],
    "folder": [],
}


@pytest.mark.parametrize("path", BROKEN)
def test_a_refusal_is_one_line_and_writes_nothing(path: str, poles: Any, tmp_path: Path) -> None:
    whole = grid(tmp_path / "sst.nc").read_bytes()
    (tmp_path / "empty.nc").touch()
    (tmp_path / "text.nc").write_text("CDF is not what this is\0", encoding="utf-8")
    (tmp_path / "cut.nc").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "folder").mkdir()
    existing = tmp_path / "config.yml"
    existing.write_text(FILE, encoding="utf-8")
    for config in (existing, tmp_path / "other.yml"):
        code, out, err = poles("publish", path.strip(), *BROKEN[path], "--config", config)
        assert (code, out) == (2, "")
        assert re.fullmatch(r"poles: [^\n]+: [^\n]+; [^\n]+\n", err), err
    assert existing.read_text("utf-8") == FILE
    assert not (tmp_path / "other.yml").exists()
    assert not list((tmp_path / "state").glob("facts/*"))


def test_a_refusal_names_the_file_that_is_meant(poles: Any, tmp_path: Path) -> None:
    with netCDF4.Dataset(tmp_path / "nowhere.nc", "w") as file:
        file.createDimension("n", 3)
        file.createVariable("v", "f4", ("n",))[:] = 0
    code, _, err = poles("publish", "nowhere.nc")
    assert code == 2
    assert err.startswith(f"poles: {tmp_path / 'nowhere.nc'}: ")


def test_kinds_are_not_mixed(poles: Any, tmp_path: Path) -> None:
    code, _, err = poles("publish", grid(tmp_path / "sst.nc"), table(tmp_path / "stations.csv"), "--id", "x")
    assert code == 2
    assert re.fullmatch(r"poles: x: [^\n]+; publish each kind by itself\n", err), err


@pytest.mark.parametrize(
    "arguments",
    [
        "publish", "nothing", "", "publish sst.nc --colour", "serve --port high", "serve --port 0", "serve --workers 0",
        "unpublish none --config config.yml", "unpublish none", "check --config none.yml", "config --config none.yml",
        "openapi --config none.yml", "serve --config none.yml", "inspect none.nc", "config --config bad.yml",
        "publish sst.nc --config bad.yml", "publish sst.nc --store postgresql://x",
        "publish sst.nc --id buffer --config config.yml", "serve --strict --config faulty.yml",
    ],
)  # fmt: skip
def test_any_failure_is_exit_2_and_one_line(arguments: str, poles: Any, tmp_path: Path) -> None:
    grid(tmp_path / "sst.nc")
    (tmp_path / "config.yml").write_text(FILE, encoding="utf-8")
    (tmp_path / "faulty.yml").write_text(FILE.replace("description: Old", "describe: Old"), encoding="utf-8")
    (tmp_path / "bad.yml").write_text("a: [", encoding="utf-8")
    code, out, err = poles(*arguments.split())
    assert (code, out) == (2, "")
    assert re.fullmatch(r"poles: [^\n]+: [^\n]+; [^\n]+\n", err), err
    assert (tmp_path / "config.yml").read_text("utf-8") == FILE


def test_a_setting_that_is_no_number_is_refused_kindly(poles: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLES_PORT", "high")
    code, _, err = poles("config")
    assert code == 2
    assert err == "poles: POLES_PORT: 'high' is no whole number; give one, or unset it\n"


# --- the other commands --------------------------------------------------------------------------------------------


def test_inspect_tells_what_publish_would_find(poles: Any, tmp_path: Path) -> None:
    source = grid(tmp_path / "sst.nc", calendar="360_day")
    told = json.loads(poles("inspect", source, "--json")[1])
    assert (told["kind"], told["crs"], told["horizontal"]) == (
        "grid",
        "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        "rectilinear",
    )
    assert [p["key"] for p in told["parameters"]] == ["sst"]
    assert next(a for a in told["axes"] if a["name"] == "t")["calendar"] == "360_day"
    text = poles("inspect", source)[1]
    for part in ("grid", "CRS84", "sst [Cel]", "calendar 360_day", "1.5, 43.5, 3.5, 45.5", "2020-01-01T00:00:00Z"):
        assert part in text
    assert not (tmp_path / "state").exists()


def test_check_tells_a_line_a_fault(poles: Any, tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    grid(tmp_path / "sst.nc")
    poles("publish", "sst.nc", "--config", config)
    text = config.read_text("utf-8").replace("source: sst.nc", "source: sst.nc\n      parameters: {temp: {unit: K}}")
    config.write_text(text + FILE[FILE.index("  old:") : FILE.index("  # the process")], encoding="utf-8")
    lines = [
        f"old: poles.source: nothing is at {tmp_path / 'old.nc'}; give a path or pattern that matches files",
        "sst: poles.parameters.temp: not in the data; give sst",
    ]
    for option in ([], ["--open"]):
        code, out, err = poles("check", *option, "--config", config)
        assert (code, err) == (1, "")
        assert sorted(out.splitlines()) == lines
    config.write_text(text.replace("keywords:", "keyword:"), encoding="utf-8")
    code, out, _ = poles("check", "--config", config)
    assert (code, out) == (1, "sst: keywords: missing; give it\n")


def test_check_open_finds_data_that_cannot_be_read(poles: Any, tmp_path: Path) -> None:
    config, source = tmp_path / "config.yml", grid(tmp_path / "sst.nc")
    poles("publish", source, "--config", config)
    source.write_bytes(source.read_bytes()[:500])
    assert poles("check", "--config", config)[0] == 0
    code, out, _ = poles("check", "--open", "--config", config)
    assert code == 1
    assert out.startswith("sst: poles.source: ")
    assert out.count("\n") == 1


def test_the_merged_configuration_is_one_that_pygeoapi_accepts(poles: Any, tmp_path: Path, monkeypatch: Any) -> None:
    config = tmp_path / "conf" / "config.yml"
    poles("publish", grid(tmp_path / "sst.nc"), "--config", config)
    monkeypatch.setenv("POLES_URL", "https://example.org/poles/")
    code, out, _ = poles("config", "--config", config)
    assert code == 0
    merged = tmp_path / "merged.yml"
    merged.write_text(out, encoding="utf-8")
    assert pygeoapi_accepts(merged)
    assert read(merged).datasets == read(config).datasets
    assert read(merged).config["server"]["url"] == "https://example.org/poles"


# --- splicing ------------------------------------------------------------------------------------------------------

KEYS = st.sampled_from(["a", "b", "c", "d e", "f"])
LEAVES = st.one_of(st.integers(), st.sampled_from(["x", "on", "1: 2", "# no comment", "two\nlines\n", "é"]), st.none())
NESTED = lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3))  # noqa: E731
VALUES = st.recursive(LEAVES, NESTED, max_leaves=8)
DOCUMENTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)
PATHS = st.lists(KEYS, min_size=1, max_size=3).map(tuple)
STYLES = st.sampled_from([False, None])


def with_comments(text: str) -> str:
    """A comment between top-level entries, and one behind the first."""
    return re.sub(r"(?m)^(?=[a-f'\"])", "\n# about what follows\n", text)


def put(value: Any, path: tuple[str, ...], leaf: Any) -> Any:
    if not path:
        return leaf
    base = value if isinstance(value, dict) else {}
    return {**base, path[0]: put(base.get(path[0]), path[1:], leaf)}


@given(DOCUMENTS, PATHS, VALUES, STYLES)
def test_an_entry_is_set_and_the_rest_says_what_it_said(
    document: Any, path: tuple[str, ...], value: Any, style: Any
) -> None:
    text = with_comments(yaml.safe_dump(document, allow_unicode=True, sort_keys=False, default_flow_style=style))
    after = splice.assigned(text, path, value)
    assert yaml.safe_load(after) == put(document, path, value)
    head = text.split(f"\n# about what follows\n{path[0]}")[0]
    assert text.startswith("{") or after.startswith(head.rstrip("\n"))


@given(DOCUMENTS, KEYS, VALUES)
def test_what_was_put_in_can_be_taken_out(document: Any, key: str, value: Any) -> None:
    document = {"resources": {k: v for k, v in document.items() if k != key} or {"z": 1}, "tail": 1}
    text = with_comments(yaml.safe_dump(document, allow_unicode=True, sort_keys=False, default_flow_style=False))
    assert splice.removed(splice.assigned(text, ("resources", key), value), ("resources", key)) == text


# --- serving -------------------------------------------------------------------------------------------------------


def answer(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def test_serve_refuses_a_port_that_is_taken(poles: Any, tmp_path: Path) -> None:
    poles("publish", grid(tmp_path / "sst.nc"), "--config", tmp_path / "config.yml")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, out, err = poles("serve", "--config", tmp_path / "config.yml", "--port", port)
    assert (code, out) == (2, "")
    assert err == f"poles: 127.0.0.1:{port}: Address already in use; give another --host or --port\n"


def test_serve_prints_where_and_ends_with_term(tmp_path: Path, poles: Any) -> None:
    poles("publish", grid(tmp_path / "sst.nc"), "--config", tmp_path / "config.yml")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "web").mkdir()  # a folder of that name where it is started does no harm
    command = [
        sys.executable,
        "-m",
        "poles.cli",
        "serve",
        "--config",
        "config.yml",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    server = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline().decode() == f"Poles at http://127.0.0.1:{port}\n"
        end = time.monotonic() + 30
        while answer(f"http://127.0.0.1:{port}/ready")[0] != 200 and time.monotonic() < end:
            time.sleep(0.1)
        status, body = answer(f"http://127.0.0.1:{port}/collections/sst?f=json")
        assert status == 200
        assert f"http://127.0.0.1:{port}/collections/sst" in body.decode()
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=40) == 0
    finally:
        if server.poll() is None:
            server.kill()
        server.communicate()
