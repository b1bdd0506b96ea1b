"""MXNet symbol JSON -> a small typed graph.

An edge is keyed by (node index, output index): names repeat in real networks, indices do not.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from zoo.errors import ExportError

Edge = tuple[int, int]

VARIABLE = "null"
HEADS = frozenset(  # a prediction and its label
    {
        "LinearRegressionOutput",
        "LogisticRegressionOutput",
        "MAERegressionOutput",
        "SVMOutput",
        "SoftmaxOutput",
    }
)
_WITHOUT_EFFECT = frozenset({"cudnn_off", "cudnn_tune", "workspace"})
_LONG = re.compile(r"(?<=\d)L\b")  # Python 2 wrote (3L, 3L)


class Attributes(Mapping[str, str]):
    """A node's attributes, which MXNet writes as texts, read by their type.

    What has been read is remembered: an attribute that no translator looked at would be a silent
    difference, and `unread` tells it. Every reader raises ExportError for a text that does not
    parse.
    """

    def __init__(self, owner: str, values: Mapping[str, str]) -> None:
        self._owner = owner
        self._values = {name: text for name, text in values.items() if not name.startswith("__")}
        self._read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self._read.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def text(self, name: str, default: str = "None") -> str:
        """The text itself; MXNet writes a missing value as `None`."""
        return self.get(name, default)

    def value(self, name: str, default: Any = None) -> Any:
        """A Python literal: a number, a tuple, None, True or False."""
        text = self.text(name, repr(default))
        try:
            return ast.literal_eval(_LONG.sub("", text))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise ExportError(f"{self._owner}: cannot read {name}={text!r}.") from None

    def integer(self, name: str, default: int) -> int:
        return int(self._number(name, default))

    def number(self, name: str, default: float) -> float:
        return self._number(name, default)

    def flag(self, name: str, default: bool) -> bool:
        """True or False, also written 1 or 0."""
        return self.text(name, str(default)).lower() in ("true", "1")

    def integers(self, name: str, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """A tuple of integers; a lone integer is a tuple of one, None the default."""
        value = self.value(name, default)
        if value is None:
            return default
        return tuple(int(one) for one in (value if isinstance(value, tuple | list) else (value,)))

    def ignore(self, *names: str) -> None:
        """Mark attributes that change nothing in the case at hand."""
        self._read.update(names)

    def unread(self) -> list[str]:
        """The attributes that nobody looked at, sorted."""
        return sorted(set(self._values) - self._read - _WITHOUT_EFFECT)

    def _number(self, name: str, default: float) -> float:
        text = self.text(name, str(default))
        try:
            return float(text)
        except ValueError:
            raise ExportError(f"{self._owner}: {name}={text!r} is not a number.") from None


@dataclass(frozen=True)
class Body:
    """A graph within a node of control flow: its JSON text, and its arguments in their order."""

    text: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Node:
    """One operator of the symbol, or a variable, whose `op` is 'null'."""

    index: int
    op: str
    name: str
    attributes: Attributes
    inputs: tuple[Edge, ...]
    bodies: tuple[Body, ...] = ()

    @property
    def label(self) -> str:
        """The node in an error message."""
        return f"Operator {self.op!r} (node {self.name!r})"


@dataclass(frozen=True)
class SymbolGraph:
    """The nodes that the outputs need, in topological order, and the outputs in their order."""

    nodes: tuple[Node, ...]
    outputs: tuple[Edge, ...]

    def labels(self) -> set[str]:
        """Variables that only heads take, as labels: inference does not need them."""
        taken = {(node.index, 0) for node in self.nodes if node.op == VARIABLE}
        taken -= set(self.outputs)
        for node in self.nodes:
            taken -= {edge for k, edge in enumerate(node.inputs) if k != 1 or node.op not in HEADS}
        return {node.name for node in self.nodes if (node.index, 0) in taken}

    def uses(self) -> Counter[Edge]:
        """How many inputs and outputs take each edge."""
        taken = Counter(edge for node in self.nodes for edge in node.inputs)
        taken.update(self.outputs)
        return taken


def read_symbol(text: str) -> SymbolGraph:
    """The graph in the JSON text that `Symbol.tojson()` returns."""
    document = json.loads(text)
    version = document.get("attrs", {})
    nodes = [_node(index, record, version) for index, record in enumerate(document["nodes"])]
    outputs = tuple((head[0], head[1]) for head in document["heads"])
    needed = _reachable(nodes, outputs)
    return SymbolGraph(tuple(node for node in nodes if node.index in needed), outputs)


def operators(text: str) -> set[str]:
    """The operators in the JSON text of a symbol, those within others too."""
    found: set[str] = set()
    waiting = [json.loads(text)]
    while waiting:
        for record in waiting.pop()["nodes"]:
            found.add(record["op"])
            waiting.extend(record.get("subgraphs", ()))
    return found


def _node(index: int, record: Mapping[str, Any], version: Mapping[str, Any]) -> Node:
    op, name = record["op"], record["name"]
    attributes = Attributes(f"Operator {op!r} (node {name!r})", record.get("attrs", {}))
    inputs = tuple((one[0], one[1]) for one in record["inputs"])
    bodies = tuple(_body(one, version) for one in record.get("subgraphs", ()))
    return Node(index, op, name, attributes, inputs, bodies)


def _body(document: Mapping[str, Any], version: Mapping[str, Any]) -> Body:
    """MXNet writes its version, without which JSON counts as old, on the outermost graph only."""
    names = [document["nodes"][place]["name"] for place in document["arg_nodes"]]
    return Body(json.dumps({**document, "attrs": version}), tuple(names))


def _reachable(nodes: list[Node], outputs: tuple[Edge, ...]) -> set[int]:
    needed: set[int] = set()
    waiting = [index for index, _ in outputs]
    while waiting:
        index = waiting.pop()
        if index not in needed:
            needed.add(index)
            waiting.extend(source for source, _ in nodes[index].inputs)
    return needed
