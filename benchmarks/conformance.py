"""What each method of the OGC suites asks, and what stands beyond them: the table of `make conformance`.

Runs `tests/conformance` and writes docs/conformance.md. With CITE_JARS=FOLDER the official suites run too (Java 17):
`ets-ogcapi-features10-*-aio.jar` and `ets-ogcapi-edr10-*-aio.jar`, on each data set's view of the demonstration.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
import yaml
from load import free_port, serving

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "conformance.md"
CONFIG = ROOT / "pygeoapi-config.yml"
SUITES = {
    "test_features_part1": "Features, Part 1: Core",
    "test_features_part2": "Features, Part 2: CRS by reference",
    "test_edr": "EDR 1.0",
    "test_beyond_edr": "Beyond the suite: EDR 1.1",
    "test_beyond_features": "Beyond the suite: Features",
    "test_filtering": "Features, Parts 3, 5 and 8, and CQL2",
    "test_schemas": "Schemas of the standards",
    "test_arcgis": "ArcGIS",
    "test_clients": "QGIS, GDAL and other clients",
    "test_faults": "A faulty server fails",
}
STANDARDS = (
    "OGC API - Features Part 1 1.0 and Part 2 1.0 (suite ets-ogcapi-features10 1.9), "
    "OGC API - Environmental Data Retrieval 1.0 (suite ets-ogcapi-edr10 1.3) and 1.1."
)


@dataclass
class Row:
    """One method: how its calls ended, and why some were skipped or failed."""

    place: tuple[str, int]
    """Where it stands: the file and the line, or the name of an official class and nothing."""
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: set[str] = field(default_factory=set)

    def count(self, outcome: str, reason: str = "") -> None:
        """One more call."""
        match outcome:
            case "passed":
                self.passed += 1
            case "skipped":
                self.skipped += 1
            case _:
                self.failed += 1
        if reason:
            self.reasons.add(reason)


Rows = dict[tuple[str, str, str], Row]
"""By suite, class and method."""


class Results:
    """A plugin of pytest that counts calls by the method they are of."""

    def __init__(self) -> None:
        self.rows: Rows = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Each call once: what it said, else what its preparation said."""
        if report.when == "call" or report.outcome != "passed":
            key = named(report.nodeid)
            row = self.rows.setdefault(key, Row((report.nodeid.partition("::")[0], report.location[1] or 0)))
            row.count(report.outcome, _reason(report))


def _reason(report: pytest.TestReport) -> str:
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    if report.outcome == "failed":
        return f"failed: {report.nodeid.partition('[')[2].rstrip(']') or report.nodeid}"
    return ""


def named(node: str) -> tuple[str, str, str]:
    """Suite, class and method of a test; a fault is a method of its own."""
    path, *names = node.partition("[")[0].split("::")
    suite = Path(path).stem
    method = names[-1].removeprefix("test_")
    if suite == "test_faults" and "[" in node:
        method = node.partition("[")[2].removesuffix("]")
    return suite, names[0].removeprefix("Test") if len(names) > 1 else "", method


def asked(arguments: Sequence[str] = ()) -> tuple[Rows, int]:
    """All conformance tests, on all cores; what became of them, and the status of pytest."""
    results = Results()
    options = [
        "-q",
        "--no-header",
        "--tb=line",
        "-p",
        "no:cacheprovider",
        "--numprocesses",
        "auto",
        "--dist",
        "loadfile",
    ]
    status = pytest.main([str(ROOT / "tests" / "conformance"), *options, *arguments], plugins=[results])
    return results.rows, int(status)


# --- the official suites -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Suite:
    """An official suite: its jar, what its properties are, its further options."""

    title: str
    pattern: str
    api: str
    options: tuple[str, ...] = ()

    def properties(self, base: str) -> dict[str, str]:
        """The keys of a run on a view: its URL without a final slash, all collections."""
        if self.api == "edr":
            return {"iut": base, "apiDefinition": f"{base}/openapi?f=json", "noofcollections": "50"}
        return {"iut": base, "noofcollections": "-1"}


OFFICIAL = (
    Suite("ets-ogcapi-features10", "ets-ogcapi-features10-*aio.jar", "feature", ("-h", "true")),
    Suite("ets-ogcapi-edr10", "ets-ogcapi-edr10-*aio.jar", "edr"),
)


def properties(keys: Mapping[str, str]) -> str:
    """A properties file; without DOCTYPE, which would be looked for on the internet."""
    entries = "".join(f'  <entry key="{k}">{escape(v)}</entry>\n' for k, v in keys.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<properties version="1.0">\n{entries}</properties>\n'


def parsed(text: str, suite: str) -> Rows:
    """The methods of a testng-results.xml; its configuration methods are none."""
    rows: Rows = {}
    for kind in ET.fromstring(text).iter("class"):
        name = str(kind.get("name")).rpartition(".")[2]
        for method in kind.iter("test-method"):
            if method.get("is-config") == "true":
                continue
            row = rows.setdefault((suite, name, str(method.get("name"))), Row((name, 0)))
            outcome = {"PASS": "passed", "SKIP": "skipped"}.get(str(method.get("status")), "failed")
            row.count(outcome, "" if outcome == "passed" else _message(method))
    return rows


def _message(method: ET.Element) -> str:
    found = method.find("exception/message")
    text = (found.text or "") if found is not None else ""
    return " ".join(text.split())[:200]


def run_official(suite: Suite, jar: Path, base: str, folder: Path) -> Rows:
    """One run of a jar on one view. Its exit status says nothing; a run without a result has failed."""
    folder.mkdir(parents=True)
    written = folder / "properties.xml"
    written.write_text(properties(suite.properties(base)), encoding="utf-8")
    command = ["java", "-jar", str(jar), "-o", str(folder), *suite.options, str(written)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    found = sorted(folder.glob("testng/*/testng-results.xml"))
    if not found:
        row = Row(("", 0))
        row.count("failed", f"no result: {' '.join((ran.stderr or ran.stdout).split())[-200:]}")
        return {(suite.title, "", "the run itself"): row}
    return parsed(found[-1].read_text(encoding="utf-8"), suite.title)


def joined(all_rows: Iterable[Rows]) -> Rows:
    """The methods of several runs, their calls added."""
    whole: Rows = {}
    for rows in all_rows:
        for key, row in rows.items():
            held = whole.setdefault(key, Row(row.place))
            held.passed += row.passed
            held.failed += row.failed
            held.skipped += row.skipped
            held.reasons |= row.reasons
    return whole


def official(folder: Path) -> Rows:
    """The official suites on each data set's view of a server of their own."""
    found = [(suite, jar) for suite in OFFICIAL for jar in sorted(folder.glob(suite.pattern))[-1:]]
    if not found:
        raise SystemExit(f"conformance: {folder}: no jar of a suite; give the folder of the ets-*-aio.jar files")
    if shutil.which("java") is None:
        raise SystemExit("conformance: java is missing; install Java 17")
    with tempfile.TemporaryDirectory() as scratch, _served(Path(scratch)) as url:
        return joined(
            run_official(suite, jar, f"{url}/datasets/{name}", Path(scratch) / suite.title / name)
            for suite, jar in found
            for name in demonstrated(suite.api)
        )


@contextmanager
def _served(scratch: Path) -> Iterator[str]:
    """`poles serve` on the demonstration; its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).parent / "poles"), "serve", "--config", str(CONFIG), "--port", str(port)]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("POLES_", "PYGEOAPI_"))}
    env |= {"POLES_STATE": str(scratch / "state")}
    with serving(command, f"{url}/ready", env, str(scratch / "log")):
        yield url


def demonstrated(api: str) -> list[str]:
    """The data sets of the demonstration that have an API."""
    resources = yaml.load(CONFIG.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["resources"]
    return [n for n, block in resources.items() if api in (p["type"] for p in block.get("providers", []))]


# --- the page ------------------------------------------------------------------------------------------------------


def page(rows: Rows, jars: Rows | None) -> str:
    """The document: what was asked, a summary, and a table a suite."""
    return "\n".join([*_head(), *_summary(rows), *_tables(rows, SUITES), *_official(jars)]) + "\n"


def _head() -> Iterator[str]:
    features, edr = (", ".join(demonstrated(api)) for api in ("feature", "edr"))
    yield "# Conformance\n"
    yield "Written by `make conformance`: a running server is asked over HTTP, on each data set's view of the"
    yield "demonstration, what each method of the executable test suites of OGC asks, one test a method and named by"
    yield "it; and what stands beyond the suites. Counts are calls: of each view, box, limit and time.\n"
    yield f"{STANDARDS}\n"
    yield f"- Features: {features}\n- EDR: {edr}\n"


def _summary(rows: Rows) -> Iterator[str]:
    yield "| suite | methods | passed | failed | skipped |\n|---|---|---|---|---|"
    for suite, title in SUITES.items():
        yield _line(title, [row for (name, _, _), row in rows.items() if name == suite])
    yield _line("**all**", list(rows.values())) + "\n"


def _line(title: str, rows: Sequence[Row]) -> str:
    counts = (sum(r.passed for r in rows), sum(r.failed for r in rows), sum(r.skipped for r in rows))
    return f"| {title} | {len(rows)} | {' | '.join(map(str, counts))} |"


def _tables(rows: Rows, titles: Mapping[str, str]) -> Iterator[str]:
    for suite, title in titles.items():
        found = {key: row for key, row in rows.items() if key[0] == suite}
        if not found:
            continue
        yield f"## {title}\n"
        yield "| class | method | passed | failed | skipped | why |\n|---|---|---|---|---|---|"
        for (_, kind, method), row in sorted(found.items(), key=lambda pair: (pair[1].place, pair[0])):
            yield f"| {kind} | {method} | {row.passed} | {row.failed} | {row.skipped} | {_why(row)} |"
        yield ""


def _why(row: Row) -> str:
    """Reasons, those that differ in numbers told once."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for reason in sorted(row.reasons):
        by_kind[re.sub(r"-?\d[\d.e-]*", "#", reason)].append(reason)
    told = (held[0] if len(held) == 1 else kind.replace("#", "…") for kind, held in by_kind.items())
    return "; ".join(told).replace("|", "\\|")


def _official(rows: Rows | None) -> Iterator[str]:
    yield "## The official suites\n"
    if rows is None:
        yield "Not run. `make conformance CITE_JARS=FOLDER` runs the jars of the two suites that lie in a folder."
        return
    yield "| suite | methods | passed | failed | skipped |\n|---|---|---|---|---|"
    for suite in OFFICIAL:
        yield _line(suite.title, [row for (name, _, _), row in rows.items() if name == suite.title])
    yield ""
    yield from _tables(rows, {suite.title: f"{suite.title}, official" for suite in OFFICIAL})


def main() -> int:
    """Asks, prints the table, writes the page; 1 where anything failed."""
    rows, status = asked(sys.argv[1:])
    rows = {key: row for key, row in rows.items() if key[0] in SUITES}
    folder = os.environ.get("CITE_JARS")
    jars = official(Path(folder)) if folder else None
    text = page(rows, jars)
    print(text)
    PAGE.write_text(text, encoding="utf-8")
    failed = sum(row.failed for row in [*rows.values(), *(jars or {}).values()])
    return 1 if failed or status not in (0, 1) else 0


if __name__ == "__main__":
    sys.exit(main())
