"""Configuration files as YAML: read with the C loader, `${VAR:-default}` filled in as pygeoapi does.

A file is composed into nodes first, so that each resource is made on its own: a date that does not exist or a
key given twice spoils one block, not the file.
"""

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import yaml

from poles.errors import Unreadable

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")
_HOLDS_VARIABLE = re.compile(r"[^$]*(?:\$(?!\{\w)[^$]*)*\$\{\w")


class BlockError(Exception):
    """One block cannot be made: the place in it, what is wrong, what would do."""

    def __init__(self, key: str, found: str, remedy: str) -> None:
        super().__init__(f"{key}: {found}; {remedy}")
        self.key, self.found, self.remedy = key, found, remedy


class _Loader(yaml.CSafeLoader):
    """PyYAML's C loader, strict about keys given twice."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        """The tag of a node; that of a scalar is worked out once for all scalars like it."""
        if kind is yaml.ScalarNode:
            return _tag(value) if implicit[0] else self.DEFAULT_SCALAR_TAG
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise BlockError(key.value, f"given twice (line {key.start_mark.line + 1})", "keep one")
                seen.add(key.value)
        return super().construct_mapping(node, deep)


@lru_cache(maxsize=32_768)
def _tag(value: str) -> str:
    resolvers = _Loader.yaml_implicit_resolvers
    for tag, pattern in (*resolvers.get(value[:1], ()), *resolvers.get(None, ())):
        if pattern.match(value):
            return str(tag)
    return str(_Loader.DEFAULT_SCALAR_TAG)


def _interpolated(_: yaml.Loader, node: yaml.ScalarNode) -> bool | float | int | str:
    return _typed(_VARIABLE.sub(_value_of, node.value))


def _value_of(match: re.Match[str]) -> str:
    name: str = match["name"]
    default: str | None = match["default"]
    value = os.environ.get(name, default)
    if value is None:
        raise BlockError(name, "the environment variable is not set", f"set it, or write ${{{name}:-default}}")
    return value


def _typed(text: str) -> bool | float | int | str:
    """The type that pygeoapi gives to what a variable holds."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if len(text) > 1 and text.startswith("0") and "." not in text:
        return text
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


_Loader.add_implicit_resolver("!variable", _HOLDS_VARIABLE, None)
_Loader.add_constructor("!variable", _interpolated)


class Document:
    """One configuration file: its sections as values, its resources one by one."""

    def __init__(self, text: str, name: str, *, again: bool = False) -> None:
        """`again`: the nodes are kept, for the same text to be read again."""
        self.text, self.name = text, name
        try:
            self._loader, root = _composed_again(text) if again else _composed(text)
        except yaml.YAMLError as error:
            raise Unreadable(name, _place(error), "mend the YAML") from error
        if not isinstance(root, yaml.MappingNode):
            raise Unreadable(name, "is no mapping of sections", "give server, logging, metadata and resources")
        self.root = root
        self.resources: yaml.Node | None = None
        for key, value in root.value:
            if key.value == "resources":
                self.resources = value

    def sections(self) -> dict[str, Any]:
        """All sections but `resources`."""
        sections: dict[str, Any] = {}
        for key, node in self.root.value:
            if key.value == "resources":
                continue
            if key.value in sections:
                raise Unreadable(self.name, f"{key.value} is given twice", "keep one")
            try:
                sections[key.value] = self.value(node)
            except BlockError as error:
                raise Unreadable(f"{self.name}: {error.key}", error.found, error.remedy) from error
        return sections

    def entries(self) -> Iterator[tuple[str, yaml.Node]]:
        """Ids and nodes of the resources, in the order of the file; an id may come twice."""
        match self.resources:
            case yaml.MappingNode(value=pairs):
                for key, node in pairs:
                    yield str(key.value), node
            case None | yaml.ScalarNode(value="" | "null" | "~"):
                return
            case _:
                raise Unreadable(self.name, "resources is no mapping", "give a block an id")

    def value(self, node: yaml.Node) -> Any:
        """What a node says. Raises `BlockError`."""
        try:
            return self._loader.construct_object(node, deep=True)
        except yaml.YAMLError as error:
            raise BlockError(f"line {node.start_mark.line + 1}", _place(error), "mend the YAML") from error
        except ValueError as error:  # a timestamp that the civil calendar lacks
            remedy = "give a date of the civil calendar, or null"
            raise BlockError(f"line {node.start_mark.line + 1}", str(error), remedy) from error


def _composed(text: str) -> tuple[_Loader, yaml.Node | None]:
    loader = _Loader(text)
    return loader, loader.get_single_node()


_composed_again = lru_cache(maxsize=2)(_composed)


def _place(error: yaml.YAMLError) -> str:
    """What PyYAML says, in one line."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}: {problem}" if mark is not None else str(problem)
