"""One server for all conformance tests of a process: `poles serve` on the demonstration, as a user starts it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

sys.path.append(str(Path(__file__).parent))
pytest.register_assert_rewrite("probe")

from probe.http import Client  # noqa: E402
from probe.view import CONFIG, LIMITED, LIMITED_OF, View  # noqa: E402

POLES = [sys.executable, "-c", "import sys; from poles.cli import main; sys.exit(main(sys.argv[1:]))"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks a view asks each of the views that its class, else its file, names."""
    if "view" in metafunc.fixturenames:
        names = getattr(metafunc.cls, "VIEWS", None) or metafunc.module.VIEWS
        metafunc.parametrize("view", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server of its own, on a free port, in a state folder of its own; or what CONFORMANCE_URL names."""
    if running := os.environ.get("CONFORMANCE_URL"):
        yield running.rstrip("/")
        return
    folder = tmp_path_factory.mktemp("conformance")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ours = ("POLES_", "PYGEOAPI_", "HOST", "PORT")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)} | {"POLES_STATE": str(folder)}
    log = folder / "log"
    config = str(_config(folder))
    # All data are described first: a folder that is filled beside serving changes answers that were kept.
    subprocess.run([*POLES, "check", "--open", "--config", config], env=environment, check=True, capture_output=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*POLES, "serve", "--config", config, "--port", str(port), "--workers", "1"],
            stdout=out, stderr=subprocess.STDOUT, env=environment, start_new_session=True,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process, log)
        yield url
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _config(folder: Path) -> Path:
    """The demonstration, and one of its data sets once more under a limit that its whole exceeds."""
    demo = yaml.load(CONFIG.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    block = demo["resources"][LIMITED_OF]
    block["poles"] |= {"source": str(CONFIG.parent / block["poles"]["source"]), "limits": {"values": 1000}}
    block["providers"] = [{"type": "edr", "name": "providers.EDR", "data": LIMITED}]
    own = {k: demo[k] for k in ("server", "logging", "metadata")}
    file = folder / "pygeoapi-config.yml"
    file.write_text(
        yaml.safe_dump(own | {"poles": {"include": [str(CONFIG)]}, "resources": {LIMITED: block}}, allow_unicode=True),
        encoding="utf-8",
    )
    return file


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            if Client(url).get("/ready").status == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text()[-2000:])


@pytest.fixture(scope="session")
def client(server: str) -> Client:
    """A client that keeps the answers, as the suites do."""
    return Client(server)


@pytest.fixture(scope="session")
def views(client: Client) -> dict[str, View]:
    """The views that were asked for, each made once."""
    return {}


@pytest.fixture(scope="session")
def view(request: pytest.FixtureRequest, client: Client, views: dict[str, View]) -> View:
    """The view of a data set."""
    name = str(request.param)
    return views.setdefault(name, View(client, f"/datasets/{name}"))
