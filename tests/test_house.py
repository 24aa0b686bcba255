"""The house rules that a machine can hold: licences, the lock, what files may say, what is declared."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PACKAGES = ("poles", "providers", "processes", "web")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = ("requirements.lock", "requirements-dev.lock")
LESSER = {"pygeoif", "psycopg", "psycopg2", "psycopg2-binary", "psycopg-binary", "psycopg-c", "psycopg-pool"}
"""LGPL, allowed by name."""


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def runtime() -> set[str]:
    """The distributions that serving needs: what the project requires, and what those require."""
    found: set[str] = set()
    waiting = [Requirement(r) for r in PROJECT["project"]["dependencies"]]
    while waiting:
        requirement = waiting.pop()
        name = canonical(requirement.name)
        if name in found:
            continue
        found.add(name)
        for text in metadata.requires(name) or []:
            inner = Requirement(text)
            extras = [default_environment() | {"extra": e} for e in ("", *requirement.extras)]
            if inner.marker is None or any(inner.marker.evaluate(e) for e in extras):
                waiting.append(inner)
    return found


def licence(name: str) -> str:
    """What a distribution says of its licence: the expression, else the classifiers, else the beginning of the text.

    A whole text is no help: wheels append the licences of the libraries that they bundle.
    """
    told = metadata.metadata(name)
    if expression := told.get("License-Expression"):
        return str(expression)
    classified = [c for c in told.get_all("Classifier") or [] if c.startswith("License")]
    return "\n".join(classified) or (told.get("License") or "").strip()[:400]


def copyleft(text: str) -> str | None:
    """The copyleft that a licence names; an exception that links free of it does not count."""
    for part in re.split(r"\bAND\b|\n", text):
        if re.search(r"with\s+\S*exception", part, re.IGNORECASE):
            continue
        if re.search(r"\bLGPL|Lesser General Public", part, re.IGNORECASE):
            return "LGPL"
        if re.search(r"\bA?GPL|General Public License", part, re.IGNORECASE):
            return "GPL"
    return None


def test_no_gpl_package_is_needed_to_serve() -> None:
    found = {name: copyleft(licence(name)) for name in sorted(runtime())}
    assert {n for n, kind in found.items() if kind == "GPL"} == set()
    assert {n for n, kind in found.items() if kind == "LGPL"} <= LESSER


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("GPL-3.0-or-later", "GPL"),
        ("GNU Affero General Public License v3", "GPL"),
        ("AGPL-3.0", "GPL"),
        ("License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", "LGPL"),
        ("LGPL-2.1-only", "LGPL"),
        ("BSD-3-Clause AND GPL-3.0-only WITH GCC-exception-3.1", None),
        ("MIT", None),
    ],
)
def test_a_licence_is_judged_by_its_name(text: str, kind: str | None) -> None:
    assert copyleft(text) == kind


def test_every_package_to_serve_says_its_licence() -> None:
    silent = {n for n in runtime() if not licence(n).strip() and not metadata.metadata(n).get_all("License-File")}
    assert silent == set()


# --- the lock ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_names_no_host_and_hashes_everything(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted-host", text)
    pinned = re.findall(r"^([A-Za-z0-9_.-]+)==\S+.*?((?:\\\n\s+--hash=sha256:[0-9a-f]{64} ?)+)", text, re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^[A-Za-z]", text, re.MULTILINE)) > 40


def test_the_lock_holds_what_the_project_declares() -> None:
    pinned = dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", (ROOT / LOCKS[0]).read_text("utf-8"), re.MULTILINE))
    for text in PROJECT["project"]["dependencies"]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pinned[canonical(requirement.name)]), text


def test_both_locks_agree() -> None:
    pinned = [
        dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE))
        for lock in LOCKS
    ]
    assert pinned[0].items() <= pinned[1].items()


# --- what is declared ----------------------------------------------------------------------------------------------


def imported(folder: Path) -> Iterator[str]:
    """Top-level names that the Python files of a folder import."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]


def test_every_import_is_declared_and_every_declared_package_is_imported() -> None:
    names = {n for package in PACKAGES for n in imported(ROOT / package)} - set(PACKAGES) - set(sys.stdlib_module_names)
    providers = metadata.packages_distributions()
    needed = {canonical(providers[name][0]) for name in names}
    declared = {canonical(Requirement(r).name) for r in PROJECT["project"]["dependencies"]}
    assert needed == declared


def test_tests_and_benchmarks_import_only_what_is_declared() -> None:
    names = {n for folder in ("tests", "benchmarks") for n in imported(ROOT / folder)} - set(sys.stdlib_module_names)
    providers = metadata.packages_distributions()
    needed = {canonical(providers[n][0]) for n in names - set(PACKAGES) if n in providers}
    groups = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    assert needed <= {canonical(Requirement(r).name) for r in groups}


def test_every_dependency_has_a_reason() -> None:
    lines = (ROOT / "pyproject.toml").read_text("utf-8").partition("[project.scripts]")[0].splitlines()
    listed = [line for line in lines if re.match(r'    "[a-z0-9-]+(\[|[=<>]=|",)', line)]
    assert len(listed) > 30
    bare = [line for line in listed if "#" not in line]
    assert bare == ['    "types-shapely",']


# --- files ---------------------------------------------------------------------------------------------------------


def tracked() -> list[Path]:
    found = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if found.returncode:
        pytest.skip("not a git repository: tracked files are unknown")
    return [ROOT / name for name in found.stdout.decode().split("\0") if name]


def texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        try:
            yield path, path.read_text("utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue


def test_no_file_names_a_place_on_a_machine() -> None:
    machine = re.compile(r"(?<![\w.])/(?:work/|root/|home/[a-z]|tmp/(?!\.)\w)|[A-Z]:\\\\Users")
    mine = Path(__file__)
    found = {str(p.relative_to(ROOT)): m[0] for p, text in texts() if p != mine and (m := machine.search(text))}
    assert found == {}


def test_the_demonstration_is_small() -> None:
    assert sum(p.stat().st_size for p in tracked() if p.is_relative_to(ROOT / "demo")) <= 15e6


@pytest.mark.parametrize("package", PACKAGES)
def test_a_room_is_a_package_and_folders_of_papers_are_none(package: str) -> None:
    assert (ROOT / package / "__init__.py").exists()
    for folder in ("tests", "docker", "docs", "benchmarks", "demo", "openapi"):
        assert not (ROOT / folder / "__init__.py").exists()


def test_the_image_runs_as_a_number_and_stops_gracefully() -> None:
    text = (ROOT / "docker/Dockerfile").read_text("utf-8")
    for line in (
        "USER 10001:10001",
        "STOPSIGNAL SIGTERM",
        "HEALTHCHECK",
        "VOLUME /state",
        "EXPOSE 8080",
        'CMD ["serve"]',
    ):
        assert line in text
    assert text.count("\nFROM ${BASE_IMAGE}") == 2
    assert not re.search(r"index-url|://", text.replace("http://127.0.0.1:", ""))
