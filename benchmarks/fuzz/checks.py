"""What every answer keeps, beyond its OpenAPI document: each check gives the fault that it finds, or None."""

import csv
import io
import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import schemathesis
from schemathesis import Case, CheckContext, Response

ROOT = Path(__file__).resolve().parents[2]
PLACES = tuple(
    {str(ROOT), str(Path(sys.prefix)), str(Path.home()), tempfile.gettempdir() + "/", "site-packages"} - {"/"}
)
"""Texts that only our machine knows."""
TRACES = ("Traceback (most recent call last)", 'File "', '.py", line', "psycopg.", "duckdb.", "_duckdb.", "sqlalchemy")
SENTENCE = re.compile(r"(?!: ).+?: .+; .+", re.DOTALL)
MEMBERS = ("type", "title", "status", "detail", "code", "description")
JSON = re.compile(r"application/(?:[\w.-]+\+)?json\b")
BEGINNINGS = {
    "application/flatgeobuf": (b"fgb",),
    "application/vnd.apache.parquet": (b"PAR1",),
    "application/x-netcdf": (b"\x89HDF", b"CDF"),
    "image/tiff": (b"II", b"MM"),
    "text/html": (b"<!DOCTYPE html>", b"<!doctype html>"),
}
"""How documents in a format begin."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: its status, its headers under small letters, its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip()

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


def error_says_what_would_do(answer: Answer) -> str | None:
    """A refusal is our JSON, its detail `subject: what was given; what would do`; or a page, where one was wanted."""
    if answer.status < 400 or answer.media_type == "text/html":
        return None
    if answer.media_type not in ("application/json", "application/problem+json"):
        return f"an error in {answer.media_type or 'no media type'}"
    document = _parsed(answer.body)
    if not isinstance(document, dict) or any(m not in document for m in MEMBERS):
        return "an error without " + ", ".join(
            m for m in MEMBERS if not isinstance(document, dict) or m not in document
        )
    if document["status"] != answer.status:
        return f"status {document['status']} in an answer of {answer.status}"
    return None if SENTENCE.fullmatch(document["detail"]) else f"no subject and remedy: {document['detail'][:200]!r}"


def nothing_of_our_inside(answer: Answer) -> str | None:
    """No traceback, no path of the machine, no name of a library, in body or headers."""
    said = f"{answer.text}\n{answer.headers}"
    found = [t for t in (*PLACES, *TRACES) if t in said]
    return f"our inside: {', '.join(sorted(found))}" if found else None


def any_origin(answer: Answer) -> str | None:
    """A page of another origin can read it."""
    given = answer.headers.get("access-control-allow-origin")
    return None if given == "*" else f"Access-Control-Allow-Origin: {given}"


def document_reads(answer: Answer) -> str | None:
    """JSON parses and holds no NaN, a sequence of it too; rows of CSV are equally long; files begin as they should."""
    if not 200 <= answer.status < 300 or not answer.body or answer.status == 206:
        return None
    match answer.media_type:
        case kind if kind == "application/geo+json-seq":
            return _unread(_lines(answer.body))
        case kind if JSON.match(kind):
            return _unread([answer.body])
        case "text/csv":
            return _uneven(answer.text)
        case kind:
            starts = BEGINNINGS.get(kind, (b"",))
            return None if answer.body.lstrip().startswith(starts) else f"{kind} that begins {answer.body[:12]!r}"


def _lines(body: bytes) -> list[bytes]:
    return [line for line in body.split(b"\x1e") if line.strip()]


def _unread(documents: Iterable[bytes]) -> str | None:
    for document in documents:
        try:
            orjson.loads(document)  # strict: NaN, Infinity and lone surrogates are no JSON
        except orjson.JSONDecodeError as error:
            return f"no JSON: {error}"
    return None


def _uneven(text: str) -> str | None:
    widths = {len(row) for row in csv.reader(io.StringIO(text)) if row}
    return f"rows of {sorted(widths)} columns" if len(widths) > 1 else None


def counts_are_right(answer: Answer) -> str | None:
    """`numberReturned` is how many features there are, and no more than `numberMatched`."""
    if answer.status != 200 or answer.media_type != "application/geo+json":
        return None
    document = _parsed(answer.body)
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        return None
    there, returned = len(document["features"]), document.get("numberReturned")
    if returned is not None and returned != there:
        return f"numberReturned {returned}, and {there} features"
    matched = document.get("numberMatched", there)
    return None if matched >= there else f"numberMatched {matched}, and {there} features"


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


OWN: tuple[Callable[[Answer], str | None], ...] = (
    error_says_what_would_do,
    nothing_of_our_inside,
    any_origin,
    document_reads,
    counts_are_right,
)


def registered() -> None:
    """Makes our checks known to schemathesis, under their names."""
    for check in OWN:
        schemathesis.check(_judging(check))


def _judging(check: Callable[[Answer], str | None]) -> Callable[[CheckContext, Response, Case], None]:
    def judged(ctx: CheckContext, response: Response, case: Case) -> None:
        headers = {k.lower(): ", ".join(v) for k, v in response.headers.items()}
        fault = check(Answer(response.status_code, headers, response.content))
        if fault is not None:
            raise AssertionError(fault)

    judged.__name__ = check.__name__
    return judged
