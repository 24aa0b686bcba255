"""The table of conformance: calls counted by method, the results of the official suites, and how their jars are run."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = """<?xml version="1.0" encoding="UTF-8"?>
<testng-results skipped="1" failed="1" total="4" passed="2">
  <suite name="made up"><test name="Core">
    <class name="org.example.core.LandingPage">
      <test-method status="PASS" name="setUp" is-config="true" signature="setUp()"/>
      <test-method status="PASS" name="landingPageRetrieval" signature="landingPageRetrieval()"/>
      <test-method status="PASS" name="landingPageRetrieval" signature="landingPageRetrieval()"/>
      <test-method status="FAIL" name="landingPageValidation" signature="landingPageValidation()">
        <exception class="java.lang.AssertionError"><message><![CDATA[no link
          data | nor items]]></message></exception>
      </test-method>
    </class>
    <class name="org.example.crs.FeaturesCrs">
      <test-method status="SKIP" name="verify" signature="verify()">
        <exception class="org.testng.SkipException"><message>not declared</message></exception>
      </test-method>
    </class>
  </test></suite>
</testng-results>
"""
JAVA = f"""#!{sys.executable}
import sys, pathlib
arguments = sys.argv[1:]
folder = pathlib.Path(arguments[arguments.index("-o") + 1])
(folder / "asked").write_text("\\n".join(arguments))
found = folder / "testng" / "0-1"
found.mkdir(parents=True)
(found / "testng-results.xml").write_text({RESULTS!r})
"""


@pytest.fixture(scope="module")
def table() -> ModuleType:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    spec = importlib.util.spec_from_file_location("conformance_table", ROOT / "benchmarks" / "conformance.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def counts(row: object) -> tuple[int, int, int]:
    return row.passed, row.failed, row.skipped  # type: ignore[attr-defined]


def test_the_results_of_a_suite_are_counted_by_method(table: ModuleType) -> None:
    rows = table.parsed(RESULTS, "made up")
    assert {key: counts(row) for key, row in rows.items()} == {
        ("made up", "LandingPage", "landingPageRetrieval"): (2, 0, 0),
        ("made up", "LandingPage", "landingPageValidation"): (0, 1, 0),
        ("made up", "FeaturesCrs", "verify"): (0, 0, 1),
    }
    assert rows["made up", "LandingPage", "landingPageValidation"].reasons == {"no link data | nor items"}


def test_runs_on_several_views_are_added(table: ModuleType) -> None:
    whole = table.joined([table.parsed(RESULTS, "made up")] * 3)
    assert counts(whole["made up", "LandingPage", "landingPageRetrieval"]) == (6, 0, 0)


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for Java that writes the results of a suite."""
    script = tmp_path / "bin" / "java"
    script.parent.mkdir()
    script.write_text(JAVA)
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_a_jar_is_run_as_its_suite_wants_it(table: ModuleType, java: Path) -> None:
    for suite, options in zip(table.OFFICIAL, (["-h", "true"], []), strict=True):
        folder = java / suite.title
        rows = table.run_official(suite, java / "suite.jar", "http://here/datasets/x", folder)
        assert sum(counts(row)[0] for row in rows.values()) == 2
        asked = (folder / "asked").read_text().split("\n")
        assert asked == ["-jar", str(java / "suite.jar"), "-o", str(folder), *options, str(folder / "properties.xml")]
        written = (folder / "properties.xml").read_text()
        assert "DOCTYPE" not in written
        assert '<entry key="iut">http://here/datasets/x</entry>' in written
    assert '<entry key="apiDefinition">http://here/datasets/x/openapi?f=json</entry>' in written
    assert '<entry key="noofcollections">50</entry>' in written


def test_a_run_without_a_result_has_failed(table: ModuleType, java: Path) -> None:
    (java / "bin" / "java").write_text("#!/bin/sh\necho no such class >&2\n")
    rows = table.run_official(table.OFFICIAL[0], java / "suite.jar", "http://here", java / "run")
    ((key, row),) = rows.items()
    assert key[2] == "the run itself"
    assert counts(row) == (0, 1, 0)
    assert row.reasons == {"no result: no such class"}


def test_a_folder_without_jars_is_refused(table: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no jar of a suite"):
        table.official(tmp_path)


@pytest.mark.parametrize(
    ("node", "names"),
    [
        (
            "tests/conformance/test_edr.py::TestLandingPage::test_retrieval[x-y]",
            ("test_edr", "LandingPage", "retrieval"),
        ),
        ("tests/conformance/test_faults.py::test_a_fault[no link]", ("test_faults", "", "no link")),
        ("tests/conformance/test_clients.py::test_the_root", ("test_clients", "", "the_root")),
    ],
)
def test_a_test_is_named_by_suite_class_and_method(table: ModuleType, node: str, names: tuple[str, ...]) -> None:
    assert table.named(node) == names


def test_the_page_tells_counts_and_reasons_in_the_order_of_the_files(table: ModuleType) -> None:
    def row(line: int, passed: int, *reasons: str) -> object:
        return table.Row(("f", line), passed, 0, len(reasons), set(reasons))

    rows = {
        ("test_edr", "B", "later"): row(9, 1),
        ("test_edr", "A", "sooner"): row(2, 3, "nothing at 1 2", "nothing at 3 4", "a|b"),
    }
    text = table.page(rows, None)
    assert "| A | sooner | 3 | 0 | 3 | a\\|b; nothing at … … |" in text
    assert text.index("sooner") < text.index("later")
    assert "| EDR 1.0 | 2 | 4 | 0 | 3 |" in text
    assert "Not run." in text
    with_jars = table.page(rows, table.parsed(RESULTS, "ets-ogcapi-edr10"))
    assert "| LandingPage | landingPageValidation | 0 | 1 | 0 | no link data \\| nor items |" in with_jars


def test_the_page_of_the_repository_has_every_method(table: ModuleType) -> None:
    """A method that was added since `make conformance` was run is missing."""
    text = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    for file in table.SUITES:
        source = (ROOT / "tests" / "conformance" / f"{file}.py").read_text(encoding="utf-8")
        methods = [line.split("def test_")[1].partition("(")[0] for line in source.split("\n") if "def test_" in line]
        missing = [m for m in methods if f"| {m} |" not in text and m != "a_faulty_server_fails"]
        assert not missing, f"{file}: {missing[:3]}; run make conformance"
