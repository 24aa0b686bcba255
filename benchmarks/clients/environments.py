"""Where each client runs: made once under build/clients, from package registries alone."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "clients"
NODE = ("@camptocamp/ogc-client@1.3.0", "@ogcapi-js/features@1.1.1", "covjson-reader@0.16.3")
EDR_XARRAY = ("edr-xarray==0.1.2",)


class Missing(Exception):
    """What a client needs is not here; the text says what."""


def ours() -> list[str]:
    """The project's own environment, which holds the Python clients that agree with it."""
    return [sys.executable]


def system() -> list[str]:
    """The Python of Debian, for which QGIS's bindings are made."""
    python = "/usr/bin/python3"
    asked = "from qgis.core import Qgis; print(Qgis.QGIS_VERSION)"
    if not Path(python).exists() or subprocess.run([python, "-c", asked], capture_output=True).returncode:
        raise Missing("python3-qgis is not installed (make deps CLIENTS=1)")
    return [python]


def debian_gdal() -> list[str]:
    """Our Python, where GDAL's programs are."""
    for program in ("ogrinfo", "gdal_translate"):
        if shutil.which(program) is None:
            raise Missing("gdal-bin is not installed (make deps)")
    return ours()


def python312() -> list[str]:
    """An environment of Python 3.12: edr-xarray runs on no later one."""
    python = BUILD / "python3.12" / "bin" / "python"
    if not (BUILD / "python3.12" / ".made").exists():
        _made([_python312(), "-m", "venv", str(python.parent.parent)])
        _made([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *EDR_XARRAY])
        (BUILD / "python3.12" / ".made").touch()
    return [str(python)]


def node() -> list[str]:
    """Node, with the JavaScript clients installed beside it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Missing("node and npm are not installed (make deps CLIENTS=1)")
    if not (BUILD / "node" / ".made").exists():
        (BUILD / "node").mkdir(parents=True, exist_ok=True)
        _made(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(BUILD / "node"), *NODE])
        (BUILD / "node" / ".made").touch()
    return ["node"]


def _made(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise Missing(f"{Path(command[0]).name} failed: {last[0][:120]}")


def _python312() -> str:
    """A Python 3.12 that can make environments: a command, or one of pyenv's."""
    roots = [os.environ.get("PYENV_ROOT", ""), str(Path.home() / ".pyenv"), "/opt/pyenv"]
    found = [str(p) for root in roots if root for p in sorted(Path(root).glob("versions/3.12.*/bin/python"))]
    for python in ("python3.12", *found):
        asked = "import ensurepip, ssl, sys; sys.exit(sys.version_info[:2] != (3, 12))"
        if shutil.which(python) and not subprocess.run([python, "-c", asked], capture_output=True).returncode:
            return python
    raise Missing("no Python 3.12 is here")


Environment = Callable[[], list[str]]
