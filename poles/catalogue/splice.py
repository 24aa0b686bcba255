"""Editing a YAML file as text: one entry is set or taken away, everything else stays byte for byte.

A round trip through a YAML library loses comments and takes seconds on a large file; here nodes only tell which
lines an entry takes up.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml

from poles.catalogue.documents import Document

Path = tuple[str, ...]


def assigned(text: str, path: Path, value: Any) -> str:
    """The text with that value at that path, in place of what stood there, or after its last neighbour.

    >>> print(assigned("a: 1  # one\\nb:\\n  c: 2\\n", ("b", "d"), 3), end="")
    a: 1  # one
    b:
      c: 2
      d: 3
    """
    lines = _lines(text)
    mapping, at = _Mapping.root(text, len(lines)), 0
    if mapping.node.flow_style:
        return "".join(_rendered(_merged(mapping.document.value(mapping.node), path, value), 0))
    while True:
        entry = mapping.entry(path[at])
        if entry is None:
            return _inserted(lines, mapping, _rendered({path[at]: _nested(path[at + 1 :], value)}, mapping.column))
        inner = entry.mapping() if at + 1 < len(path) else None
        if inner is None:
            rest = path[at + 1 :]
            whole = _merged(mapping.document.value(entry.node), rest, value) if rest else value
            return _replaced(lines, entry, _rendered({path[at]: whole}, mapping.column))
        mapping, at = inner, at + 1


def removed(text: str, path: Path) -> str:
    """The text without the entry at that path; a mapping that would be left without any is written `{}`."""
    lines = _lines(text)
    mapping, holder = _Mapping.root(text, len(lines)), None
    for key in path[:-1]:
        holder = mapping.entry(key)
        inner = None if holder is None else holder.mapping()
        if inner is None:
            raise KeyError(path)
        mapping = inner
    entry = mapping.entry(path[-1])
    if entry is None:
        raise KeyError(path)
    if len(mapping.node.value) == 1 and holder is not None:
        empty = _rendered({path[-2]: {}}, holder.column)
        kept = lines[holder.first + 1 : entry.first] + lines[entry.last : holder.last]
        return _joined(lines[: holder.first], empty, kept + lines[holder.last :])
    return "".join(lines[: entry.first] + lines[entry.last :])


def taken(text: str, path: Path) -> tuple[str, str, str] | None:
    """What stands before, in and after an entry; None where it is not written as a block of lines of its own."""
    lines = _lines(text)
    mapping: _Mapping | None = _Mapping.root(text, len(lines))
    entry = None
    for key in path:
        entry = None if mapping is None else mapping.entry(key)
        if entry is None:
            return None
        mapping = entry.mapping()
    if entry is None or mapping is None:
        return None
    parts = lines[: entry.first], lines[entry.first : entry.last], lines[entry.last :]
    return "".join(parts[0]), "".join(parts[1]), "".join(parts[2])


def rendered(value: dict[str, Any]) -> str:
    """A mapping as YAML: innermost lists and mappings in one line, times as `2020-01-01T00:00:00Z`."""
    out = io.StringIO()
    dumper = _Dumper(out, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
    try:
        dumper.open()
        node = dumper.represent_data(value)
        node.flow_style = False  # type: ignore[attr-defined]
        dumper.serialize(node)
        dumper.close()
    finally:
        dumper.dispose()
    return out.getvalue()


# --- where entries stand -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Entry:
    """Lines `first` to `last` (exclusive) of a file."""

    document: Document
    key: yaml.Node
    node: yaml.Node
    first: int
    last: int

    @property
    def column(self) -> int:
        return int(self.key.start_mark.column)

    def mapping(self) -> "_Mapping | None":
        """What the entry holds, where that is a mapping with a line for each entry (and no alias)."""
        node = self.node
        if not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
            return None
        if node.start_mark.line <= self.key.start_mark.line:
            return None
        return _Mapping(self.document, node, self.last)


@dataclass(frozen=True, slots=True)
class _Mapping:
    document: Document
    node: yaml.MappingNode
    limit: int
    """The line after it."""

    @classmethod
    def root(cls, text: str, limit: int) -> "_Mapping":
        whole = Document(text, "file", again=True)
        return cls(whole, whole.root, limit)

    @property
    def column(self) -> int:
        return int(self.node.start_mark.column)

    def entry(self, key: str) -> _Entry | None:
        """The entry of that key."""
        starts = [k.start_mark.line for k, _ in self.node.value] + [self.limit]
        for at, (found, value) in enumerate(self.node.value):
            if found.value == key:
                last = starts[at + 1] if value.value else starts[at] + 1  # an empty one keeps the comments below it
                last = _trimmed(_lines(self.document.text), starts[at], last, self.column)
                return _Entry(self.document, found, value, starts[at], last)
        return None

    def end(self, lines: list[str]) -> int:
        """The line after its last entry."""
        return _trimmed(lines, self.node.value[-1][0].start_mark.line, self.limit, self.column)


def _trimmed(lines: list[str], first: int, last: int, column: int) -> int:
    """Without the blank lines and outer comments at the end: they belong to what follows."""
    while last > first + 1:
        line = lines[last - 1]
        bare = line.strip()
        outside = bare.startswith("#") and len(line) - len(line.lstrip()) <= column
        if bare and not outside and not bare.startswith(("...", "---")):
            return last
        last -= 1
    return last


# --- text ----------------------------------------------------------------------------------------------------------


class Lines(dict[str, Any]):
    """A mapping that is written with a line for each entry, however small."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _moment(dumper: yaml.SafeDumper, value: datetime) -> yaml.Node:
    text = value.isoformat().replace("+00:00", "Z")
    return dumper.represent_scalar("tag:yaml.org,2002:timestamp", text)


def _mapping(dumper: yaml.SafeDumper, value: dict[Any, Any]) -> yaml.Node:
    """In lines, where that was asked or it holds a time: between braces a time would need a tag."""
    lines = isinstance(value, Lines) or any(isinstance(v, datetime) for v in value.values())
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=False if lines else None)


_Dumper.add_representer(datetime, _moment)
_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(Lines, _mapping)


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _rendered(entries: dict[str, Any], column: int) -> list[str]:
    """Lines of a mapping, an entry each."""
    lines = (line for key in entries for line in rendered({key: entries[key]}).splitlines(keepends=True))
    return [" " * column + line if line.strip() else line for line in lines]


def _inserted(lines: list[str], mapping: _Mapping, added: list[str]) -> str:
    at = mapping.end(lines)
    return _joined(lines[:at], added, lines[at:])


def _replaced(lines: list[str], entry: _Entry, added: list[str]) -> str:
    return _joined(lines[: entry.first], added, lines[entry.last :])


def _joined(before: list[str], added: list[str], after: list[str]) -> str:
    """Added lines end as the others do."""
    end = "\r\n" if before and before[0].endswith("\r\n") else "\n"
    if before and not before[-1].endswith(("\n", "\r")):
        before = [*before[:-1], before[-1] + end]
    return "".join([*before, *(line.rstrip("\n") + end for line in added), *after])


def _nested(path: Path, value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _merged(old: Any, path: Path, value: Any) -> Any:
    """The value of a mapping written in one line, with something else at a path inside."""
    if not path:
        return value
    base = dict(old) if isinstance(old, Mapping) else {}
    return {**base, path[0]: _merged(base.get(path[0]), path[1:], value)}
