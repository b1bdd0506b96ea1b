"""The tables of published weights in README.md and docs/models.md, generated from the manifest.

A table stands between the lines `<!-- weights:begin -->` and `<!-- weights:end -->` of its
document; what is around them is written by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.atomic import write_atomically
from zoo.figures import duration, file_size, metric_value
from zoo.manifest import FILE_NAME, Metric, Weights, read_manifest
from zoo.spread import Spread
from zoo.versions import newest

BEGIN = "<!-- weights:begin -->"
END = "<!-- weights:end -->"

_OTHER = "surrogateescape"  # bytes of another encoding, kept as they are

_TITLES = {
    "r2": "R2",
    "mean_squared_error": "mean squared error",
    "nats_per_character": "nats per character",
}


def refresh(root: Path, manifest: Path | None = None) -> list[Path]:
    """Bring the tables in the documents below `root` up to date; returns those rewritten.

    `manifest` is by default the one that `root`, a checkout or a hub, holds. A document that is
    not there or has no markers is left alone. Raises ManifestError, OSError.
    """
    records = _records(root, manifest)
    rewritten = []
    for path in documents(root):
        text = _text(path)
        fresh = put_between(text, BEGIN, END, _RENDERERS[_place(root, path)](records.values()))
        if fresh is not None and fresh != text:
            write_atomically(path, fresh.encode("utf-8", _OTHER))
            rewritten.append(path)
    return rewritten


def _text(path: Path) -> str:
    """A document, also one in another encoding; nothing where there is none."""
    content = path.read_bytes() if path.is_file() else b""
    return content.decode("utf-8", _OTHER).replace("\r\n", "\n")


def stale(root: Path, manifest: Path | None = None) -> list[str]:
    """What is wrong with the tables below `root`, a line for each; empty when all is well."""
    records = _records(root, manifest)
    problems = []
    for path in documents(root):
        place = _place(root, path)
        text = _text(path)
        fresh = put_between(text, BEGIN, END, _RENDERERS[place](records.values()))
        if fresh is None:
            problems.append(f"{place} has no lines {BEGIN} and {END}: add them.")
        elif fresh != text:
            problems.append(f"{place} is stale: run python scripts/refresh_tables.py.")
    return problems


def documents(root: Path) -> list[Path]:
    """Where the documents with tables are, whether they exist or not."""
    return [root / place for place in _RENDERERS]


def overview(records: Iterable[Weights]) -> str:
    """One line for each record, as in README.md."""
    records = list(records)
    titles = {
        "name": "l",
        "task": "l",
        "data": "l",
        "test metric": "r",
        "over seeds": "r",
        "parameters": "r",
        "size": "r",
        "licence of data": "l",
    }
    if not any(one.seeds for one in records):
        del titles["over seeds"]  # a column of nothing
    rows = [[_overview_row(one)[title] for title in titles] for one in records]
    return _table(list(titles), "".join(titles.values()), rows)


def details(records: Iterable[Weights]) -> str:
    """A section for each record, as in docs/models.md."""
    return "\n\n".join(_section(one) for one in records)


_RENDERERS: Mapping[str, Callable[[Iterable[Weights]], str]] = {
    "README.md": overview,
    "docs/models.md": details,
}


def _place(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _records(root: Path, manifest: Path | None) -> Mapping[str, Weights]:
    checkout = root / "zoo" / "weights" / FILE_NAME
    path = manifest or (checkout if checkout.is_file() else root / FILE_NAME)
    return newest(read_manifest(path))


def put_between(text: str, begin: str, end: str, table: str) -> str | None:
    """The text with `table` between its marks, None where it has not one pair of them."""
    before, first, rest = text.partition(f"{begin}\n")
    _, last, after = rest.partition(end)
    if not first or not last or begin in after or end in after:
        return None
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"


def _overview_row(weights: Weights) -> Mapping[str, str]:
    return {
        "name": f"`{weights.name}`",
        "task": weights.task.replace("-", " "),
        "data": weights.metrics[0].dataset,
        "test metric": f"{_title(weights.metrics[0])} {_value(weights.metrics[0])}",
        "over seeds": _mean(weights.seeds),
        "parameters": f"{weights.parameters:,}",
        "size": file_size(weights.artifact("safetensors").size),
        "licence of data": weights.licence["data"],
    }


def _mean(seeds: Spread | None) -> str:
    """Mean and standard deviation in few characters."""
    if seeds is None:
        return ""
    mean = metric_value(seeds.metric, seeds.mean)
    if seeds.standard_deviation is None:
        return f"{mean}, n = 1"
    deviation = metric_value(seeds.metric, seeds.standard_deviation).removesuffix(" %")
    return f"{mean}, sd {deviation}, n = {seeds.n}"


def _section(weights: Weights) -> str:
    facts = _list(_facts(weights))
    command = weights.provenance["command"]
    return "\n\n".join(
        [
            f"## {weights.name}",
            weights.description,
            _metrics_table(weights.metrics),
            facts,
            "How it was trained, in a checkout:",
            f"```sh\n{command}\n```",
        ]
    )


def _facts(weights: Weights) -> Mapping[str, str]:
    provenance = weights.provenance
    file = weights.artifact("safetensors")
    log = f"training_logs/{weights.stem}"
    facts = {
        "Parameters": f"{weights.parameters:,}, {weights.multiply_adds:,} multiply-adds "
        f"{'a token' if weights.task == 'language-modeling' else 'an input'}",
        "File": f"`{file.file}`, {file_size(file.size)}, {file.dtype}",
        "Version": "" if weights.version == 1 else f"{weights.version}, the first is `@1`",
        "Configuration": _config(weights.config),
        "Paper": f"<{weights.paper}>",
        "Licence": f"{weights.licence['weights']}; data: {weights.licence['data']}",
        "Training": f"{provenance['epochs']} epochs on {weights.fitted_to}, "
        f"{duration(provenance['wall_seconds'])}, seed {provenance['seed']}, "
        f"finished {provenance['finished']}; [log]({log}.jsonl), [curve]({log}.png)",
        "Started from": f"`{weights.start}`" if weights.start else "",
        "Taught by": weights.teachers,
        "Over seeds": "" if weights.seeds is None else _seeds(weights.seeds),
        "Notes": provenance.get("notes") or "",
    }
    return {name: text for name, text in facts.items() if text}


def _seeds(seeds: Spread) -> str:
    listed = ", ".join(map(str, sorted(seeds.values)))
    title = _TITLES.get(seeds.metric, seeds.metric)
    return f"{title} on {seeds.dataset} {seeds.split} {seeds}; seeds {listed}"


def _metrics_table(metrics: Iterable[Metric]) -> str:
    metrics = tuple(metrics)
    runtimes = list(dict.fromkeys(name for one in metrics for name in one.runtimes))
    rows = [
        (
            _title(one),
            f"{one.dataset} {one.split}",
            f"{one.n:,}",
            *(_value(one, runtime) for runtime in runtimes),
        )
        for one in metrics
    ]
    return _table(("metric", "data", "n", *runtimes), "llr" + "r" * len(runtimes), rows)


def _table(head: Sequence[str], alignment: str, rows: Iterable[Sequence[str]]) -> str:
    rule = ["---:" if one == "r" else "---" for one in alignment]
    cells = [head, rule, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _list(facts: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {text}" for name, text in facts.items())


def _config(config: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}={value!r}`" for name, value in config.items()) or "default"


def _title(metric: Metric) -> str:
    return _TITLES.get(metric.name, metric.name)


def _value(metric: Metric, runtime: str | None = None) -> str:
    """The value with its standard error; empty where it is not measured on that runtime."""
    value = metric.value if runtime is None else metric.runtimes.get(runtime)
    return "" if value is None else metric_value(metric.name, value, metric.standard_error)
