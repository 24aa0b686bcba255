"""docs/benchmarks.md: a section a script, each written without touching the others."""

import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
OPENING = "# Benchmarks\n\nWritten by `make bench`, each section in one run.\n"


def machine() -> str:
    """What the figures were measured on, as far as it matters."""
    return f"Machine: {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}."


def write(title: str, lines: Sequence[str]) -> str:
    """The section in the place of that of the same title, else at the end; gives its text."""
    text = "\n".join([f"## {title}", "", machine(), "", *lines, ""])
    found = _sections(FILE.read_text() if FILE.exists() else "")
    found[title] = text
    FILE.write_text("\n".join([OPENING, *found.values()]))
    return text


def _sections(text: str) -> dict[str, str]:
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {part.splitlines()[0].removeprefix("## "): part.rstrip() + "\n" for part in parts}
