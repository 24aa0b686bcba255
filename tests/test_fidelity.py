"""Real files published with no configuration give their known value through every API and format."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLACELESS = {
    "aeris/icos_torfhaus_co2.nc", "aeris/soi_darwin.nc", "aeris/weather_radar_anjalankoski_odim.h5",
    "hard/adcp_zero_records.nc", "hard/arpege_mslp_rotated_stretched.nc", "hard/missing_latlon_l1b.nc",
    "hard/nuwg_eta211.nc", "theia/ascat_ssm_swath.nc", "odatis/drifters_loopers_med.nc",
    "odatis/mooring_nrsrot_stz_hourly.nc",
}  # fmt: skip
"""What tells no place of its known value; the reason of each stands in docs/fidelity.md."""
REWRITTEN = ("oisst", "a1b_north", "orca2", "rotated_pole", "lcc_innsbruck", "gpm_dpr", "trmm")


def _fidelity() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fidelity", ROOT / "benchmarks" / "fidelity.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fidelity"] = module
    spec.loader.exec_module(module)
    return module


fidelity = _fidelity()
if not fidelity.DATA.is_dir():
    pytest.skip("the folder of shared data is not here: real files are not tried", allow_module_level=True)
ITEMS = {i["path"]: i for i in fidelity.items()}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLES_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("POLES_CONFIG", "")


@pytest.mark.parametrize("path", [p for p, i in ITEMS.items() if i["reader"] == "rasterio" or p not in PLACELESS])
def test_the_known_value_of_a_real_file_comes_back(path: str) -> None:
    outcome = fidelity.check(ITEMS[path])
    assert not outcome.wrong
    assert outcome.right or outcome.refused.endswith("no grid")


@pytest.mark.parametrize("container", fidelity.CONTAINERS[1:])
@pytest.mark.parametrize("name", REWRITTEN)
def test_a_container_never_changes_a_value(name: str, container: str) -> None:
    item = next(i for p, i in ITEMS.items() if name in p)
    outcome = fidelity.check(item, container)
    assert outcome.right
    assert not outcome.wrong


@pytest.mark.parametrize("path", sorted(PLACELESS & ITEMS.keys()))
def test_what_has_no_place_is_never_a_wrong_value(path: str) -> None:
    outcome = fidelity.check(ITEMS[path])
    assert outcome.refused
    assert not outcome.right
    assert not outcome.wrong
