"""HTTP as clients may rely on it: laws over every link from the landing page, then the finer points one by one."""

import gzip
import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.workers.gthread import ThreadWorker

from web.manners.forwarding import Told
from web.manners.negotiation import coding, preferred, spoken
from web.worker import Response, Worker

BASE = "http://127.0.0.1:5000"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
GRID = "/collections/odatis-grid"
PLACES = "/collections/theia-places"
TIDE = "/collections/formater-tide"
ASKED = (
    f"{GRID}/position?coords=POINT(2 45)",
    f"{GRID}/position?coords=POINT(100 45)",
    f"{GRID}/cube?bbox=0,41,2,43&f=NetCDF",
    f"{GRID}/coverage?bbox=0,41,2,43&f=csv",
    f"{GRID}/coverage?f=html",
    "/collections/theia-raster/coverage?f=GeoTIFF",
    f"{TIDE}/locations/brest",
    f"{PLACES}/items?limit=2&offset=1",
    f"{PLACES}/items?bbox=100,0,101,1",
    f"{PLACES}/items?f=html",
    f"{PLACES}/items/p1",
    "/collections?limit=2&offset=1",
    "/static/poles.css",
)
"""Questions that no link asks."""
FILES = re.compile("image/(tiff|png)|application/(x-netcdf|vnd.apache|flatgeobuf)")
"""Media types of files that are packed already, or asked by ranges."""
REFUSED = {
    "/nowhere": 404,
    "/poles/mars": 404,
    "/collections/nothing": 404,
    f"{PLACES}/items/nobody": 404,
    f"{PLACES}/items?limit=0": 400,
    f"{PLACES}/items?nonsense=1": 400,
    f"{GRID}/position": 400,
    f"{GRID}/position?coords=POINT(2 45)&f=png": 400,
    "/?lang=de": 400,
    "/?f=png": 400,
    "/?f=json&f=html": 400,
    "/static/nothing.js": 404,
    "/static/../app.py": 404,
}


def hrefs(document: Any) -> list[str]:
    """The address of every link in a document."""
    if isinstance(document, dict):
        own = [document["href"]] if isinstance(document.get("href"), str) else []
        return own + [href for value in document.values() for href in hrefs(value)]
    if isinstance(document, list):
        return [href for value in document for href in hrefs(value)]
    return []


@pytest.fixture(scope="module")
def addresses(client: Any) -> tuple[str, ...]:
    """Every address that links lead to from the landing page, views and pages of items included."""
    found, waiting = dict.fromkeys(ASKED), ["/"]
    while waiting:
        address = waiting.pop()
        if address in found and address not in ASKED:
            continue
        answer = client.get(address)
        if answer.status_code in (400, 405):  # a data query lacks its parameters, a process is executed by POST
            continue
        found[address] = None
        if "json" in str(answer.content_type):
            links = hrefs(json.loads(answer.data)) if answer.data[:1] == b"{" else []
            waiting += [h.removeprefix(BASE) or "/" for h in links if h.startswith(BASE)]
    assert len(found) > 150
    return tuple(found)


def plain(body: bytes) -> bytes:
    """A body without the moment at which it was made."""
    return re.sub(rb'"timeStamp":"[^"]*"|:history = [^;]*;', b"", body)


def headers(answer: Any) -> dict[str, str]:
    return {k: v for k, v in answer.headers.items() if k not in ("X-Request-ID", "Date")}


# --- laws over every address ---------------------------------------------------------------------------------------


def test_head_has_the_headers_of_get_and_no_body(client: Any, addresses: tuple[str, ...]) -> None:
    for address in (*addresses, *REFUSED):
        for packing in ("identity", "gzip"):
            get = client.get(address, headers={"Accept-Encoding": packing})
            head = client.head(address, headers={"Accept-Encoding": packing})
            assert (head.status_code, head.data) == (get.status_code, b""), address
            dated = "Content-Encoding" in get.headers and b"timeStamp" in gzip.decompress(get.data)
            if dated or "netcdf" in str(get.content_type):  # the moment is in it, packed to more bytes or less
                get.headers.pop("Content-Length", None), head.headers.pop("Content-Length", None)
            assert headers(head) == headers(get), address


def test_options_names_the_methods_to_any_origin(client: Any, addresses: tuple[str, ...]) -> None:
    for address in addresses:
        answer = client.options(address)
        path = address.split("?")[0]
        posted = path.endswith(("/position", "/area", "/cube"))
        allowed = "GET, HEAD, OPTIONS, POST" if posted else "GET, HEAD, OPTIONS"
        assert (answer.status_code, answer.data, answer.headers["Allow"]) == (200, b"", allowed), address
        assert answer.headers["Access-Control-Allow-Methods"] == allowed
        assert "If-None-Match" in answer.headers["Access-Control-Allow-Headers"]


def test_gzip_is_the_same_bytes(client: Any, addresses: tuple[str, ...]) -> None:
    packed = 0
    for address in addresses:
        as_is = client.get(address)
        small = client.get(address, headers={"Accept-Encoding": "br;q=1.0, gzip;q=0.8, *;q=0.1"})
        assert small.headers.get("ETag") == as_is.headers.get("ETag")
        assert "Content-Encoding" not in as_is.headers
        if small.headers.get("Content-Encoding") == "gzip":
            packed += 1
            assert len(small.data) < len(as_is.data) == int(as_is.headers["Content-Length"]), address
            assert plain(gzip.decompress(small.data)) == plain(as_is.data), address
            assert int(small.headers["Content-Length"]) == len(small.data)
        else:
            kind = as_is.content_type or ""
            assert len(as_is.data) < 1024 or FILES.match(kind), address
    assert packed > 100


def test_what_is_held_is_not_sent_again_however_it_is_said(client: Any, addresses: tuple[str, ...]) -> None:
    for address in addresses:
        first = client.get(address)
        if first.headers.get("Cache-Control") == "no-store":
            continue
        tag = first.headers["ETag"]
        for held in (tag, tag.removeprefix("W/"), f'"a,b", {tag}, W/"c"', "*"):
            again = client.get(address, headers={"If-None-Match": held})
            assert (again.status_code, again.data) == (304, b""), (address, held)
        assert again.headers["ETag"] == tag
        assert again.headers["Vary"] == first.headers["Vary"]
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"] == "public, no-cache"
        assert again.headers["Access-Control-Allow-Origin"] == "*"
        assert not {"Content-Type", "Content-Length", "Content-Encoding"} & set(again.headers.keys())
        assert client.head(address, headers={"If-None-Match": tag}).status_code == 304
        assert client.get(address, headers={"If-None-Match": 'W/"0"'}).status_code == first.status_code


def test_every_answer_is_open_to_any_origin_and_says_what_it_varies_by(client: Any, addresses: tuple[str, ...]) -> None:
    for address in (*addresses, *REFUSED):
        answer = client.get(address, headers={"Origin": "https://elsewhere.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*", address
        assert {"ETag", "Link", "Content-Crs"} <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))
        if not address.startswith("/static"):
            assert answer.headers["Vary"] == "Accept, Accept-Language, Accept-Encoding", address


def test_every_document_says_its_language(client: Any, addresses: tuple[str, ...]) -> None:
    for address in addresses:
        french = client.get(address, headers={"Accept-Language": "fr"})
        told = french.headers.get("Content-Language")
        english = client.get(address)
        if plain(french.data) != plain(english.data) and "netcdf" not in str(english.content_type):
            assert (told, english.headers.get("Content-Language")) == ("fr", "en"), address
            assert french.headers["ETag"] != english.headers["ETag"], address


@pytest.mark.parametrize(("address", "status"), REFUSED.items())
def test_a_refusal_is_json_unless_something_else_is_liked_better(client: Any, address: str, status: int) -> None:
    for accept, kind in (
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/geo+json", "application/json"),
        ("application/problem+json, application/json;q=0.9", "application/problem+json"),
        ("application/problem+json;q=0.1, application/json", "application/json"),
        ("application/problem+json;q=0, application/geo+json", "application/json"),
    ):
        refused = client.get(address, headers={"Accept": accept} if accept else {})
        assert (refused.status_code, refused.content_type) == (status, kind)
        document = json.loads(refused.data)
        assert {"type", "title", "status", "detail", "code", "description"} <= set(document)
        assert document["status"] == status
        assert refused.headers["Cache-Control"] == "no-store"
        assert not re.search(r'Traceback|File "|/home/|\.py\b', refused.text.replace(address, ""))
    if "f=" not in address:
        page = client.get(address, headers={"Accept": "text/html", "Accept-Language": "fr"})
        assert (page.status_code, page.content_type) == (status, "text/html; charset=utf-8")
        assert page.headers["Content-Language"] == "fr"


@pytest.mark.parametrize("path", ["/collections", f"{PLACES}/items", f"{PLACES}/items/p1", "/static/poles.css"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_what_is_read_only_says_so(client: Any, path: str, method: str) -> None:
    refused = client.open(path, method=method)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert refused.get_json()["code"] == "MethodNotAllowed"
    assert refused.headers["Access-Control-Allow-Origin"] == "*"


# --- weights -------------------------------------------------------------------------------------------------------

OFFERED = ("application/geo+json", "text/csv", "image/tiff; application=geotiff", "text/html")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "application/geo+json"),
        ("", "application/geo+json"),
        ("*/*", "application/geo+json"),
        ("*", "application/geo+json"),
        ("text/*", "text/csv"),
        ("TEXT/HTML", "text/html"),
        ("text/csv;q=0.5, text/html", "text/html"),
        ("text/csv, text/html;q=0.9", "text/csv"),
        ("text/*, text/csv;q=0", "text/html"),
        ("*/*;q=0.1, text/html;q=0.05, application/*;q=0", "text/csv"),
        ("text/csv, */*", "text/csv"),
        ("*/*, application/geo+json;q=0", "text/csv"),
        ("application/geo+json;q=0", "text/csv"),
        ("image/tiff;application=geotiff", "image/tiff; application=geotiff"),
        ('image/tiff; application="GeoTIFF"', "image/tiff; application=geotiff"),
        ("image/tiff;application=other", None),
        ("text/html;charset=utf-8", "text/html"),
        ("application/geo+json;profile=rfc7946, text/html", "text/html"),
        ("application/geo+json;profile=rfc7946, */*;q=0.1", "application/geo+json"),
        ("image/png", None),
        ("*/*;q=0", None),
        ("text/csv;q=0, image/png", None),
        ("text/csv;q=0.001", "text/csv"),
        ("text/csv;q=none, text/html;q=.5", "text/html"),
        ('application/geo+json;a=",text/csv";q=0.1, text/html;q=0.2', "text/html"),
        (", ,;q=1,", "application/geo+json"),
    ],
)
def test_media_types_are_weighed(accept: str | None, chosen: str | None) -> None:
    assert preferred(accept, OFFERED) == chosen


@pytest.mark.parametrize(
    ("accept_language", "language"),
    [
        (None, "en"), ("", "en"), ("fr", "fr"), ("fr-CA", "fr"), ("FR-fr;q=0.3", "fr"), ("fr_FR", "fr"),
        ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr"), ("en-GB,fr;q=0.9", "en"), ("fr;q=0.8, en", "en"),
        ("fr, en", "fr"), ("en, fr", "en"), ("*", "en"), ("*, fr;q=0.5", "en"), ("fr, *;q=0", "fr"), ("*;q=0", "en"),
        ("fr;q=0", "en"), ("en;q=0", "fr"), ("en;q=0, *", "fr"), ("fr;q=0, *", "en"), ("fr;q=0, en;q=0", "en"),
        ("de", "en"), ("de, fr;q=0.1", "fr"), ("de, *;q=0", "en"), ("de, en;q=0", "fr"), ("fro, fry", "en"),
        ("fr-CA;q=0", "en"), ("*, fr", "fr"),
    ],
)  # fmt: skip
def test_languages_are_weighed(accept_language: str | None, language: str) -> None:
    assert spoken(accept_language) == language


@pytest.mark.parametrize(
    ("accept_encoding", "chosen"),
    [
        (None, "identity"), ("", "identity"), ("gzip", "gzip"), ("GZIP;q=1.0", "gzip"), ("x-gzip", "gzip"),
        ("deflate, br", "identity"), ("*", "gzip"), ("gzip;q=0", "identity"), ("gzip;q=0, *", "identity"),
        ("identity;q=1, gzip;q=0.5", "identity"), ("identity;q=0.5, gzip", "gzip"), ("identity;q=0", "gzip"),
        ("identity;q=0, gzip", "gzip"), ("*;q=0", None), ("identity;q=0, gzip;q=0", None), ("br, *;q=0", None),
        ("gzip, *;q=0", "gzip"), ("*;q=0, identity", "identity"), ("gzip;q=0.000", "identity"),
    ],
)  # fmt: skip
def test_codings_are_weighed(accept_encoding: str | None, chosen: str | None) -> None:
    assert coding(accept_encoding) == chosen


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"Accept": "application/geo+json"}, "application/geo+json"),
        ({"Accept": "application/json"}, "application/geo+json"),
        ({"Accept": "application/vnd.geo+json"}, "application/geo+json"),
        ({"Accept": "text/csv, application/geo+json;q=0.9"}, "text/csv"),
        ({"Accept": "application/*;q=0.5, text/html;q=0.4"}, "application/geo+json"),
        ({"Accept": "text/html, application/geo+json"}, "application/geo+json"),
        ({"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, "text/html; charset=utf-8"),
        ({"Accept": "application/geo+json;q=0, text/html;q=0.1"}, "text/html; charset=utf-8"),
        ({"f": "GEOJSON", "Accept": "text/html"}, "application/geo+json"),
        ({"f": "Json", "Accept": "text/html"}, "application/geo+json"),
        ({"f": "application/geo+json"}, "application/geo+json"),
        ({"f": "text/csv; charset=utf-8"}, "text/csv"),
        ({"f": "text/html; charset=utf-8"}, "text/html; charset=utf-8"),
        ({"f": "csv", "Accept": "image/png"}, "text/csv"),
    ],
)
def test_items_are_negotiated(client: Any, asked: dict[str, str], kind: str) -> None:
    query = {"f": asked["f"]} if "f" in asked else {}
    answer = client.get(
        f"{PLACES}/items", query_string=query, headers={k: v for k, v in asked.items() if k == "Accept"}
    )
    assert (answer.status_code, answer.content_type) == (200, kind)


@pytest.mark.parametrize("path", ["/", "/openapi", f"{PLACES}/items", f"{GRID}/position?coords=POINT(2 45)", "/jobs"])
def test_what_nothing_fits_is_406_and_varies_too(client: Any, path: str) -> None:
    for header in ({"Accept": "image/png"}, {"Accept": "*/*;q=0"}, {"Accept-Encoding": "*;q=0"}):
        refused = client.get(path, headers=header)
        assert (refused.status_code, refused.content_type) == (406, "application/json")
        assert refused.headers["Vary"] == "Accept, Accept-Language, Accept-Encoding"


def test_a_format_that_cannot_carry_an_answer_gives_way_to_the_next(client: Any) -> None:
    series = f"{TIDE}/position?coords=POINT(-4.5 48.4)"
    assert client.get(f"{series}&f=GeoTIFF").status_code == 400
    geotiff = "image/tiff;application=geotiff"
    assert client.get(series, headers={"Accept": geotiff}).status_code == 406
    assert client.get(series, headers={"Accept": f"{geotiff}, text/csv;q=0.5"}).content_type == "text/csv"


def test_the_api_is_found_by_its_media_type_alone(client: Any) -> None:
    kind = "application/vnd.oai.openapi+json;version=3.0"
    assert client.get("/openapi", headers={"Accept": kind}).content_type == kind
    assert client.get("/openapi", headers={"Accept": kind.replace(";", "; ") + ", */*;q=0.1"}).content_type == kind
    assert client.get("/openapi", headers={"Accept": kind.replace("3.0", "3.1")}).status_code == 406


def test_lang_comes_before_the_header_and_an_unknown_one_is_refused(client: Any) -> None:
    def language(**query: str) -> Any:
        return client.get(GRID, query_string=query, headers={"Accept-Language": "en"}).headers["Content-Language"]

    assert [language(lang=x) for x in ("fr", "FR", "fr-CA", "en", "")] == ["fr", "fr", "fr", "en", "en"]
    refused = client.get(f"{PLACES}/items?lang=de")
    assert refused.status_code == 400
    assert refused.get_json()["detail"] == "lang: 'de' is not spoken here; give fr or en"


# --- packing -------------------------------------------------------------------------------------------------------


def test_a_small_body_is_packed_only_where_the_plain_one_is_refused(client: Any) -> None:
    assert "Content-Encoding" not in client.get("/health", headers={"Accept-Encoding": "gzip"}).headers
    packed = client.get("/health", headers={"Accept-Encoding": "identity;q=0, gzip"})
    assert json.loads(gzip.decompress(packed.data))["status"] == "ok"


def test_what_is_packed_already_is_left_so(client: Any) -> None:
    path = f"{GRID}/cube?bbox=0,41,2,43&f=NetCDF"
    assert "Content-Encoding" not in client.get(path, headers={"Accept-Encoding": "gzip"}).headers
    assert client.get(path, headers={"Accept-Encoding": "gzip, identity;q=0"}).headers["Content-Encoding"] == "gzip"


def test_a_document_is_packed_once(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = client.get("/collections", headers={"Accept-Encoding": "gzip"}).data
    monkeypatch.setattr(zlib, "compressobj", lambda *_: pytest.fail("packed again"))
    assert client.get("/collections", headers={"Accept-Encoding": "gzip"}).data == first


def test_documents_are_kept_up_to_a_budget_plain_and_packed() -> None:
    from web.kept import Kept

    kept = Kept(5_000)
    tags = [kept.document(n, lambda n=n: bytes([n]) * 1_000)[1] for n in range(5)]  # type: ignore[misc]
    assert all(kept.zipped(t) for t in tags[1:])  # makes room for what is packed
    assert kept.zipped(tags[0]) is None
    assert kept.zipped('W/"none"') is None
    assert kept.document(0, lambda: b"made again")[0] == b"made again"


# --- entity tags ---------------------------------------------------------------------------------------------------


def tag(client: Any, path: str, **asked: str) -> str:
    answer = client.get(path, headers={k.replace("_", "-"): v for k, v in asked.items()})
    assert answer.status_code == 200, answer.data
    return str(answer.headers["ETag"])


def test_the_same_question_has_one_tag_however_it_is_written(client: Any) -> None:
    items = f"{PLACES}/items"
    assert tag(client, f"{items}?limit=2&bbox=0,0,9,90") == tag(client, f"{items}?bbox=0,0,9,90&limit=2")
    assert tag(client, f"{items}?f=csv") == tag(client, f"{items}?f=CSV") == tag(client, items, Accept="text/csv")
    assert tag(client, items) == tag(client, f"{items}?f=geojson") == tag(client, items, Accept="application/json")
    assert tag(client, f"{items}?lang=fr") == tag(client, items, Accept_Language="fr")
    assert tag(client, "/collections?q=title&limit=2") == tag(client, "/collections?limit=2&q=title&f=JSON")


def test_another_answer_has_another_tag(client: Any) -> None:
    items = f"{PLACES}/items"
    paths = ("", "?limit=2", "?limit=2&offset=1", "?f=CSV", "?lang=fr", "?f=html", "?bbox=0,0,9,90", "?limit=20")
    tags = [tag(client, items + p) for p in paths] + [tag(client, f"/poles/theia{items}"), tag(client, f"{items}/p1")]
    assert len(set(tags)) == len(tags)
    assert tag(client, f"{items}?f=CSV&lang=fr") == tag(client, f"{items}?f=CSV")  # no word of ours is in it


def test_a_tag_is_of_the_data_and_of_the_catalogue(
    catalogue: Path, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import providers
    from web.app import create_app

    before = tag(client, f"{PLACES}/items"), tag(client, GRID)
    assert tag(create_app(watch=False).test_client(), f"{PLACES}/items") == before[0]  # another worker, another start
    with monkeypatch.context() as patch:
        patch.setattr(providers.Feature, "version", "another")
        assert tag(client, f"{PLACES}/items") != before[0]
    config = tmp_path / "config.yml"
    config.write_text(catalogue.read_text().replace("Title of odatis-grid", "Another title"))
    monkeypatch.setenv("POLES_CONFIG", str(config))
    changed = create_app(watch=False).test_client()
    assert (tag(changed, f"{PLACES}/items"), tag(changed, GRID)) != before
    assert tag(changed, f"{PLACES}/items") != before[0]


@pytest.mark.parametrize("path", [f"{PLACES}/items?limit=0", f"{PLACES}/items/nobody", "/collections/nothing"])
def test_a_star_does_not_make_a_wrong_question_right(client: Any, path: str) -> None:
    assert client.get(path, headers={"If-None-Match": "*"}).status_code in (400, 404)


def test_a_post_is_answered_whole(client: Any) -> None:
    first = client.post(f"{GRID}/position", data={"coords": "POINT(2 45)"})
    again = client.post(
        f"{GRID}/position", data={"coords": "POINT(2 45)"}, headers={"If-None-Match": first.headers["ETag"]}
    )
    assert (again.status_code, again.data) == (200, first.data)


# --- proxies -------------------------------------------------------------------------------------------------------

HEADERS = {"X-Forwarded-Host": "data.example.fr", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/earth"}


def behind(monkeypatch: pytest.MonkeyPatch, trusted: str = "127.0.0.1, 10.0.0.0/8", url: str = "") -> Any:
    from web.app import create_app

    monkeypatch.setenv("POLES_TRUSTED_PROXIES", trusted)
    monkeypatch.setenv("POLES_URL", url)
    return create_app(watch=False).test_client()


def base(client: Any, given: dict[str, str], path: str = "/", peer: str = "127.0.0.1") -> str:
    answer = client.get(path, headers=given, environ_overrides={"REMOTE_ADDR": peer})
    assert answer.status_code == 200, answer.data
    return str(next(link["href"] for link in answer.get_json()["links"] if link["rel"] == "self"))


def test_a_trusted_proxy_says_where_we_are(catalogue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = behind(monkeypatch)
    assert base(client, HEADERS) == "https://data.example.fr/earth"
    assert base(client, HEADERS | {"X-Forwarded-Host": "Other.example:8443"}) == "https://other.example:8443/earth"
    assert base(client, {"X-Forwarded-Proto": "https"}) == "https://127.0.0.1:5000"
    assert base(client, {"Forwarded": 'for=1.2.3.4;host="data.example.fr";PROTO=https'}) == "https://data.example.fr"
    assert base(client, HEADERS, peer="::ffff:10.1.2.3") == "https://data.example.fr/earth"
    assert base(client, {}) == BASE  # and nothing of it stays


@pytest.mark.parametrize(
    ("trusted", "peer"), [("", "127.0.0.1"), ("10.0.0.0/8", "127.0.0.1"), ("127.0.0.1", "11.0.0.1"), ("127.0.0.1", "")]
)
def test_nobody_else_does(catalogue: Path, monkeypatch: pytest.MonkeyPatch, trusted: str, peer: str) -> None:
    client = behind(monkeypatch, trusted)
    forged = HEADERS | {"Forwarded": "host=evil.example;proto=https", "Host": "evil.example"}
    assert base(client, forged, peer=peer) == BASE
    assert base(client, {"Host": "evil.example"}) == BASE
    for path in ("/collections", GRID, f"{PLACES}/items", "/openapi", "/?f=html", "/nowhere"):
        answer = client.get(path, headers=forged, environ_overrides={"REMOTE_ADDR": peer})
        assert b"evil" not in answer.data
        assert b"example.fr" not in answer.data
        assert "evil" not in str(answer.headers)


def test_every_link_is_under_the_address_that_was_told(catalogue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = behind(monkeypatch)
    there = "https://data.example.fr/earth"
    paths = ("/", "/collections", GRID, f"{PLACES}/items?limit=2", "/openapi", "/poles/theia", f"{PLACES}/queryables")
    for given, root in ((HEADERS, there), ({}, BASE), (HEADERS, there)):  # what is kept of one is not told to another
        for path in paths:
            answer = client.get(path, headers=given)
            own = [h for h in hrefs(answer.get_json(force=True)) if not re.search("spdx|doi.org", h)]
            assert all(h.startswith(root) for h in own), (path, own)
            linked = re.findall("<([^>]*)>", answer.headers.get("Link", ""))
            assert all(h.startswith(root) for h in linked if not re.search("spdx|doi.org", h))
        assert client.get("/openapi", headers=given).get_json(force=True)["servers"] == [{"url": root}]
    page = client.get("/?f=html", headers=HEADERS).text
    assert 'href="/earth/static/poles.css"' in page
    assert tag(client, f"{PLACES}/items", **HEADERS) != tag(client, f"{PLACES}/items")


@pytest.mark.parametrize("prefix", ["/earth", "/poles", "/a/b.c"])
def test_a_prefix_may_be_taken_off_before_us_or_not(
    catalogue: Path, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    for client, given in (
        (behind(monkeypatch), {"X-Forwarded-Prefix": prefix}),
        (behind(monkeypatch, url=f"https://data.example.fr{prefix}"), {}),
    ):
        for path in ("/", "/collections", "/poles/theia", "/poles/theia/collections", "/datasets/theia-places"):
            documents = [client.get(p, headers=given) for p in (path, (prefix + path).rstrip("/"))]
            assert [d.status_code for d in documents] == [200, 200], (prefix, path)
            assert documents[0].data == documents[1].data


def test_the_address_that_is_configured_wins(catalogue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = behind(monkeypatch, url="https://configured.example/x")
    assert base(client, HEADERS) == "https://configured.example/x"


def test_a_chain_is_read_as_far_as_it_is_trusted(catalogue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = behind(monkeypatch)
    one = {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Host": "forged.example, data.example.fr"}
    assert base(client, one) == "http://data.example.fr"
    two = {"X-Forwarded-For": "1.2.3.4, 10.0.0.9", "X-Forwarded-Host": "forged.example, data.example.fr, inner.example"}
    assert base(client, two) == "http://data.example.fr"
    standard = "for=9.9.9.9;host=forged.example, for=1.2.3.4;host=data.example.fr, for=10.0.0.9;host=inner.example"
    assert base(client, {"Forwarded": standard}) == "http://data.example.fr"


@pytest.mark.parametrize(
    "given",
    [
        {"X-Forwarded-Host": "evil.example/path"},
        {"X-Forwarded-Host": 'evil.example"><script>'},
        {"X-Forwarded-Host": "a@evil.example"},
        {"X-Forwarded-Proto": "javascript"},
        {"X-Forwarded-Prefix": "//evil.example"},
        {"X-Forwarded-Prefix": "earth"},
        {"X-Forwarded-Prefix": "/../.."},
        {"Forwarded": "host=evil.example/path"},
        {"Forwarded": "host=evil.example", "X-Forwarded-Host": "data.example.fr"},
        {"Forwarded": "proto=http", "X-Forwarded-Proto": "https"},
    ],
)
def test_what_a_proxy_cannot_mean_is_refused(
    catalogue: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    refused = behind(monkeypatch).get("/collections", headers=given)
    assert refused.status_code == 400
    assert "evil" not in refused.text
    assert refused.get_json()["detail"].startswith(("Forwarded:", "X-Forwarded-"))


def test_a_thousand_addresses_take_no_more_room_than_a_few(client: Any) -> None:
    views = client.application.extensions["poles"].views
    for n in range(1000):
        views.under(f"https://host{n}.example")
    assert len(views._elsewhere) <= 32
    assert views.under("https://host999.example") is views.under("https://host999.example")


def test_proxies_that_are_no_addresses_are_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    from poles.errors import Invalid
    from poles.settings import settings

    monkeypatch.setenv("POLES_TRUSTED_PROXIES", "nginx")
    with pytest.raises(Invalid, match="POLES_TRUSTED_PROXIES"):
        settings()


def test_what_is_not_told_stays() -> None:
    assert Told().base("http://a:1/b") == "http://a:1/b"
    assert Told(prefix="").base("http://a:1/b") == "http://a:1"
    assert Told(host="c").base("http://a:1/b") == "http://c/b"


# --- rows ----------------------------------------------------------------------------------------------------------


def linked(answer: Any) -> dict[str, str]:
    """The links of the header, by relation."""
    return {rel: href for href, rel in re.findall(r'<([^>]*)>; rel="([^"]*)"', answer.headers["Link"])}


@pytest.mark.parametrize("method", ["get", "head"])
def test_the_crs_of_rows_is_told_always(client: Any, method: str) -> None:
    def told(path: str, **given: str) -> str:
        answer = getattr(client, method)(path, headers=given)
        assert answer.status_code == 200
        return str(answer.headers["Content-Crs"])

    for path in ("/items", "/items?f=CSV", "/items?f=html", "/items?bbox=100,0,101,1", "/items/p1", "/items/p1?f=html"):
        assert told(PLACES + path) == f"<{CRS84}>"
    webmercator = "http://www.opengis.net/def/crs/EPSG/0/3857"
    assert (
        told(f"{PLACES}/items?crs={webmercator}") == told(f"{PLACES}/items/p1?crs={webmercator}") == f"<{webmercator}>"
    )


def test_rows_link_their_other_formats(client: Any) -> None:
    from poles.encodings import FORMATS

    document = client.get(f"{PLACES}/items?limit=2").get_json(force=True)
    alternates = {link["type"]: link["href"] for link in document["links"] if link["rel"] == "alternate"}
    assert {"text/html", "text/csv"} <= set(alternates)
    for written_as in FORMATS:
        if written_as.media_type in alternates:
            answer = client.get(alternates[written_as.media_type].removeprefix(BASE))
            assert (answer.status_code, answer.content_type) == (200, written_as.media_type)
    named = {f.media_type for f in FORMATS if "table" in f.kinds and f.name not in ("GeoJSON", "NetCDF")}
    assert named <= set(alternates)


def test_the_next_page_is_geojson_and_keeps_the_question(client: Any) -> None:
    asked = f"{PLACES}/items?lang=fr&bbox=0,0,9,90&limit=2&properties=name"
    following = [k for k in client.get(asked).get_json(force=True)["links"] if k["rel"] == "next"]
    assert [k["type"] for k in following] == ["application/geo+json"]
    path, _, query = following[0]["href"].partition("?")
    assert path == f"{BASE}{PLACES}/items"
    pairs = [p.split("=") for p in query.split("&")]
    assert dict(pairs) == {
        "lang": "fr", "bbox": "0,0,9,90", "properties": "name", "offset": "2", "limit": "2",
    }  # fmt: skip
    assert next(k for k, v in pairs if v == "2") == "offset"  # ArcGIS takes the first whose value is the limit


def test_a_limit_beyond_the_greatest_stays_as_it_was_given(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import providers

    ask = providers.Feature.ask
    monkeypatch.setattr(providers.Feature, "ask", lambda *a, **k: replace(ask(*a, **k), limit=2))  # clamped
    assert linked(client.get(f"{PLACES}/items?limit=20000"))["next"].endswith("?offset=2&limit=20000")


@pytest.mark.parametrize("name", ["GeoJSON", "CSV", "html"])
def test_pages_of_every_format_are_followed_by_their_headers(client: Any, name: str) -> None:
    seen, address = [], f"{PLACES}/items?limit=2&f={name}"
    while address:
        page = client.get(address)
        assert page.status_code == 200
        seen.append(address)
        links = linked(page)
        assert ("prev" in links) == (len(seen) > 1)
        address = links.get("next", "").removeprefix(BASE)
    assert len(seen) == 3


def test_no_page_follows_the_last(client: Any) -> None:
    for query in ("limit=5", "limit=2&offset=4", "limit=100", "offset=100", "bbox=100,0,101,1"):
        page = client.get(f"{PLACES}/items?{query}")
        assert "next" not in linked(page)
        assert "next" not in [k["rel"] for k in page.get_json(force=True)["links"]]


def test_rows_that_are_not_counted_leave_the_next_page_to_the_encoding(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import providers
    from web import data

    ask, told = providers.Feature.ask, []
    context = data._context
    monkeypatch.setattr(
        providers.Feature, "ask", lambda *a, **k: replace(ask(*a, **k), matched=None, more=lambda: False)
    )
    monkeypatch.setattr(data, "_context", lambda *a: told.append(context(*a)) or told[-1])
    page = client.get(f"{PLACES}/items?limit=2")
    assert "next" not in linked(page)
    assert told[0].next["href"] == f"{BASE}{PLACES}/items?offset=2&limit=2"
    assert told[0].next["type"] == "application/geo+json"
    assert "next" not in [k["rel"] for k in told[0].links]


def test_an_address_too_long_for_a_header_is_left_to_the_body(client: Any) -> None:
    zero = "0." + "0" * 5000
    page = client.get(f"{PLACES}/items?limit=2&bbox={zero},0,9,90")
    assert "next" not in linked(page)
    assert "next" in [k["rel"] for k in page.get_json(force=True)["links"]]


def test_files_are_named_and_what_is_shown_is_not(client: Any) -> None:
    assert "Content-Disposition" not in client.get(f"{PLACES}/items").headers
    named = client.get(f"{PLACES}/items?f=CSV").headers["Content-Disposition"]
    assert named == 'attachment; filename="theia-places.csv"'


# --- streams -------------------------------------------------------------------------------------------------------


class Source:
    """A body that is made piece by piece, and knows how far and whether it was left."""

    def __init__(self, pieces: int, fault: Exception | None = None) -> None:
        self.pieces, self.fault, self.made, self.left = pieces, fault, 0, False

    def write(self, *_: Any) -> Iterator[bytes]:
        try:
            for _ in range(self.pieces):
                self.made += 1
                yield os.urandom(50_000).hex().encode()
            if self.fault is not None:
                raise self.fault
        finally:
            self.left = True


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Source]:
    """Has GeoJSON written from a source."""
    from web import data

    def by(pieces: int, fault: Exception | None = None) -> Source:
        source = Source(pieces, fault)
        formats = data._formats("table")
        changed = tuple(replace(f, write=source.write) if f.name == "GeoJSON" else f for f in formats)
        monkeypatch.setattr(data, "_formats", lambda kind: changed)
        return source

    return by


@pytest.mark.parametrize("packing", ["identity", "gzip"])
def test_a_stream_that_is_left_lets_go_of_its_source(client: Any, written: Any, packing: str) -> None:
    source = written(1_000)
    answer = client.get(f"{PLACES}/items", headers={"Accept-Encoding": packing})
    assert answer.status_code == 200
    assert "Content-Length" not in answer.headers
    assert answer.headers.get("Content-Encoding", "identity") == packing
    pieces = answer.iter_encoded()
    next(pieces)
    assert not source.left
    answer.close()
    assert source.left
    assert source.made < 20


@pytest.mark.parametrize("packing", ["identity", "gzip"])
def test_head_of_a_stream_costs_its_beginning(client: Any, written: Any, packing: str) -> None:
    source = written(1_000)
    head = client.head(f"{PLACES}/items", headers={"Accept-Encoding": packing})
    assert (head.status_code, head.data) == (200, b"")
    assert "Content-Length" not in head.headers
    head.close()
    assert source.left
    assert source.made < 5


def test_head_of_a_large_file_does_not_make_it(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from web import data

    monkeypatch.setattr(data, "COUNTED", {"values": 3, "rows": 3})
    monkeypatch.setattr(data, "gathered", lambda body: pytest.fail("made"))
    head = client.head(f"{GRID}/cube?bbox=0,41,2,43&f=NetCDF")
    assert (head.status_code, head.content_type) == (200, "application/x-netcdf")
    assert head.headers["Accept-Ranges"] == "bytes"


def test_a_stream_in_gzip_is_whole(client: Any, written: Any) -> None:
    written(20)
    answer = client.get(f"{PLACES}/items", headers={"Accept-Encoding": "gzip"})
    assert len(gzip.decompress(answer.data)) == 20 * 100_000


def test_what_fails_before_its_first_bytes_is_refused(client: Any, written: Any) -> None:
    source = written(1, OSError("the disk went away"))
    assert client.get(f"{PLACES}/items", headers={"Accept-Encoding": "gzip"}).status_code == 500
    assert source.left


# --- sockets -------------------------------------------------------------------------------------------------------

SERVED = """
import os, time
from dataclasses import replace
from pathlib import Path
from web import data
from web.app import create_app

def write(answer, context):
    '''limit=1: an error in the middle; limit=2: an end; else until it is left.'''
    count = 0
    try:
        while answer.limit != 2 or count < 20:
            count += 1
            yield os.urandom(50_000).hex().encode()
            if answer.limit == 1 and count == 20:
                raise OSError("the disk went away")
    finally:
        Path(os.environ["LEFT"]).write_text(str(count))

formats = data._formats("table")
changed = tuple(replace(f, write=write) if f.name == "GeoJSON" else f for f in formats)
original = data._formats
data._formats = lambda kind: changed if kind == "table" else original(kind)
app = create_app(watch=False)
"""


@pytest.fixture(scope="module")
def server(catalogue: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A port where gunicorn serves rows that go on for long, and the file that tells when they were left."""
    folder = tmp_path_factory.mktemp("manners")
    (folder / "served.py").write_text(SERVED)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "-c", "python:web.gunicorn", "--pythonpath", str(folder), "served:app"]
    environment = os.environ | {
        "POLES_PORT": str(port), "POLES_WORKERS": "1", "LEFT": str(folder / "left"),
        "POLES_TRUSTED_PROXIES": "127.0.0.1",
    }  # fmt: skip
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
    try:
        _until(lambda: _answers(port), log)
        yield port, folder / "left"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _until(happened: Callable[[], bool], log: Path | None = None, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, log.read_text()[-2000:] if log else "it did not happen"
        time.sleep(0.05)


def asked(port: int, path: str, **given: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=30)
    lines = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in given.items())
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
    return client


def received(client: socket.socket) -> tuple[bytes, bytes]:
    """Head and body as they came, until the server has closed."""
    found = b""
    with client:
        while piece := client.recv(65_536):
            found += piece
    head, _, body = found.partition(b"\r\n\r\n")
    return head, body


@pytest.mark.parametrize("packing", ["identity", "gzip"])
def test_an_error_in_the_middle_breaks_the_connection(server: tuple[int, Path], packing: str) -> None:
    head, body = received(asked(server[0], f"{PLACES}/items?limit=1", Accept_Encoding=packing))
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"transfer-encoding: chunked" in head.lower()
    assert (b"content-encoding: gzip" in head.lower()) == (packing == "gzip")
    assert len(body) > 500_000
    assert not body.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("packing", ["identity", "gzip"])
def test_a_whole_stream_ends_as_a_whole(server: tuple[int, Path], packing: str) -> None:
    given = {"Accept_Encoding": packing, "Connection": "close"}
    _, body = received(asked(server[0], f"{PLACES}/items?limit=2", **given))
    assert body.endswith(b"0\r\n\r\n")
    connection = http.client.HTTPConnection("127.0.0.1", server[0], timeout=30)
    connection.request("GET", f"{PLACES}/items?limit=2", headers={"Accept-Encoding": packing})
    body = connection.getresponse().read()
    connection.close()
    assert len(gzip.decompress(body) if packing == "gzip" else body) == 20 * 100_000


@pytest.mark.parametrize("packing", ["identity", "gzip"])
def test_a_client_that_leaves_ends_what_is_made_for_it(server: tuple[int, Path], packing: str) -> None:
    port, left = server
    left.unlink(missing_ok=True)
    client = asked(port, f"{PLACES}/items?limit=5", Accept_Encoding=packing)
    client.recv(1_000)
    assert not left.exists()
    client.close()
    _until(left.exists, seconds=20)


def test_head_over_a_socket_has_no_body(server: tuple[int, Path]) -> None:
    with socket.create_connection(("127.0.0.1", server[0]), timeout=30) as client:
        client.sendall(
            f"HEAD {PLACES}/items?limit=2 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"
            "HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        )
        found = b""
        while piece := client.recv(65_536):
            found += piece
    assert found.count(b"HTTP/1.1 200 ") == 2
    assert found.endswith(b"\r\n\r\n")


def test_a_client_that_goes_on_is_answered_in_order(server: tuple[int, Path]) -> None:
    """At once, after a moment, in halves, and two in one piece: on one connection."""
    one = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server[0]), timeout=30) as client:
        for pause in (0.0, 0.0, 0.05):
            client.sendall(one[:20])
            time.sleep(pause)
            client.sendall(one[20:])
            assert client.recv(65_536).count(b"HTTP/1.1 200 ") == 1
            time.sleep(pause)
        client.sendall(one + one.replace(b"/health", b"/ready"))
        found = b""
        while found.count(b'"status"') < 2:
            found += client.recv(65_536)
    assert found.index(b'"version"') < found.index(b'"left_out"')


def test_more_clients_than_threads_are_all_answered(server: tuple[int, Path]) -> None:
    clients = [socket.create_connection(("127.0.0.1", server[0]), timeout=30) for _ in range(20)]
    for _ in range(5):
        for client in clients:
            client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert all(client.recv(65_536).startswith(b"HTTP/1.1 200 ") for client in clients)
    for client in clients:
        client.close()


@pytest.mark.parametrize(("clients", "answered"), [(1, 3), (2, 3), (3, 1)])
def test_a_client_keeps_its_thread_while_each_has_one(
    monkeypatch: pytest.MonkeyPatch, clients: int, answered: int
) -> None:
    """Three requests of a byte each wait; two threads serve."""
    near, far = socket.socketpair()
    taken = []

    def one(self: Any, conn: Any) -> bool:
        taken.append(conn.sock.recv(1))
        return True

    monkeypatch.setattr(ThreadWorker, "handle", one)
    worker = Worker.__new__(Worker)
    worker.alive, worker.nr_conns, worker.cfg = True, clients, SimpleNamespace(threads=2)
    with near, far:
        far.sendall(b"abc")
        unread = SimpleNamespace(unreader=SimpleNamespace(buf=io.BytesIO()))
        assert worker.handle(SimpleNamespace(sock=near, parser=unread)) is True
    assert len(taken) == answered


class _Sent(list[bytes]):
    """A socket that keeps what it is sent, piece by piece."""

    sendall = list.append


@pytest.mark.parametrize(
    ("length", "pieces", "sent"),
    [(5, [b"whole"], 1), (5, [b"who", b"le"], 3), (None, [b"whole"], 2), (0, [b""], 1), (300_000, [b"x" * 300_000], 2)],
)
def test_a_small_body_leaves_with_its_head(length: int | None, pieces: list[bytes], sent: int) -> None:
    request = SimpleNamespace(version=(1, 1), method="GET", should_close=lambda: False)
    socket_ = _Sent()
    response = Response(request, socket_, SimpleNamespace(protocol="http"))
    response.start_response("200 OK", [] if length is None else [("Content-Length", str(length))])
    for piece in pieces:
        response.write(piece)
    assert len(socket_) == sent
    assert response.sent == sum(map(len, pieces))
    head, _, body = b"".join(socket_).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body == (b"".join(pieces) if length is not None else b"5\r\nwhole\r\n")


def test_gunicorn_takes_no_word_of_a_proxy_by_itself(server: tuple[int, Path]) -> None:
    given = {"X_Forwarded_Proto": "https", "X_Forwarded_Ssl": "off", "Script_Name": "/evil", "Connection": "close"}
    head, body = received(asked(server[0], "/?f=json", **given))
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"https://127.0.0.1:" in body
    assert b"evil" not in body


def test_the_log_names_the_client_that_the_proxy_tells(server: tuple[int, Path]) -> None:
    received(asked(server[0], "/health?of=1.2.3.4", X_Forwarded_For="1.2.3.4", Connection="close"))
    log = server[1].with_name("log")
    _until(lambda: "of=1.2.3.4" in log.read_text(), seconds=20)
    line = next(json.loads(k) for k in log.read_text().splitlines() if "of=1.2.3.4" in k)
    assert line["remote"] == "1.2.3.4"
