"""YAML text → plain values, with the line of every key and item, and every fault on the way.

Scalars are those of YAML 1.2's core schema: ``yes`` is text, ``010`` is ten, a date is text. Strings are
filled in from the environment. Anchors, aliases and ``<<`` work; a key given twice is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from python_backup.config.fill import fill

Path = tuple[str | int, ...]
"""Where in the document: ``("instances", 0, "port")``."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; ``line`` counts from 1."""

    path: Path
    line: int
    message: str

    @property
    def place(self) -> str:
        """The path as people write it: ``instances[0].port``."""
        return shown_path(self.path)


def shown_path(path: Path) -> str:
    """A path as people write it: ``instances[0].port``; empty for the whole document."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).removeprefix(".")


@dataclass(slots=True)
class Document:
    """One config file's values before they are checked.

    ``filled`` holds the paths of strings that the environment had a part in.
    """

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    filled: set[Path] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """The line of this path, or of the nearest one above it that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _Loader(yaml.SafeLoader):
    """SafeLoader's syntax with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own way


for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", tuple("tTfF")),
    ("tag:yaml.org,2002:int", r"[-+]?[0-9]+", tuple("-+0123456789")),
    ("tag:yaml.org,2002:float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?", tuple("-+.0123456789")),
    ("tag:yaml.org,2002:merge", r"<<", ("<",)),
):
    _Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), list(_first))

_SCALARS: Mapping[str, Any] = {
    "tag:yaml.org,2002:null": lambda _: None,
    "tag:yaml.org,2002:bool": lambda text: text.lower() == "true",
    "tag:yaml.org,2002:int": lambda text: int(text, 10),
    "tag:yaml.org,2002:float": float,
    "tag:yaml.org,2002:str": str,
}
_MERGE = "tag:yaml.org,2002:merge"


def read_document(text: str, environ: Mapping[str, str]) -> Document:
    """Reads the text; text that is no YAML gives a document of no value and one fault."""
    reader = _Reader(environ)
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark else 1
        reader.document.faults.append(Fault((), line, f"no YAML: {exc.problem or exc.context}"))
    except yaml.YAMLError as exc:
        reader.document.faults.append(Fault((), 1, f"no YAML: {' '.join(str(exc).split())}"))
    else:
        if root is not None:
            reader.document.value = reader.value(root, ())
    return reader.document


@dataclass(slots=True)
class _Reader:
    environ: Mapping[str, str]
    document: Document = field(default_factory=Document)
    _open: list[yaml.Node] = field(default_factory=list)

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.document.lines.setdefault(path, node.start_mark.line + 1)
        if any(node is above for above in self._open):
            return self._fault(path, node, "holds itself through an alias")
        self._open.append(node)
        try:
            match node:
                case yaml.MappingNode():
                    return self._mapping(node, path)
                case yaml.SequenceNode():
                    return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
                case yaml.ScalarNode():
                    return self._scalar(node, path)
                case _:
                    raise AssertionError(node)
        finally:
            self._open.pop()

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        own: dict[str, int] = {}
        for key_node, value_node in self._merged(node, path):
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in own:
                self._fault((*path, key), key_node, f"given twice; first on line {own[key]}")
            own[key] = line
            self.document.lines.setdefault((*path, key), line)
            result[key] = self.value(value_node, (*path, key))
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                for key, value in self._from_merge(value_node, path).items():
                    result.setdefault(key, value)
        return result

    def _merged(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(path, key_node, "a key must be a word")
            elif key_node.tag != _MERGE:
                yield key_node, value_node

    def _from_merge(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found: dict[str, Any] = {}
        for part in parts:
            value = self.value(part, path)
            if not isinstance(value, dict):
                self._fault(path, part, "<< takes a mapping")
                continue
            for key, inner in value.items():
                found.setdefault(key, inner)
        return found

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        read = _SCALARS.get(node.tag)
        if read is None:
            return self._fault(path, node, f"no such tag: {node.tag}")
        try:
            value = read(node.value)
        except ValueError:
            return self._fault(path, node, f"{node.value!r} is not {node.tag.rsplit(':', 1)[-1]}")
        if not isinstance(value, str):
            return value
        text, faults = fill(value, self.environ)
        for fault in faults:
            self._fault(path, node, fault)
        if "${" in value:
            self.document.filled.add(path)
        return text

    def _fault(self, path: Path, node: yaml.Node, message: str) -> None:
        self.document.faults.append(Fault(path, node.start_mark.line + 1, message))
