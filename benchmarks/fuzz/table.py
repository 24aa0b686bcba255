"""The table of a run, and the page docs/fuzz.md."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from .asking import FIELD, SEED, Finding, Told
from .checks import OWN
from .documents import LENIENT

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fuzz.md"
PHASES = ("examples", "coverage", "fuzzing", FIELD)
SHOWN = 300
"""Characters of what a finding says, and of its request."""
OPENING = """# Asked at random

Written by `make fuzz`: schemathesis asks a running server, over the demonstration, what its OpenAPI documents allow and
what they do not, and then what people write. Every run asks the same (seed {seed}, {most} examples).

- `examples`: those of the document. `coverage`: every limit of every schema, kept and broken. `fuzzing`: what fits the
  schemas and what does not. These three on the root's document and on that of a data set of each kind.
- `field`: to data and processes of every view, values as they are written: WKT of all kinds, with Z and M, empty,
  damaged, huge; times, intervals, open ends, lists, repeats, nonsense; levels; boxes of 4 and 6 numbers, degenerate,
  over 180 degrees, out of reach, of no number; CRSs listed, unlisted, unsupported and in other spellings; CQL2 as
  text and JSON, grown from the queryables of the data set and their values, damaged, deep; names, ids and formats
  that are there and that are not; `Accept`, `Accept-Language`, `If-None-Match`, `Range`; inputs of processes.

Checked in every answer: no 5xx; status, media type, headers and body as documented; methods that are not there;
what violates its schema is refused; and of our own:

{own}

Left out: `/jobs`; of what violates its schema, what we take knowingly:

{lenient}

`positive_data_acceptance` is not asked: a text that fits its schema may be no WKT, and is refused.
"""


def text(found: Sequence[Told]) -> str:
    """Rows by kind of view and operation: cases of each phase, answers, findings by check."""
    lines = [
        "| View | Operation | " + " | ".join(PHASES) + " | 2xx, 3xx | 4xx | Findings |",
        "|---|---|" + "---:|" * (len(PHASES) + 2) + "---|",
    ]
    for kind, told in _by_kind(found).items():
        name = f"{kind} ({len(told)})" if len(told) > 1 else kind
        for operation in sorted({o for t in told for o, _ in t.cases}, key=_order):
            lines.append(_row(name, operation, told))
            name = ""
    return "\n".join([*lines, "", _sum(found), "", *listed(found)]).rstrip()


def _by_kind(found: Iterable[Told]) -> dict[str, list[Told]]:
    kinds: dict[str, list[Told]] = defaultdict(list)
    for told in found:
        kinds[told.view.kind].append(told)
    return kinds


def _order(operation: str) -> tuple[str, str]:
    method, _, path = operation.partition(" ")
    return path, method


def _row(name: str, operation: str, found: Sequence[Told]) -> str:
    cases = [sum(t.cases[operation, phase] for t in found) for phase in PHASES]
    answers = {c: sum(t.answers[operation, c] for t in found) for c in ("2xx", "3xx", "4xx")}
    checks = Counter(f.check for t in found for f in t.findings if f.operation == operation)
    said = ", ".join(f"{check}: {n}" for check, n in sorted(checks.items())) or "none"
    numbers = [*cases, answers["2xx"] + answers["3xx"], answers["4xx"]]
    return f"| {name} | `{operation}` | {' | '.join(f'{n:,}' for n in numbers)} | {said} |"


def _sum(found: Sequence[Told]) -> str:
    cases = sum(n for t in found for n in t.cases.values())
    findings = sum(len(t.findings) for t in found)
    return f"{len(found)} views, {cases:,} cases, {findings} findings."


def listed(found: Sequence[Told]) -> list[str]:
    """Each finding once for its operation, check and words."""
    seen: dict[tuple[str, str, str], Finding] = {}
    for finding in (f for t in found for f in t.findings):
        seen.setdefault((finding.operation, finding.check, finding.said[:80]), finding)
    return [_line(f) for f in seen.values()]


def _line(finding: Finding) -> str:
    said, request = (" ".join(part.split())[:SHOWN] for part in (finding.said, finding.request))
    return f"- {finding.view} `{finding.operation}` {finding.check}: {said}" + (f"\n  `{request}`" if request else "")


def write(found: Sequence[Told], most: int) -> None:
    """The page, without time and machine."""
    own = "\n".join(f"- `{c.__name__}`: {(c.__doc__ or '').strip()}" for c in OWN)
    lenient = "\n".join(f"- {what} {why};" for what, why in LENIENT.items()).removesuffix(";") + "."
    opening = OPENING.format(seed=SEED, most=most, own=own, lenient=lenient)
    PAGE.write_text(f"{opening}\n{text(found)}\n", encoding="utf-8")
