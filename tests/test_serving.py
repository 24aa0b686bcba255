"""`poles serve` as it runs: gunicorn, two workers, long request lines, a catalogue that changes, a graceful end."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml


@dataclass
class Server:
    """A running server, its log and its configuration."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path
    config: Path

    def get(self, path: str) -> tuple[int, Any]:
        """Status and document; a connection of its own, so that any worker may answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            body = answer.read()
            return answer.status, json.loads(body) if "json" in str(answer.getheader("Content-Type")) else body.decode()
        finally:
            connection.close()

    def raw(self, *pieces: bytes) -> bytes:
        """What is answered to bytes that may be no request; sending ends where the server ends it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as client:
            answer = b""
            try:
                for piece in pieces:
                    client.sendall(piece)
            except OSError:
                pass
            try:
                while piece := client.recv(65536):
                    answer += piece
            except OSError:
                pass
            return answer


@pytest.fixture(scope="module")
def server(catalogue: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("serving")
    config = folder / "pygeoapi-config.yml"
    config.write_bytes(catalogue.read_bytes())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "import sys; from poles.cli import main; sys.exit(main(sys.argv[1:]))", "serve"]
    command += ["--config", str(config), "--port", str(port), "--workers", "2"]
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    running = Server(process, port, log, config)
    try:
        _wait_until_ready(running)
        yield running
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_ready(server: Server) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        assert server.process.poll() is None, server.log.read_text()[-2000:]
        try:
            if server.get("/ready")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(server.log.read_text()[-2000:])


def test_links_say_where_this_call_serves(server: Server) -> None:
    links = server.get("/")[1]["links"]
    assert all(link["href"].startswith(f"http://127.0.0.1:{server.port}") for link in links)


def test_a_polygon_of_60_kilobytes_is_answered(server: Server) -> None:
    ring = ",".join(f"{i / 1000:.4f} {40 + i % 2}" for i in range(4200))
    status, _ = server.get(
        f"/collections/odatis-grid/area?coords=POLYGON(({ring},4.2 50,0.0 50,0.0 40))".replace(" ", "%20")
    )
    assert status in (200, 204, 400)  # 400: a ring may cross itself, but it was read


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ((b"GET /?" + b"a" * 67_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",), 414),
        ((b"GET /?", *[b"a" * 65_536] * 200), 414),
        ((b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 40_000 + b"\r\n\r\n",), 431),
        ((b"nonsense\r\n\r\n",), 400),
    ],
)
def test_what_is_no_request_is_refused_at_once_in_json(server: Server, pieces: tuple[bytes, ...], status: int) -> None:
    began = time.monotonic()
    head, _, body = server.raw(*pieces).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert json.loads(body)["status"] == status
    assert time.monotonic() - began < 3


def test_metrics_are_summed_over_workers(server: Server) -> None:
    def count() -> float:
        found = re.search(
            r'poles_requests_total\{method="GET",route="/conformance",status="200"\} (\S+)', server.get("/metrics")[1]
        )
        return float(found[1]) if found else 0.0

    before = count()
    for _ in range(30):
        server.get("/conformance")
    assert {count() - before for _ in range(6)} == {30.0}


def test_a_changed_catalogue_is_taken_up_by_every_worker_without_a_lost_request(server: Server) -> None:
    config = yaml.safe_load(server.config.read_text())
    config["resources"]["theia-more"] = config["resources"]["theia-places"] | {
        "title": {"en": "More", "fr": "Plus"},
        "providers": [{"type": "feature", "name": "providers.Feature", "data": "theia-more"}],
    }
    beside = server.config.with_suffix(".new")
    beside.write_text(yaml.safe_dump(config))
    statuses: list[int] = []
    taken_up = None
    with ThreadPoolExecutor(4) as pool:
        beside.replace(server.config)
        began = time.monotonic()
        while taken_up is None and time.monotonic() - began < 30:
            answers = list(pool.map(server.get, ["/collections"] * 12))
            statuses += [status for status, _ in answers]
            if all(len(document["collections"]) == 5 for _, document in answers):
                taken_up = taken_up or time.monotonic() - began
    assert set(statuses) == {200}
    assert taken_up is not None


def test_it_ends_on_term_and_leaves_nothing_behind(server: Server) -> None:
    group = server.process.pid
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=20) == 0
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    access = [line for line in lines if line["logger"] == "access"]
    assert len({line["request_id"] for line in access}) == len(access)
    assert {"method", "path", "status", "milliseconds"} <= set(access[0])
