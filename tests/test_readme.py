"""The README: short, its links lead somewhere, and its five requests give the answers that stand below them."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import netCDF4
import pytest
import rasterio
from flask.testing import FlaskClient

from poles.settings import settings
from web.app import create_app

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
HERE = "http://localhost:5000"


def requests() -> dict[str, tuple[str, str]]:
    """By its number: the command of each request, and the lines that answer it."""
    block = README.split("## Five requests")[1].split("```")[1]
    found = {}
    for number, body in re.findall(r"^# (\d)\.[^\n]*\n(.*?)(?=^# |\Z)", block, re.MULTILINE | re.DOTALL):
        lines = body.strip().replace("\\\n", " ").split("\n")
        found[number] = (lines[0], "\n".join(line for line in lines[1:] if not line.startswith("$")))
    return found


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    state = tmp_path_factory.mktemp("state")
    app = create_app(replace(settings(), config=ROOT / "pygeoapi-config.yml", state=state), watch=False)
    with app.test_client() as asking:
        yield asking


def path(command: str) -> str:
    return re.search(rf"{HERE}(/[^\s\"]+)", command)[1]


def test_it_is_short():
    assert README.count("\n") < 150


def test_its_links_lead_to_files_that_are_here():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_there_are_five_requests():
    assert list(requests()) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("number", ["1", "2", "3"])
def test_a_request_gives_the_answer_below_it(client, number):
    command, expected = requests()[number]
    assert client.get(path(command)).get_data(as_text=True).strip().split() == expected.split()


def test_the_fourth_gives_a_raster_of_that_shape(client, tmp_path):
    command, expected = requests()["4"]
    file = tmp_path / "grenoble.tif"
    file.write_bytes(client.get(path(command)).data)
    with rasterio.open(file) as raster:
        assert f"{raster.height} {raster.width}" == expected


def test_the_fifth_gives_a_file_with_its_licence(client, tmp_path):
    command, expected = requests()["5"]
    inputs = json.loads(re.search(r"-d '(.*)'", command)[1])
    file = tmp_path / "sla.nc"
    file.write_bytes(client.post(path(command), json=inputs).data)
    with netCDF4.Dataset(file) as found:
        assert f"{found['sla'].shape} {found.license}" == expected


def test_its_table_is_the_catalogue(client):
    ids = {c["id"] for c in client.get("/collections?f=json").json["collections"]}
    assert set(re.findall(r"^\|[^|]*\| `([a-z0-9-]+)` \|", README, re.MULTILINE)) == ids
    for name, e, c, f in re.findall(r"`([a-z0-9-]+)` \|[^|]*\|(.*)\|(.*)\|(.*)\|$", README, re.MULTILINE):
        links = {link["href"].split("?")[0] for link in client.get(f"/collections/{name}?f=json").json["links"]}
        ends = [link.rsplit(f"/{name}/", 1)[1] for link in links if f"/{name}/" in link]
        assert ("coverage" in ends) == ("•" in c)
        assert ("items" in ends) == ("•" in f)
        assert ("cube" in ends) == ("•" in e)
