"""The checks of `make fuzz` can fail: a faulty answer for each, beside a right one."""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[1]
SAID = "bbox: 3 numbers; give west,south,east,north"
ERROR = {
    "type": "about:blank", "title": "Invalid parameter value", "status": 400, "code": "InvalidParameterValue",
    "detail": SAID, "description": SAID,
}  # fmt: skip
PAGE = {"type": "FeatureCollection", "features": [{}, {}], "numberReturned": 2, "numberMatched": 5}
ANY = {"access-control-allow-origin": "*"}
JSON, GEOJSON, COVJSON = "application/json", "application/geo+json", "application/prs.coverage+json"


@pytest.fixture(scope="module", autouse=True)
def _importable() -> Any:
    sys.path.insert(0, str(ROOT))
    yield
    sys.path.remove(str(ROOT))


def module(name: str) -> ModuleType:
    return importlib.import_module(f"benchmarks.fuzz.{name}")


def answer(status: int, media_type: str, body: Any, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    return module("checks").Answer(status, {"content-type": media_type, **ANY, **headers}, raw)


def judged(check: str, *asked: Any, **headers: str) -> str | None:
    found: str | None = getattr(module("checks"), check)(answer(*asked, **headers))
    return found


RIGHT: list[tuple[int, str, Any]] = [
    (200, JSON, {"links": []}),
    (200, GEOJSON, PAGE),
    (200, COVJSON, {"ranges": {"t": {"values": [1.5, None]}}}),
    (200, "application/geo+json-seq", '\x1e{"type":"Feature"}\n\x1e{"type":"Feature"}\n'),
    (200, "text/csv; charset=utf-8", 'id,name\n1,"a,b"\n'),
    (200, "image/tiff; application=geotiff", b"II*\x00"),
    (204, "", b""),
    (206, "image/tiff", b"\x01\x02"),
    (400, JSON, ERROR),
    (400, "application/problem+json", ERROR),
    (400, "text/html; charset=utf-8", "<!DOCTYPE html><p>bbox: 3 numbers</p>"),
]


@pytest.mark.parametrize("right", RIGHT, ids=lambda r: f"{r[0]} {r[1].partition(';')[0]}")
def test_a_right_answer_passes_every_check(right: tuple[int, str, Any]) -> None:
    assert [check.__name__ for check in module("checks").OWN if check(answer(*right)) is not None] == []


@pytest.mark.parametrize(
    ("check", "faulty"),
    [
        ("error_says_what_would_do", (400, "text/plain", "no")),
        ("error_says_what_would_do", (404, JSON, "not found")),
        ("error_says_what_would_do", (400, JSON, {k: v for k, v in ERROR.items() if k != "code"})),
        ("error_says_what_would_do", (413, JSON, ERROR)),
        ("error_says_what_would_do", (400, JSON, {**ERROR, "detail": "wrong"})),
        ("error_says_what_would_do", (400, JSON, {**ERROR, "detail": "bbox: 3 numbers"})),
        ("error_says_what_would_do", (400, JSON, {**ERROR, "detail": ": 3 numbers; give 4"})),
        ("nothing_of_our_inside", (500, JSON, {"detail": "Traceback (most recent call last):"})),
        ("nothing_of_our_inside", (200, "text/html", f"<!DOCTYPE html><p>{ROOT}/poles/answer.py</p>")),
        ("document_reads", (200, COVJSON, '{"values": [NaN]}')),
        ("document_reads", (200, GEOJSON, '{"type": "FeatureCollection", "features": [')),
        ("document_reads", (200, "application/geo+json-seq", '\x1e{"a": 1}\n\x1e{"a": Infinity}\n')),
        ("document_reads", (200, "text/csv", "id,name\n1,a,b\n")),
        ("document_reads", (200, "application/x-netcdf", b"{}")),
        ("document_reads", (200, "text/html", "{}")),
        ("counts_are_right", (200, GEOJSON, {**PAGE, "numberReturned": 3})),
        ("counts_are_right", (200, GEOJSON, {**PAGE, "numberMatched": 1})),
    ],
)
def test_a_faulty_answer_is_found(check: str, faulty: tuple[int, str, Any]) -> None:
    assert judged(check, *faulty)


@pytest.mark.parametrize("given", ["", "null", "http://localhost"])
def test_an_answer_for_one_origin_is_found(given: str) -> None:
    assert judged("any_origin", 200, JSON, {}, **{"access-control-allow-origin": given})


def test_a_header_tells_no_path_of_the_machine() -> None:
    assert judged("nothing_of_our_inside", 200, JSON, {}, link=f"<file://{ROOT}/x>")


@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_every_parameter_has_values_and_most_filters_are_filters(data: st.DataObject) -> None:
    seeds = module("seeds").Seeds(queryables={"name": {"type": "string"}}, samples={"name": ("a",)})
    documents = module("documents")
    for name in documents.WRITTEN:
        assert isinstance(data.draw(documents.written(name, seeds)), str)


def test_a_leniency_is_taken_out_of_the_document_and_nothing_else() -> None:
    def limit(**more: Any) -> dict[str, Any]:
        return {"name": "limit", "schema": {"type": "integer", "minimum": 1, **more}}

    paths = {"/collections": {"get": {"parameters": [limit(maximum=10)]}}, "/jobs": {"get": {"parameters": []}}}
    found = module("documents").documented({"paths": paths}, module("seeds").Seeds())
    assert found == {"paths": {"/collections": {"get": {"parameters": [limit()]}}}}


def test_a_log_that_tells_of_a_bug_is_a_finding(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text('{"status":200}\n{"level":"error","traceback":"…"}\n[CRITICAL] WORKER TIMEOUT (pid:1)\n')
    assert [f.check for f in module("__main__")._of_log(log)] == ["quiet_log", "quiet_log"]


def test_what_is_found_stands_in_the_table_once() -> None:
    asking, table = module("asking"), module("table")
    told = asking.Told(asking.View("/datasets/x", "grids"))
    told.cases["GET /", "coverage"] = 3
    told.answers["GET /", "2xx"] = 3
    told.findings = [asking.Finding("/datasets/x", "GET /", "any_origin", "null", "curl /")] * 2
    text = table.text([told])
    assert "| grids | `GET /` | 0 | 3 | 0 | 0 | 3 | 0 | any_origin: 2 |" in text
    assert "1 views, 3 cases, 2 findings." in text
    assert text.count("`curl /`") == 1
