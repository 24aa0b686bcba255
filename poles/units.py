"""Units as files spell them, put into UCUM.

Files follow udunits, ECMWF, spreadsheets or habit; clients of OGC APIs expect UCUM. A text is first looked
up as a whole (`psu`, `degrees_east`), then read as a product of powers (`kg m**-2 s-1`). What is not
understood has no unit: a wrong unit is worse than none.
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

_WHOLE = {
    text: ucum
    for ucum, texts in {
        "1": "1|-|--|unitless|dimensionless|nondimensional|no unit|no units|fraction|ratio|proportion|"
        "(0 - 1)|(0-1)|0-1|count|counts|number|numeric|psu|pss|pss-78|pss78|practical salinity unit|"
        "practical salinity units|number of observations",
        "%": "%|percent|percents|percentage|pct|per cent|relative humidity %",
        "[ppth]": "‰|permil|per mil|per mille|per thousand|parts per thousand",
        "[ppm]": "ppm|ppmv|parts per million|parts per million by volume",
        "[ppb]": "ppb|ppbv|parts per billion|parts per billion by volume",
        "[pptr]": "pptv|parts per trillion|parts per trillion by volume",
        "m": "gpm|gp m|geopotential meter|geopotential meters|geopotential metre|geopotential metres|"
        "m of water equivalent|m of water",
        "mm": "mm of water equivalent|mm w.e.|mm water equivalent",
        "deg": "degree|degrees|deg|degs|°|º",
        "[pH]": "ph|ph unit|ph units",
        "[kn_i]": "knot|knots|kn|kt|kts",
        "[mi_i]/h": "mph|mi/h|miles per hour",
        "km/h": "kmh|kph|kmph|km per hour",
        "m/s": "meters per second|metres per second|meter per second|metre per second|mps",
        "har": "ha|hectare|hectares",
        "[oz_av]": "oz",
        "[in_i'Hg]": "inhg",
        "mm[Hg]": "mmhg",
        "Cel": "celsius|centigrade|cel",
        "K": "kelvin|kelvins",
        "10*6.m3/s": "sverdrup|sverdrups",
        "10*-6.K.m2/kg/s": "pvu",
    }.items()
    for text in texts.split("|")
}

_ANGLE = re.compile(r"(?:degrees?|deg|°|º)[ _.]*(?:e|east|n|north|w|west|s|south|t|true)", re.IGNORECASE)
_TEMPERATURE = re.compile(r"(?:degrees?|degs?|°|º)[ _.]*(c|celsius|centigrade|k|kelvin|f|fahrenheit)", re.IGNORECASE)
_SCALE = {"c": "Cel", "k": "K", "f": "[degF]"}

_PREFIX = {p: p for p in "Y Z E P T G M k h da d c m u n p f a".split()}
_PREFIX_NAMES = {
    "tera": "T", "giga": "G", "mega": "M", "kilo": "k", "hecto": "h", "deci": "d", "centi": "c",
    "milli": "m", "micro": "u", "nano": "n", "pico": "p",
}  # fmt: skip

_METRIC = {s: s for s in "m g s K Pa J W N V A mol cd rad sr Hz bar l L eV T Bq Gy S Ohm F lm lx Wb t H Np".split()} | {
    "Gal": "Gal",
    "gal": "Gal",
    "ohm": "Ohm",
    "b": "bar",
    "mole": "mol",
    "M": "mol/L",
}
"""Symbols that take prefixes."""
_PREFIXES_OF = {"t": "kMGTPE", "b": "m", "M": "mun", "l": "mundch", "L": "mundch", "gal": "mu"}
"""Where only some prefixes are meant: `mb` is a millibar, `ab` is nothing, `at` is no unit of mass."""

_PLAIN = {
    "min": "min", "mn": "min", "h": "h", "hr": "h", "hrs": "h", "d": "d", "wk": "wk", "mo": "mo", "yr": "a", "yrs": "a",
    "a": "a", "sec": "s", "secs": "s", "msec": "ms", "usec": "us", "deg": "deg", "°": "deg", "º": "deg",
    "'": "'", "ha": "har", "ft": "[ft_i]", "mi": "[mi_i]", "nmi": "[nmi_i]", "kn": "[kn_i]", "kt": "[kn_i]",
    "kts": "[kn_i]", "atm": "atm", "dB": "dB", "psi": "[psi]", "cal": "cal",
    "kcal": "kcal", "dyn": "dyn", "erg": "erg", "Sv": None, "nSv": "nSv", "uSv": "uSv",
    "mSv": "mSv", "Cel": "Cel", "%": "%", "ppm": "[ppm]", "ppb": "[ppb]", "ppmv": "[ppm]", "ppbv": "[ppb]",
    "molec": "{molecules}", "#": "1", "Å": "Ao", "lb": "[lb_av]", "cc": "cm3", "hpa": "hPa", "kpa": "kPa",
    "pa": "Pa", "hz": "Hz", "khz": "kHz", "AU": "AU", "eq": "eq", "meq": "meq", "ueq": "ueq", "db": "dB",
}  # fmt: skip
"""Symbols that stand alone; None: ambiguous (sverdrup, sievert)."""

_NAMES = {
    "meter": "m", "metre": "m", "gram": "g", "gramme": "g", "second": "s", "kelvin": "K", "pascal": "Pa", "joule": "J",
    "watt": "W", "newton": "N", "volt": "V", "ampere": "A", "amp": "A", "mole": "mol", "mol": "mol", "radian": "rad",
    "steradian": "sr", "hertz": "Hz", "bar": "bar", "liter": "L", "litre": "L", "tesla": "T", "becquerel": "Bq",
    "siemen": "S", "ohm": "Ohm", "lux": "lx", "tonne": "t", "ton": None, "gal": "Gal", "atmosphere": "atm",
    "atm": "atm", "electronvolt": "eV", "equivalent": "eq", "einstein": "mol",
}  # fmt: skip
"""Names that take prefixes, in the singular."""
_PLAIN_NAMES = {
    "minute": "min", "hour": "h", "hr": "h", "day": "d", "week": "wk", "month": "mo", "year": "a", "yr": "a",
    "degree": "deg", "arcsecond": "''", "arcminute": "'", "arcsec": "''", "arcmin": "'", "micron": "um",
    "angstrom": "Ao", "foot": "[ft_i]", "feet": "[ft_i]", "inch": "[in_i]", "inche": "[in_i]", "mile": "[mi_i]",
    "knot": "[kn_i]", "hectare": "har", "decibel": "dB", "percent": "%", "count": "1", "molecule": "{molecules}",
    "celsius": "Cel", "celcius": "Cel", "fahrenheit": "[degF]", "calorie": "cal", "individual": "{individuals}",
    "cell": "{cells}", "particle": "{particles}", "electron": "{electrons}", "photon": "{photons}",
}  # fmt: skip

_OWN = re.compile(r"\[[A-Za-z][\w'/-]*\]|'{1,2}")
"""Atoms that only UCUM writes so: the text is UCUM already."""
_NUMBER = re.compile(r"10(?:\*\*|\*|\^)\(?([+-]?\d+)\)?|(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d+))?")
_SYMBOL = re.compile(r"\{[\w ]+\}|\[[A-Za-z][\w'/-]*\](?:_?[A-Za-z]+)?|[^\W\d]+(?:\[[A-Za-z]+\])?|[%°º#]|'{1,2}")
_POWER = re.compile(r"(?:\*\*|\^)\s*[({]?([+-]?\d+)[)}]?|([+-]?\d+)(?!\d*(?:[eE]\d|\*\*|\^))")
_BETWEEN = re.compile(r"\s*(/|per\b)\s*|\s*(?:[.*·⋅×](?!\*)|\s|_(?=[A-Za-z]))\s*", re.IGNORECASE)
_TYPOGRAPHY = str.maketrans("µμ⁰¹²³⁴⁵⁶⁷⁸⁹⁻−–", "uu0123456789---")

_Powers = Counter[str]


class _Unread(Exception):
    """The text is no product of known units."""


@lru_cache(maxsize=4096)
def ucum(text: str | None) -> str | None:
    """The UCUM code of a unit as a file writes it; None where it is not understood.

    >>> ucum("kg m**-2 s-1"), ucum("degrees_Celsius"), ucum("µg/m3"), ucum("1e-3"), ucum("hybrid_sigma_pressure")
    ('kg/m2/s', 'Cel', 'ug/m3', '10*-3', None)
    """
    plain = " ".join((text or "").split()).strip("\"'")
    if plain.startswith("[") and plain.endswith("]") and not _OWN.fullmatch(plain):
        plain = plain[1:-1].strip()
    return _whole(plain) or _product(plain.translate(_TYPOGRAPHY))


def _whole(text: str) -> str | None:
    """A text known as it stands."""
    lower = text.lower()
    known = _WHOLE.get(lower) or _WHOLE.get(lower.replace("_", " "))
    if known is not None:
        return known
    if _ANGLE.fullmatch(text):
        return "deg"
    if temperature := _TEMPERATURE.fullmatch(text):
        return _SCALE[temperature[1][0].lower()]
    return "Cel" if text == "C" else None  # alone it is a temperature; a coulomb only in udunits' own table


def _product(text: str) -> str | None:
    """A product of powers; a text in capitals is tried in small letters too."""
    for candidate in (text, text.lower()) if text == text.upper() else (text,):
        try:
            reader = _Reader(candidate)
            return _written(*reader.everything())
        except _Unread:
            continue
    return None


class _Reader:
    """A unit read from left to right: udunits' rule, `a/b c` is a·c/b."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.digits, self.exponent = 1, 0  # the numeric factor is digits * 10 ** exponent

    def everything(self) -> tuple[_Powers, int, int]:
        """Powers by atom, and the numeric factor."""
        powers: _Powers = Counter()
        for atom, power in self._terms(1):
            powers[atom] += power
        if self.at < len(self.text) or not self.text:
            raise _Unread
        return powers, self.digits, self.exponent

    def _terms(self, sign: int) -> Iterator[tuple[str, int]]:
        divided = self._divides(first=True)
        while True:
            yield from self._term(-sign if divided else sign)
            if self.at >= len(self.text) or self.text[self.at] == ")":
                return
            divided = self._divides()

    def _divides(self, first: bool = False) -> bool:
        """Step over what stands between two terms; True for a division."""
        match = _BETWEEN.match(self.text, self.at)
        if match is None:
            if first:
                return False
            raise _Unread
        if first and match[1] is None:
            raise _Unread
        self.at = match.end()
        return match[1] is not None

    def _term(self, sign: int) -> Iterator[tuple[str, int]]:
        if self.text.startswith("(", self.at):
            self.at += 1
            inner = list(self._terms(sign))
            if not self.text.startswith(")", self.at):
                raise _Unread
            self.at += 1
            power = self._power()
            yield from ((atom, n * power) for atom, n in inner)
        elif number := _NUMBER.match(self.text, self.at):
            self.at = number.end()
            self._factor(number, sign)
        else:
            yield from self._atom(sign)

    def _atom(self, sign: int) -> Iterator[tuple[str, int]]:
        symbol = _SYMBOL.match(self.text, self.at)
        name = "" if symbol is None else symbol[0].rstrip("_")
        if symbol is None or not name:
            raise _Unread
        self.at = symbol.end()
        power = sign * self._power()
        for atom, own in _atoms(name):
            yield atom, own * power

    def _power(self) -> int:
        match = _POWER.match(self.text, self.at)
        if match is None:
            return 1
        self.at = match.end()
        return int(match[1] or match[2])

    def _factor(self, number: re.Match[str], sign: int) -> None:
        if number[1] is not None:
            self.exponent += sign * int(number[1])
            return
        mantissa, exponent = number[2].rstrip(".").lstrip("0") or "0", int(number[3] or 0)
        whole, _, decimals = mantissa.partition(".")
        digits, exponent = int((whole + decimals) or "0"), exponent - len(decimals)
        while digits and digits % 10 == 0:
            digits, exponent = digits // 10, exponent + 1
        if digits == 0 or (digits != 1 and sign < 0):
            raise _Unread
        self.digits, self.exponent = self.digits * digits, self.exponent + sign * exponent


def _atoms(symbol: str) -> tuple[tuple[str, int], ...]:
    """One written symbol or name as UCUM atoms with their powers."""
    found = _symbol(symbol) or _name(symbol.lower())
    if found is None:
        raise _Unread
    if found == "1":
        return ()
    if found.endswith("mol/L"):
        return (found[:-2], 1), ("L", -1)
    return (("cm", 3),) if found == "cm3" else ((found, 1),)


def _symbol(text: str) -> str | None:
    """A symbol, with or without a prefix."""
    if text in _PLAIN:
        return _PLAIN[text]
    if temperature := _TEMPERATURE.fullmatch(text):
        return _SCALE[temperature[1][0].lower()]
    if text[0] in "[{'" or text.endswith("]"):
        return text
    if text in _METRIC:
        return None if text in ("b", "H", "F", "M") else _METRIC[text]
    for cut in (1, 2):
        prefix, unit = text[:cut], text[cut:]
        if prefix in _PREFIX and unit in _METRIC and prefix in _PREFIXES_OF.get(unit, prefix):
            return prefix + _METRIC[unit]
    return None


def _name(text: str) -> str | None:
    """A name in words, with or without a prefix, singular or plural."""
    for word in (text, text.removesuffix("s")):
        if plain := _PLAIN_NAMES.get(word) or _NAMES.get(word):
            return plain
        for name, prefix in _PREFIX_NAMES.items():
            if unit := _NAMES.get(word.removeprefix(name)) if word.startswith(name) else None:
                return prefix + unit
    return None


def _written(powers: _Powers, digits: int, exponent: int) -> str:
    """UCUM text: factors first, then what divides; `s-1` where nothing does the dividing."""
    if (
        len(powers) > 1 and "Cel" in powers
    ):  # a difference of temperatures: Cel has an offset and takes no part in products
        powers["K"] += powers.pop("Cel")
    above = [atom + (str(n) if n != 1 else "") for atom, n in powers.items() if n > 0]
    below = [(atom, -n) for atom, n in powers.items() if n < 0]
    if exponent:
        above.insert(0, f"10*{exponent}" if digits == 1 else f"{digits}.10*{exponent}")
    elif digits != 1:
        above.insert(0, str(digits))
    if not above and below:
        return ".".join(f"{atom}-{n}" for atom, n in below)
    return ".".join(above or ["1"]) + "".join(f"/{atom}{n if n != 1 else ''}" for atom, n in below)
