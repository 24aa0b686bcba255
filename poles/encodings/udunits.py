"""Units of UCUM as CF spells them (UDUNITS)."""

import re
from functools import lru_cache

_SPELLED = {
    "Cel": "degC", "[degF]": "degF", "deg": "degree", "'": "arc_minute", "''": "arc_second", "a": "year",
    "mo": "month", "wk": "week", "har": "hectare", "Ohm": "ohm", "%": "%", "[ppth]": "1e-3", "[ppm]": "1e-6",
    "[ppb]": "1e-9", "[pptr]": "1e-12", "[pH]": "1", "[kn_i]": "knot", "[mi_i]": "mile", "[ft_i]": "foot",
    "[in_i]": "inch", "[nmi_i]": "nautical_mile", "[oz_av]": "ounce", "[in_i'Hg]": "inHg", "mm[Hg]": "mmHg",
    "cm[H2O]": "cmH2O",
}  # fmt: skip
_TERM = re.compile(r"(10\*|10\^)([+-]?\d+)|(mm\[Hg\]|cm\[H2O\]|\[[^\]]*\]|'{1,2}|%|[A-Za-z]+|\d+(?:\.\d+)?)([+-]?\d+)?")
_ANNOTATION = re.compile(r"\{[^}]*\}")


@lru_cache(maxsize=4096)
def udunits(ucum: str) -> str:
    """The same unit in the spelling of UDUNITS; what cannot be spelled stays as it is.

    >>> [udunits(u) for u in ("Cel", "kg.m-2.s-1", "10*6.m3/s", "ug/m3", "{count}")]
    ['degC', 'kg m-2 s-1', '1e6 m3/s', 'ug/m3', '1']
    """
    bare = _ANNOTATION.sub("", ucum)
    if not bare:
        return "1"
    return "/".join(" ".join(_term(t) for t in part.split(".") if t) or "1" for part in bare.split("/"))


def _term(text: str) -> str:
    match = _TERM.fullmatch(text)
    if match is None:
        return text
    if match[1]:
        return f"1e{int(match[2])}"
    return _SPELLED.get(match[3], match[3]) + (match[4] or "")
