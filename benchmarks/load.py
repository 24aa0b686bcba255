"""A small load generator: the same request over kept connections, from a process of its own."""

import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen


def rate(url: str, *, seconds: float = 3.0, connections: int = 4, rounds: int = 3) -> float:
    """Requests a second, the median of some rounds after a warm-up; any answer but 200 is an error."""
    once(url, seconds=1, connections=connections)
    return statistics.median(once(url, seconds=seconds, connections=connections) for _ in range(rounds))


def once(url: str, *, seconds: float, connections: int) -> float:
    """Requests a second of one round."""
    command = [sys.executable, __file__, url, str(seconds), str(connections)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@contextmanager
def serving(command: list[str], url: str, env: dict[str, str], log: str, wait: float = 120) -> Iterator[float]:
    """A server in a process of its own, up when `url` answers; gives the seconds that took."""
    began = time.perf_counter()
    with open(log, "ab") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out)
        try:
            while not _answers(url):
                if process.poll() is not None or time.perf_counter() - began > wait:
                    raise RuntimeError(f"{command[0]} does not answer at {url}; see {log}")
                time.sleep(0.02)
            yield time.perf_counter() - began
        finally:
            process.terminate()
            process.wait(30)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=60) as response:
            response.read()
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def fetched(url: str) -> bytes:
    """The body of one answer."""
    with urlopen(url, timeout=120) as response:
        return bytes(response.read())


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _loop(url: str, until: float, counts: list[int], index: int) -> None:
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\n\r\n".encode()
    sock: socket.socket | None = None
    while time.perf_counter() < until:
        if sock is None:
            sock = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=60)
        sock.sendall(request)
        if not _read(sock):
            sock.close()
            sock = None
        counts[index] += 1


def _read(sock: socket.socket) -> bool:
    """Reads one response whole; tells whether the connection stays open."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(sock)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    if " 200 " not in lines[0] + " ":
        raise RuntimeError(lines[0])
    headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
    if headers.get("transfer-encoding") == "chunked":
        tail = (b"\r\n" + body)[-7:]
        while not tail.endswith(b"\r\n0\r\n\r\n"):
            tail = (tail + _some(sock))[-7:]
    else:
        left = int(headers.get("content-length", 0)) - len(body)
        while left > 0:
            left -= len(_some(sock))
    return headers.get("connection") != "close"


def _some(sock: socket.socket) -> bytes:
    piece = sock.recv(1 << 18)
    if not piece:
        raise RuntimeError("the connection broke in the middle of a response")
    return piece


def main() -> None:
    url, seconds, connections = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    counts = [0] * connections
    began = time.perf_counter()
    failed: list[Exception] = []

    def asked(index: int) -> None:
        try:
            _loop(url, began + seconds, counts, index)
        except (OSError, RuntimeError) as error:
            failed.append(error)

    threads = [threading.Thread(target=asked, args=(i,)) for i in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise SystemExit(f"{url}: {failed[0]}")
    print(sum(counts) / (time.perf_counter() - began))


if __name__ == "__main__":
    main()
