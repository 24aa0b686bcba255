"""Units as files write them become UCUM, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ucumvert import get_ucum_parser

from poles import units
from poles.units import ucum

PARSER = get_ucum_parser()

SPELLINGS = {
    "Cel": "degC|degrees_Celsius|degree_Celsius|Celsius|C|°C|deg_C|Deg C|DEG C|degrees Celsius|deg. C",
    "K": "K|degK|Kelvin|kelvin|degrees_K",
    "m/s": "m/s|m.s-1|m.s^-1|meters_per_second|M/S|m s-1|m s**-1|m s^-1|m s⁻¹|m·s⁻¹",
    "kg/m2": "kg/m2|kg/m^2|kg m^-2|kg m-2|kg m**-2",
    "W/m2": "W/m^2|W*m-2|W m-2|Watts m-2|watt/meter2",
    "hPa": "hPa|HPA|hectopascal|hectopascals",
    "mbar": "mb|mbar|millibar|millibars",
    "dbar": "dbar|decibar|decibars",
    "%": "%|percent|Percent",
    "1": "1|unitless|psu|PSU|count|kg/kg|kg kg**-1|m3 m-3|(0 - 1)",
    "10*-3": "1e-3|0.001|10*-3|10^-3|10**-3|1/1000",
    "mg/m3": "mg/m3|mg/m**3|mg m^-3",
    "ug/m3": "µg/m3|μg/m3|ug/m^3|µg m⁻³|micrograms m-3",
    "mol/m2/s": "mol/m2/s|mol/(m2*s)|mol m-2 s-1|mol m**-2 s**-1",
    "deg": "degrees|degree|deg|°|degrees_east|degree_north|degreesE|degrees_true",
    "[ppm]": "ppm|ppmv|PPM",
    "[ppb]": "ppb|ppbv",
    "nmol/mol": "nmol/mol|nmol mol-1|nanomol mol-1",
    "umol/kg": "umol/kg|µmol/kg|micromole/kg|umol kg-1",
    "d": "d|day|days",
    "s": "s|sec|second|seconds",
    "h": "h|hr|hrs|hour|hours",
    "m": "m|meter|metres|METERS|gpm|gp m",
    "mm/d": "mm/day|mm/d|mm day-1",
    "s-1": "s-1|1/s|/s|s^-1|s^{-1}",
    "m2.s/mol": "(mol/mol)/(mol/m2/s)",
    "10*-7": "1/10e6",
    "10*6.m2": "1e6 m2|10^6 m2",
    "25.10*-2.m": "0.25 m",
    "K/km": "degC/km|K/km|degrees_C km-1",
    "S/m": "S/m|S m-1|siemens/m",
    "[degF]": "degF|[degF]",
    "{molecules}/cm2": "molecules/cm2|molec cm-2",
    "[kn_i]": "knots|kt|knot",
}  # fmt: skip


@pytest.mark.parametrize(("text", "code"), [(t, code) for code, texts in SPELLINGS.items() for t in texts.split("|")])
def test_each_spelling_has_one_ucum_code(text: str, code: str) -> None:
    assert ucum(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "unknown", "None", "ids", "code", "hybrid_sigma_pressure", "days since 1970-01-01", "dBZ", "level",
        "ppt", "Sv", "kg_m^3", "1E16 e/m^2", "~", "m/", "m s-", "(m", "m)", "UTC", "0", "kg//m2", "m s x", "_", "m _",
    ],
)  # fmt: skip
def test_what_is_not_understood_has_no_unit(text: str) -> None:
    assert ucum(text) is None


def test_no_unit_is_no_unit() -> None:
    assert ucum(None) is None


@pytest.mark.parametrize("code", sorted({*SPELLINGS, *filter(None, units._PLAIN.values()), *units._WHOLE.values()}))
def test_every_code_is_ucum(code: str) -> None:
    PARSER.parse(code)


SYMBOLS = st.sampled_from(["m", "kg", "s", "K", "hPa", "mol", "um", "W"])
TERMS = st.lists(st.tuples(SYMBOLS, st.integers(1, 4), st.booleans()), min_size=1, max_size=4, unique_by=lambda t: t[0])


@given(TERMS)
def test_powers_and_divisions_say_the_same(terms: list[tuple[str, int, bool]]) -> None:
    powers = " ".join(f"{s}{n if up else -n}" for s, n, up in terms)
    stars = " ".join(f"{s}**{n if up else -n}" for s, n, up in terms)
    slashes = "".join(f"{'*' if up else '/'}{s}^{n}" for s, n, up in terms).removeprefix("*")
    assert ucum(powers) == ucum(stars) == ucum(slashes)


@given(TERMS)
def test_ucum_is_its_own_ucum(terms: list[tuple[str, int, bool]]) -> None:
    code = ucum(" ".join(f"{s}{n if up else -n}" for s, n, up in terms))
    assert code is not None
    PARSER.parse(code)
    assert ucum(code) == code


@given(st.text(max_size=30))
def test_no_text_breaks_it(text: str) -> None:
    code = ucum(text)
    if code is not None:
        PARSER.parse(code)
