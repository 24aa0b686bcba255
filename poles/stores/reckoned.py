"""Arithmetic and letters, asked so that DuckDB and PostgreSQL agree: formulas of `l` and `r` in SQL.

Where a result is no finite number it is unknown, and where it is too small to be held it is 0: PostgreSQL would
raise an error in both cases.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

FREE: Mapping[str, str] = {
    "+": "(l + r)", "-": "(l - r)", "*": "(l * r)", "/": "(l / r)", "^": "pow(l, r)", "div": "trunc(l / r)",
    "%": "list_transform([[l, r]], lambda o: o[1] - o[2] * trunc(o[1] / o[2]))[1]",
}  # fmt: skip
"""For DuckDB, which reckons as IEEE 754 has it."""

_MOST = "CAST('1.7976931348623157e308' AS float8)"
_LEAST = "-323.6"
"""The logarithm of the least number that is not rounded to 0."""
_MAGNITUDE = "least(greatest(r, -1e300), 1e300) * log(abs(l))"
"""The logarithm of a power."""
_QUOTIENT = (
    f"(CASE WHEN r = 0 THEN NULL WHEN l = 0 THEN 0 * r WHEN abs(r) < 1 AND abs(l) > {_MOST} * abs(r) THEN NULL "
    f"WHEN log(abs(l)) - log(abs(r)) < {_LEAST} THEN 0 ELSE l / r END)"
)
GUARDED: Mapping[str, str] = {
    "+": f"(CASE WHEN l > 0 AND r > {_MOST} - l OR l < 0 AND r < -{_MOST} - l THEN NULL ELSE l + r END)",
    "-": f"(CASE WHEN l > 0 AND -r > {_MOST} - l OR l < 0 AND -r < -{_MOST} - l THEN NULL ELSE l - r END)",
    "*": f"(CASE WHEN l = 0 OR r = 0 THEN l * r WHEN abs(l) > 1 AND abs(r) > {_MOST} / abs(l) THEN NULL "
         f"WHEN log(abs(l)) + log(abs(r)) < {_LEAST} THEN 0 ELSE l * r END)",
    "/": _QUOTIENT,
    "div": f"trunc({_QUOTIENT})",
    "%": f"(l - r * trunc({_QUOTIENT}))",
    "^": "(CASE WHEN r IS NULL THEN NULL WHEN r = 0 THEN 1 + 0 * l WHEN l = 0 AND r > 0 THEN 0 "
         "WHEN l = 0 OR l < 0 AND r <> trunc(r) THEN NULL WHEN abs(r) < 1e-300 THEN 1 "
         f"WHEN {_MAGNITUDE} > log({_MOST}) - 1e-12 THEN NULL WHEN {_MAGNITUDE} < {_LEAST} THEN 0 "
         "ELSE power(l, r) END)",
}  # fmt: skip
"""For PostgreSQL, which refuses what it cannot hold: it is not asked."""

_SHORT = re.compile(r'CAST\((\$\d+|"[^"]+") AS [a-zA-Z ]+\)')


def free(op: str, left: str, right: str) -> str:
    """Arithmetic in DuckDB. `NULLIF` would write its operand twice, and so on within it; a list holds it once."""
    return f"list_filter([{_with(FREE[op], left, right)}], lambda v: isfinite(v))[1]"


def guarded(op: str, left: str, right: str) -> str:
    """Arithmetic in PostgreSQL, each operand written once unless it is short."""
    formula = GUARDED[op]
    if _SHORT.fullmatch(left) and _SHORT.fullmatch(right):
        found = _with(formula, left, right)
    else:
        found = f"(SELECT {formula} FROM (SELECT {left} AS l, {right} AS r OFFSET 0) AS operands)"
    for none in ("Infinity", "-Infinity", "NaN"):
        found = f"NULLIF({found}, CAST('{none}' AS float8))"
    return found


def _with(formula: str, left: str, right: str) -> str:
    return re.sub(r"\b[lr]\b", lambda m: left if m[0] == "l" else right, formula)


def folded(sql: str, lower: str) -> str:
    """A text whose case is folded: `lower` is how the engine lowers one, which folds all but these."""
    small = lower.format(f"replace({sql}, 'İ', 'i̇')")
    return f"replace(translate({small}, 'ςſµϐϑϕϖϰϱϵẛι', 'σsμβθφπκρεṡι'), 'ß', 'ss')"


def unmarked(sql: str) -> str:
    """A text without its marks, for an engine that cannot strip accents itself."""
    return f"normalize(regexp_replace(normalize({sql}, NFD), {_marks()}, '', 'g'), NFC)"


@lru_cache(1)
def _marks() -> str:
    """A class of all marks (accents and others) as a literal: what `strip_accents` of DuckDB leaves out."""
    marks = [c for c in range(0x300, 0xE01F0) if unicodedata.category(chr(c))[0] == "M"]
    starts = [c for c, before in zip(marks, [0, *marks], strict=False) if c != before + 1]
    ends = [c for c, after in zip(marks, [*marks[1:], 0], strict=True) if after != c + 1]
    return f"'[{''.join(f'{chr(a)}-{chr(b)}' for a, b in zip(starts, ends, strict=True))}]'"
