"""`zoo list` and `zoo info`: what is published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli import showing
from zoo.cli.arguments import Json, Name, Task, complete_name
from zoo.cli.exits import say
from zoo.cli.showing import Column
from zoo.figures import duration, file_size, metric_value

if TYPE_CHECKING:
    from zoo.manifest import TensorSpec, Weights

_TASKS = ", ".join(one.value for one in Task)


def list_published(
    pattern: Annotated[
        str,
        typer.Argument(
            metavar="PATTERN",
            help="A name, an architecture or a shell pattern; or one of another hub, "
            "ADDRESS::PATTERN, or ADDRESS for all; 'gluoncv/*' are GluonCV's networks.",
            autocompletion=complete_name,
        ),
    ] = "*",
    task: Annotated[
        Task | None,
        typer.Option("--task", metavar="TASK", help=f"Only weights for one task: {_TASKS}."),
    ] = None,
    json: Json = False,
) -> None:
    """List published weights, with their size and their first metric.

    Superseded versions are listed by a pattern with @.

    \b
    Examples:
      zoo list
      zoo list '*@*'
      zoo list lenet
      zoo list '*.mnist'
      zoo list --task language-modeling --json
      zoo list hf://owner/repo
      zoo list 'gluoncv/*'
    """
    from zoo.addresses import split_address
    from zoo.lookup import search
    from zoo.models.gluoncv import is_gluoncv

    if is_gluoncv(pattern):
        _list_gluoncv(pattern, task, json)
        return
    wanted = None if task is None else task.value
    records = search(pattern, task=wanted)
    if not records and split_address(pattern)[1]:
        records = search(f"{pattern}.*", task=wanted)
    if records and records[0].hub and not json:
        say(f"From {records[0].hub}:")
    if json:
        showing.print_json([_summary(one) for one in records])
    elif not records:
        say("No published weights match; zoo list shows all.")
    else:
        _print_records(records)


def _list_gluoncv(pattern: str, task: Task | None, json: bool) -> None:
    """GluonCV's networks, which have no published weights here, and so no task."""
    from zoo.models.gluoncv import known, matching

    names = matching(pattern) if task is None else []
    found = [(name, known(name)) for name in names]
    if json:
        showing.print_json(
            [{"name": name, "family": one.family, "inputs": one.shapes} for name, one in found]
        )
    elif not found:
        say("None of GluonCV's networks match; zoo list 'gluoncv/*' shows all.")
    else:
        columns = [Column("name"), Column("family"), Column("inputs", spare=True)]
        rows = [[name, one.family, _shapes(one.shapes)] for name, one in found]
        showing.print_table(columns, rows)


def _shapes(shapes: Sequence[Sequence[int | str]]) -> str:
    return ", ".join(f"({', '.join(map(str, shape))})" for shape in shapes)


def _summary(weights: Weights) -> dict[str, Any]:
    return {
        **_origin(weights),
        "task": weights.task,
        "description": weights.description,
        "parameters": weights.parameters,
        "size": weights.artifact("safetensors").size,
        "metrics": [one.to_json() for one in weights.metrics],
    }


def _origin(weights: Weights) -> dict[str, str]:
    """The record's name; its hub too, where that is not the package."""
    return {"name": weights.name, **({"hub": weights.hub} if weights.hub else {})}


def _print_records(records: list[Weights]) -> None:
    columns = [
        Column("name"),
        Column("parameters", right=True),
        Column("size", right=True, spare=True),
        Column("metric"),
        Column("value", right=True),
        Column("task", spare=True),
    ]
    rows = []
    for one in records:
        metric = one.metrics[0]
        size = file_size(one.artifact("safetensors").size)
        value = metric_value(metric.name, metric.value)
        rows.append([one.name, f"{one.parameters:,}", size, metric.name, value, one.task])
    showing.print_table(columns, rows)


def info(name: Name, json: Json = False) -> None:
    """Show everything that is known about published weights.

    \b
    Examples:
      zoo info lenet
      zoo info lenet.mnist --json
    """
    from zoo.lookup import get_weights

    weights = get_weights(name)
    if json:
        showing.print_json({**_origin(weights), **weights.to_json()})
        return
    showing.print_fields(weights.name, weights.description, list(_fields(weights)))


def _fields(weights: Weights) -> Iterator[tuple[str, str]]:
    if weights.hub:
        yield "hub", weights.hub
    if weights.version > 1 or weights.superseded:
        yield "version", str(weights.version) + " (superseded)" * weights.superseded
    yield "task", weights.task
    yield "parameters", f"{weights.parameters:,}"
    yield "multiply-adds", f"{weights.multiply_adds:,}"
    yield "config", ", ".join(f"{key}={value}" for key, value in weights.config.items())
    yield "input", "\n".join(map(_spec, weights.inputs))
    yield "output", "\n".join(map(_spec, weights.outputs))
    yield "raw input", _preprocessing(weights.preprocessing)
    if weights.labels:
        yield "labels", ", ".join(weights.labels)
    yield "metrics", "\n".join(_metrics(weights))
    if weights.seeds:
        yield "over seeds", f"{weights.seeds.metric} {weights.seeds}"
    yield "files", "\n".join(_files(weights))
    yield "licence", f"weights: {weights.licence['weights']}\ndata: {weights.licence['data']}"
    yield "paper", weights.paper
    yield from _provenance(weights)


def _spec(spec: TensorSpec) -> str:
    return f"{spec.name}: {spec.dtype} ({', '.join(map(str, spec.shape))})"


def _preprocessing(numbers: Any) -> str:
    if numbers["kind"] == "image":
        height, width = numbers["size"]
        return f"a picture, fitted into {height} x {width} pixels"
    if numbers["kind"] == "tokens":
        return f"a text, read by the {numbers['level']}"
    names = numbers.get("names")
    return f"features: {', '.join(names)}" if names else f"{numbers['count']} features"


def _metrics(weights: Weights) -> Iterator[str]:
    for one in weights.metrics:
        error = "" if one.standard_error is None else f" (standard error {one.standard_error:.2g})"
        value = metric_value(one.name, one.value)
        yield f"{one.name} {value}{error} on {one.dataset} {one.split}, n = {one.n:,}"


def _files(weights: Weights) -> Iterator[str]:
    for one in weights.artifacts.values():
        yield f"{one.file}, {file_size(one.size)}, sha256 {one.sha256}"


def _provenance(weights: Weights) -> Iterator[tuple[str, str]]:
    facts = weights.provenance
    yield "trained by", str(facts["command"])
    took = duration(facts["wall_seconds"])
    yield "training", f"seed {facts['seed']}, {facts['epochs']} epochs, {took}"
    yield "fitted to", weights.fitted_to
    if weights.start:
        yield "started from", weights.start
    if weights.teachers:
        yield "taught by", weights.teachers
    yield "finished", str(facts["finished"])
    yield "log", str(facts["log"])
    if facts.get("notes"):
        yield "notes", str(facts["notes"])
