"""Nodes that hold graphs of their own: which tensors they take from outside, and renaming those."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from onnx import GraphProto, NodeProto


def references(node: NodeProto) -> list[str]:
    """The tensors that a node takes, those within its bodies too."""
    names = list(node.input)
    for body in _bodies(node):
        names += [name for inner in body.node for name in references(inner)]
        names += [output.name for output in body.output]
    return names


def rename(node: NodeProto, names: Mapping[str, str]) -> None:
    """Give tensors that a node takes, or that its bodies take, other names."""
    node.input[:] = [names.get(name, name) for name in node.input]
    for body in _bodies(node):
        for inner in body.node:
            rename(inner, names)


def _bodies(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
